//! Blocks of addresses: making and listing them.

use axum::{Json, extract::State, http::StatusCode};
use berth_api::{
    data::Data,
    time,
    v1::ip_block::{CreateIpBlock, IpBlock},
};
use berth_store::entity::ip_block as entity;

use crate::{Context, Error, actions::ip_blocks, actor::Actor, http::extract::Body};

/// Create a block of addresses, with its range and the nodes that it serves.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/connectivity/ipblocks", tag = "Connectivity", request_body = CreateIpBlock,
    responses((status = 201, description = "The block.", body = Data<IpBlock>), (status = 401, description = "The token is missing or wrong."),
        (status = 409, description = "The name is another block's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateIpBlock>,
) -> Result<(StatusCode, Json<Data<IpBlock>>), Error> {
    let row = ip_blocks::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

fn shown(row: entity::Model) -> IpBlock {
    let entity::Model {
        id,
        uuid: _,
        name,
        family,
        gateway,
        prefix_len,
        source_prefix,
        subnet_prefix_len,
        resolver1,
        resolver2,
        enabled,
        network_profile,
        created_at,
        updated_at,
    } = row;
    IpBlock {
        id,
        name,
        r#type: family,
        gateway,
        prefix_len,
        source_prefix,
        subnet_prefix_len,
        resolver1,
        resolver2,
        enabled,
        network_profile,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
