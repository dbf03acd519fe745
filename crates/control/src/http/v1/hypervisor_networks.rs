//! Networks of nodes.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::{
        confirm::Confirm,
        hypervisor_network::{CreateHypervisorNetwork, HypervisorNetwork, UpdateHypervisorNetwork},
    },
};
use berth_store::entity::hypervisor_network as entity;

use crate::{
    Context, Error,
    actions::{
        hypervisor_networks::{self, NETWORK},
        ip_block_bindings::NODE,
    },
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve the networks of a hypervisor.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}/networks", operation_id = "list_networks", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 200, description = "All of them, the primary one first.", body = Data<Vec<HypervisorNetwork>>),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<HypervisorNetwork>>>, Error> {
    let all = hypervisor_networks::list(&ctx, &actor, extract::id(&id, NODE)?).await?;
    Ok(Json(Data { data: all.into_iter().map(network).collect() }))
}

/// Create a network on a hypervisor.
///
/// Its bridge is one that the node's owner lists in the agent's configuration, and is there already.
#[utoipa::path(post, path = "/compute/hypervisors/{hypervisorId}/networks", operation_id = "create_network", tag = "Hypervisors",
    request_body = CreateHypervisorNetwork, params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 201, description = "The network.", body = Data<HypervisorNetwork>),
        (status = 404, description = "There is no such hypervisor."),
        (status = 409, description = "The bridge is a network of the hypervisor already."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<CreateHypervisorNetwork>,
) -> Result<(StatusCode, Json<Data<HypervisorNetwork>>), Error> {
    let made = hypervisor_networks::create(&ctx, &actor, extract::id(&id, NODE)?, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: network(made) })))
}

/// Retrieve a network of a hypervisor.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}/networks/{networkId}", operation_id = "retrieve_network", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("networkId" = i64, Path, description = "The id of one of its networks.")),
    responses((status = 200, description = "The network.", body = Data<HypervisorNetwork>),
        (status = 404, description = "There is no such hypervisor or network.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, of)): Path<(String, String)>,
) -> Result<Json<Data<HypervisorNetwork>>, Error> {
    let ids = (extract::id(&id, NODE)?, extract::id(&of, NETWORK)?);
    Ok(Json(Data { data: network(hypervisor_networks::one(&ctx, &actor, ids).await?) }))
}

/// Change a network of a hypervisor: what is named, nothing else.
#[utoipa::path(put, path = "/compute/hypervisors/{hypervisorId}/networks/{networkId}", operation_id = "update_network", tag = "Hypervisors",
    request_body = UpdateHypervisorNetwork,
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("networkId" = i64, Path, description = "The id of one of its networks.")),
    responses((status = 200, description = "The network as it is now.", body = Data<HypervisorNetwork>),
        (status = 404, description = "There is no such hypervisor or network."),
        (status = 409, description = "The bridge is a network of the hypervisor already."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, of)): Path<(String, String)>,
    Body(input): Body<UpdateHypervisorNetwork>,
) -> Result<Json<Data<HypervisorNetwork>>, Error> {
    let ids = (extract::id(&id, NODE)?, extract::id(&of, NETWORK)?);
    Ok(Json(Data { data: network(hypervisor_networks::update(&ctx, &actor, ids, input).await?) }))
}

/// Remove a network that nothing is attached to.
///
/// A bridge of the node's own stays; one that the node made for the network goes with it.
#[utoipa::path(delete, path = "/compute/hypervisors/{hypervisorId}/networks/{networkId}", operation_id = "delete_network", tag = "Hypervisors",
    request_body = Confirm,
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("networkId" = i64, Path, description = "The id of one of its networks.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such hypervisor or network."),
        (status = 422, description = "What is in the way, with numbers.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, of)): Path<(String, String)>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    let ids = (extract::id(&id, NODE)?, extract::id(&of, NETWORK)?);
    hypervisor_networks::remove(&ctx, &actor, ids, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn network(row: entity::Model) -> HypervisorNetwork {
    let entity::Model {
        id,
        hypervisor_id: _,
        name,
        kind,
        bridge,
        mtu,
        made,
        is_primary,
        is_default,
        ip_block_group_id,
        created_at,
        updated_at,
    } = row;
    HypervisorNetwork {
        id,
        name,
        r#type: kind,
        bridge,
        mtu,
        made,
        primary: is_primary,
        default: is_default,
        ip_block_group_id,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
