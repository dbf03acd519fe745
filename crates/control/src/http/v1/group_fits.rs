//! How many more servers fit in a group.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    v1::fits::{GroupFits, NodeFits},
};

use crate::{
    Context, Error,
    actions::group_fits::{self, Answer, Question},
    actor::Actor,
    http::extract::{self, Query},
    placement::{Fit, Node},
};

/// Count how many more servers of a package fit in a group, node by node.
///
/// An addition of Berth's. It is what creates would do one after the other; at most 10000 are counted.
#[utoipa::path(get, path = "/compute/hypervisors/groups/{hypervisorGroupId}/fits", tag = "Hypervisor groups",
    params(("hypervisorGroupId" = i64, Path, description = "A group's id."),
        ("packageId" = i64, Query, description = "A package's id."),
        ("ipv4" = Option<i64>, Query, description = "IPv4 addresses of each server, 0 to 256, by default 1."),
        ("templateId" = Option<i64>, Query, description = "The template that they will be built from.")),
    responses((status = 200, description = "How many fit, and what keeps the next one away.", body = Data<GroupFits>),
        (status = 404, description = "There is no such group.")))]
pub async fn fits(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
) -> Result<Json<Data<GroupFits>>, Error> {
    let question = Question {
        package_id: query.number("packageId")?,
        template_id: query.number("templateId")?,
        ipv4: query.number("ipv4")?,
    };
    let id = extract::id(&id, "hypervisor group")?;
    let Answer { group, package, reasons, fits, nodes } = group_fits::count(&ctx, &actor, id, question).await?;
    let data = GroupFits {
        group_id: group.id,
        package_id: package.id,
        fits: fits.total,
        more: fits.more,
        reasons,
        hypervisors: nodes.into_iter().zip(fits.nodes).map(node).collect(),
    };
    Ok(Json(Data { data }))
}

fn node((node, Fit { id, fits, then }): (Node, Fit)) -> NodeFits {
    NodeFits {
        id,
        fits,
        limited_by: then.iter().map(|refusal| refusal.name().to_owned()).collect(),
        reasons: then.iter().map(|refusal| refusal.sentence(&node.name)).collect(),
        name: node.name,
    }
}
