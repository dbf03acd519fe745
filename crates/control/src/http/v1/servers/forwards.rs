//! Ports of a server's node that lead to it.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::port_forward::{CreatePortForward, PortForward},
};
use berth_store::entity::port_forward as entity;

use super::SERVER;
use crate::{
    Context, Error,
    actions::port_forwards::{self, FORWARD, Shown},
    actor::Actor,
    http::extract::{self, Body},
    ipam,
};

/// Retrieve the ports of its node that lead to a server.
#[utoipa::path(get, path = "/servers/{serverId}/forwards", operation_id = "list_port_forwards", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "All of them, in the order in which they were made.", body = Data<Vec<PortForward>>),
        (status = 404, description = "There is no such server.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<PortForward>>>, Error> {
    let all = port_forwards::list(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(Json(Data { data: all.into_iter().map(shown).collect() }))
}

/// Let a port of its node lead to a server.
///
/// Of servers on networks whose node translates addresses (`lvNatv1`). The node follows at once.
#[utoipa::path(post, path = "/servers/{serverId}/forwards", operation_id = "create_port_forward", tag = "Servers",
    request_body = CreatePortForward, params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 201, description = "The forward.", body = Data<PortForward>),
        (status = 404, description = "There is no such server."),
        (status = 409, description = "The port leads to a server already."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<CreatePortForward>,
) -> Result<(StatusCode, Json<Data<PortForward>>), Error> {
    let made = port_forwards::create(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(made) })))
}

/// Let a port of its node no longer lead to a server.
#[utoipa::path(delete, path = "/servers/{serverId}/forwards/{forwardId}", operation_id = "delete_port_forward", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("forwardId" = i64, Path, description = "The id of one of its port forwards.")),
    responses((status = 204, description = "It leads there no longer."),
        (status = 404, description = "There is no such server or port forward.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, forward)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    port_forwards::remove(&ctx, &actor, extract::id(&id, SERVER)?, extract::id(&forward, FORWARD)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(of: Shown) -> PortForward {
    let Shown { row, interface, node } = of;
    let entity::Model { id, hypervisor_id: _, interface_id: _, protocol, public_port, address, port, created_at } = row;
    PortForward {
        id,
        interface: interface.tag,
        protocol,
        public_address: node.ip,
        public_port,
        address: ipam::ipv4(address).to_string(),
        port,
        created: time::offset(created_at),
    }
}
