//! Which blocks of addresses serve which networks of nodes.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::ip_block::{BindBlock, BlockBinding, BoundNetwork, MoveBinding, OrderBlocks},
};
use berth_store::{
    entity::{hypervisor_network, ip_block, ip_block_binding as entity},
    ip_block_binding::Bound,
};

use crate::{
    Context, Error,
    actions::{
        ip_block_bindings::{self, NODE},
        ip_ranges::BLOCK,
    },
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve the networks that a block is bound to.
///
/// Those that it serves by a group are told with the group.
#[utoipa::path(get, path = "/connectivity/ipblocks/{blockId}/hypervisors", operation_id = "hypervisors_of_block", tag = "Connectivity",
    params(("blockId" = i64, Path, description = "A block's id.")),
    responses((status = 200, description = "Its bindings, node by node.", body = Data<Vec<BlockBinding>>),
        (status = 404, description = "There is no such block.")))]
pub async fn of_block(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<BlockBinding>>>, Error> {
    let bound = ip_block_bindings::of_block(&ctx, &actor, extract::id(&id, BLOCK)?).await?;
    Ok(Json(Data { data: bound.into_iter().map(shown).collect() }))
}

/// Retrieve the blocks that serve a hypervisor.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}/ipblocks", operation_id = "list_ip_blocks", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 200, description = "Network by network, in the order in which they give addresses.",
            body = Data<Vec<BlockBinding>>),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<BlockBinding>>>, Error> {
    let bound = ip_block_bindings::list(&ctx, &actor, extract::id(&id, NODE)?).await?;
    Ok(Json(Data { data: bound.into_iter().map(shown).collect() }))
}

/// Let a block serve a network of a hypervisor.
#[utoipa::path(post, path = "/compute/hypervisors/{hypervisorId}/ipblocks", operation_id = "bind_ip_block", tag = "Hypervisors",
    request_body = BindBlock, params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 201, description = "The binding, after those that there are.", body = Data<BlockBinding>),
        (status = 404, description = "There is no such hypervisor."),
        (status = 409, description = "The block serves the hypervisor already."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn bind(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<BindBlock>,
) -> Result<(StatusCode, Json<Data<BlockBinding>>), Error> {
    let bound = ip_block_bindings::bind(&ctx, &actor, extract::id(&id, NODE)?, &input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(bound) })))
}

/// Put the blocks of a hypervisor into an order.
#[utoipa::path(put, path = "/compute/hypervisors/{hypervisorId}/ipblocks/order", operation_id = "order_ip_blocks", tag = "Hypervisors",
    request_body = OrderBlocks, params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 204, description = "Addresses are given in that order from now on."),
        (status = 404, description = "There is no such hypervisor."),
        (status = 422, description = "Which block does not serve the hypervisor.")))]
pub async fn order(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<OrderBlocks>,
) -> Result<StatusCode, Error> {
    ip_block_bindings::order(&ctx, &actor, extract::id(&id, NODE)?, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a block serve another network of the hypervisor.
#[utoipa::path(put, path = "/compute/hypervisors/{hypervisorId}/ipblocks/{blockId}", operation_id = "move_ip_block", tag = "Hypervisors",
    request_body = MoveBinding,
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("blockId" = i64, Path, description = "The id of a block that serves it.")),
    responses((status = 200, description = "The binding as it is now.", body = Data<BlockBinding>),
        (status = 404, description = "There is no such hypervisor, or the block does not serve it."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn move_to(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, block)): Path<(String, String)>,
    Body(input): Body<MoveBinding>,
) -> Result<Json<Data<BlockBinding>>, Error> {
    let ids = (extract::id(&id, NODE)?, extract::id(&block, BLOCK)?);
    let bound = ip_block_bindings::move_to(&ctx, &actor, ids, &input).await?;
    Ok(Json(Data { data: shown(bound) }))
}

/// Let a block no longer serve a hypervisor.
///
/// Servers keep the addresses that they have.
#[utoipa::path(delete, path = "/compute/hypervisors/{hypervisorId}/ipblocks/{blockId}", operation_id = "unbind_ip_block", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("blockId" = i64, Path, description = "The id of a block that serves it.")),
    responses((status = 204, description = "The block gives no more addresses there."),
        (status = 404, description = "There is no such hypervisor, or the block does not serve it.")))]
pub async fn unbind(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, block)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    ip_block_bindings::unbind(&ctx, &actor, extract::id(&id, NODE)?, extract::id(&block, BLOCK)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(bound: Bound) -> BlockBinding {
    let Bound { binding, block, network } = bound;
    let entity::Model { id, block_id, network_id, position, created_at: _ } = binding;
    let ip_block::Model { name, family, enabled, .. } = block;
    let hypervisor_network::Model { hypervisor_id, bridge, .. } = network;
    BlockBinding {
        id,
        block_id,
        name,
        r#type: family,
        enabled,
        hypervisor_id,
        network: BoundNetwork { id: network_id, bridge },
        order: position,
    }
}
