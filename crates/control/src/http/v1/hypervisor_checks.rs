//! What is found out about nodes.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    time,
    v1::{
        hypervisor_checks::{Difference, HypervisorDrift, HypervisorSelftest},
        server_input::Queued,
    },
};
use berth_store::{
    drift,
    entity::{hypervisor_drift, hypervisor_selftest},
    hypervisor,
};

use crate::{
    Context, Error,
    actions::hypervisor_selftest as selftests,
    actor::{Ability, Actor},
    compare,
    http::{extract, page::PageRequest},
};

const NODE: &str = "hypervisor";

/// Test a hypervisor: whether guests boot there, on each kind of storage, behind filters and on its bridges.
///
/// An addition of Berth's. What the newest test found is in `selftest` of the hypervisor. Disks are placed only on
/// storage that passed its newest test, so a hypervisor takes servers once the test that its joining queued has passed.
#[utoipa::path(post, path = "/compute/hypervisors/{hypervisorId}/selftest", tag = "Hypervisors", operation_id = "selftest",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 200, description = "The test is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such hypervisor."),
        (status = 423, description = "It is being tested already.")))]
pub async fn selftest(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    let queue_id = selftests::start(&ctx, &actor, extract::id(&id, NODE)?).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

/// Retrieve where a hypervisor and the database differ.
///
/// An addition of Berth's. Each hypervisor is compared once a minute. Differences are shown and never mended by guess.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}/drift", tag = "Hypervisors", operation_id = "drift",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "The differences.", body = Data<HypervisorDrift>),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn drift(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
    Path(id): Path<String>,
) -> Result<Json<Data<HypervisorDrift>>, Error> {
    actor.require(Ability::Inspect)?;
    let db = ctx.store.read();
    let row = hypervisor::by_id(db, extract::id(&id, NODE)?).await?.ok_or(Error::NotFound(NODE))?;
    let last = drift::comparison(db, row.id).await?;
    let (rows, total) = drift::page(db, row.id, page.offset(), page.results).await?;
    let (compared, error) = last.map_or((None, None), |last| (last.compared_at.map(time::offset), last.error));
    let differences = rows.into_iter().map(difference).collect();
    Ok(Json(Data { data: HypervisorDrift { compared, error, differences, total } }))
}

fn difference(row: hypervisor_drift::Model) -> Difference {
    let hypervisor_drift::Model { id: _, hypervisor_id: _, kind, subject, server_id, first_seen_at, last_seen_at: _ } =
        row;
    let detail = compare::advice(&kind).to_owned();
    Difference { kind, subject, server_id, detail, since: time::offset(first_seen_at) }
}

/// As the hypervisor shows it.
pub(super) fn shown(row: hypervisor_selftest::Model) -> HypervisorSelftest {
    let hypervisor_selftest::Model { id: _, hypervisor_id: _, job_id: _, passed, checks, finished_at } = row;
    let checks = serde_json::from_value(checks).unwrap_or_default();
    HypervisorSelftest { passed, at: time::offset(finished_at), checks }
}
