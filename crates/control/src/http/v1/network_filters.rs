//! Filters of a node's servers, written anew.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    time,
    v1::{
        network_filters::{HypervisorSettings, NetworkFilter, NetworkFilterResult},
        server_input::Queued,
    },
};
use berth_store::entity::job as entity;

use crate::{Context, Error, actions::network_filters, actor::Actor, http::extract};

/// Write the network filters of all servers of a hypervisor anew.
///
/// In the background: servers whose newest specification the node does not have get it, then the node writes the rules of
/// all of them, whatever is in force there. How far it is, and what came of it, is in `settings.networkFilter.lastResult`
/// of the hypervisor.
#[utoipa::path(post, path = "/compute/hypervisors/{hypervisorId}/networkFilters/regenerate", tag = "Hypervisors",
    operation_id = "regenerate_network_filters",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 200, description = "It is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such hypervisor."),
        (status = 423, description = "They are being written already.")))]
pub async fn regenerate(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    let queue_id = network_filters::regenerate(&ctx, &actor, extract::id(&id, "hypervisor")?).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

/// As the hypervisor shows it: of the newest job that there was.
pub(super) fn settings(newest: Option<entity::Model>) -> HypervisorSettings {
    let last_result = newest.map(|job| NetworkFilterResult {
        queue_id: job.id,
        written: serde_json::from_value(job.result).ok(),
        state: job.state,
        progress: job.progress,
        started: job.started_at.map(time::offset),
        finished: job.finished_at.map(time::offset),
        error: job.error,
    });
    HypervisorSettings { network_filter: NetworkFilter { last_result } }
}
