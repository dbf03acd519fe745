//! Groups of IP blocks.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        confirm::Confirm,
        ip_block_group::{CreateIpBlockGroup, IpBlockGroup, IpBlockOfGroup, NetworkOfIpBlockGroup, UpdateIpBlockGroup},
    },
};
use berth_store::entity::{hypervisor_network, ip_block, ip_block_group as entity};

use crate::{
    Context, Error,
    actions::ip_block_groups::{self, GROUP, Group},
    actor::Actor,
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

/// Retrieve groups of IP blocks.
#[utoipa::path(get, path = "/connectivity/ipblockgroups", operation_id = "list_ip_block_groups", tag = "Connectivity",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of groups, with their blocks and networks.",
        body = Page<IpBlockGroup>)))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<IpBlockGroup>>, Error> {
    let (groups, total) = ip_block_groups::list(&ctx, &actor, page.offset(), page.results).await?;
    Ok(Json(page.wrap(groups.into_iter().map(group).collect(), total)))
}

/// Create a group of IP blocks.
///
/// Networks of hypervisors that name it (`ipBlockGroupId`) are served by its blocks.
#[utoipa::path(post, path = "/connectivity/ipblockgroups", operation_id = "create_ip_block_group", tag = "Connectivity",
    request_body = CreateIpBlockGroup,
    responses((status = 201, description = "The group.", body = Data<IpBlockGroup>),
        (status = 409, description = "The name is another group's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateIpBlockGroup>,
) -> Result<(StatusCode, Json<Data<IpBlockGroup>>), Error> {
    let made = ip_block_groups::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: group(made) })))
}

/// Retrieve a group of IP blocks.
#[utoipa::path(get, path = "/connectivity/ipblockgroups/{ipBlockGroupId}", operation_id = "retrieve_ip_block_group", tag = "Connectivity",
    params(("ipBlockGroupId" = i64, Path, description = "A group's id.")),
    responses((status = 200, description = "The group.", body = Data<IpBlockGroup>),
        (status = 404, description = "There is no such group.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<IpBlockGroup>>, Error> {
    Ok(Json(Data { data: group(ip_block_groups::one(&ctx, &actor, extract::id(&id, GROUP)?).await?) }))
}

/// Change a group of IP blocks: what is named, nothing else.
#[utoipa::path(put, path = "/connectivity/ipblockgroups/{ipBlockGroupId}", operation_id = "update_ip_block_group", tag = "Connectivity",
    request_body = UpdateIpBlockGroup, params(("ipBlockGroupId" = i64, Path, description = "A group's id.")),
    responses((status = 200, description = "The group as it is now.", body = Data<IpBlockGroup>),
        (status = 404, description = "There is no such group."),
        (status = 409, description = "The name is another group's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateIpBlockGroup>,
) -> Result<Json<Data<IpBlockGroup>>, Error> {
    Ok(Json(Data { data: group(ip_block_groups::update(&ctx, &actor, extract::id(&id, GROUP)?, input).await?) }))
}

/// Remove a group of IP blocks that no network has.
///
/// The blocks stay.
#[utoipa::path(delete, path = "/connectivity/ipblockgroups/{ipBlockGroupId}", operation_id = "delete_ip_block_group", tag = "Connectivity",
    request_body = Confirm, params(("ipBlockGroupId" = i64, Path, description = "A group's id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such group."),
        (status = 422, description = "It is not confirmed, or how many networks have it.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    ip_block_groups::remove(&ctx, &actor, extract::id(&id, GROUP)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn group(group: Group) -> IpBlockGroup {
    let Group { row, blocks, networks } = group;
    let entity::Model { id, name, created_at, updated_at } = row;
    IpBlockGroup {
        id,
        name,
        blocks: blocks.into_iter().map(block).collect(),
        networks: networks.into_iter().map(network).collect(),
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

fn block(row: ip_block::Model) -> IpBlockOfGroup {
    let ip_block::Model { id, name, family, enabled, .. } = row;
    IpBlockOfGroup { id, name, r#type: family, enabled }
}

fn network(row: hypervisor_network::Model) -> NetworkOfIpBlockGroup {
    let hypervisor_network::Model { id, hypervisor_id, name, bridge, .. } = row;
    NetworkOfIpBlockGroup { id, hypervisor_id, name, bridge }
}
