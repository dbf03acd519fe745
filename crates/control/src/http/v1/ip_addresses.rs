//! Single addresses of blocks: adding, listing, keeping back, taking out; and who held one when.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::ip_block::{AddIpv4, AddedIpv4, AddressHolding, BlockAddress, RemoveIpv4, ReserveIpv4},
};
use berth_store::{
    address_history,
    entity::{address_history as holding_entity, ip_block as block_entity, ipv4_address as entity, server_interface},
    ip_block,
    ipv4_address::{self, Filter},
};

use crate::{
    Context, Error,
    actions::ip_ranges::{self, Added, BLOCK},
    actor::{Ability, Actor},
    http::{
        extract::{self, Body, Query},
        page::PageRequest,
    },
    ipam,
};

/// Addresses that an answer names one by one.
const EXISTING_SHOWN: usize = 256;

/// Add IPv4 addresses to a block.
///
/// Addresses that the block has already stay as they are. Its gateway and the ends of its network are left out.
#[utoipa::path(post, path = "/connectivity/ipblocks/{blockId}/ipv4", operation_id = "add_ipv4", tag = "Connectivity", request_body = AddIpv4,
    params(("blockId" = i64, Path, description = "An IPv4 block's id.")),
    responses((status = 204, description = "The block has the range from start to end."),
        (status = 200, description = "What became of a network with its prefix.", body = Data<AddedIpv4>),
        (status = 404, description = "There is no such block."),
        (status = 422, description = "Which fields are wrong, or which other block has an address of the range.")))]
pub async fn add(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<AddIpv4>,
) -> Result<Response, Error> {
    let Added { added, existing, kept_out } = ip_ranges::add(&ctx, &actor, extract::id(&id, BLOCK)?, &input).await?;
    if input.network.is_none() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let texts = |addresses: &[Ipv4Addr]| addresses.iter().take(EXISTING_SHOWN).map(Ipv4Addr::to_string).collect();
    let data = AddedIpv4 {
        added,
        existing_total: u64::try_from(existing.len()).unwrap_or(u64::MAX),
        existing: texts(&existing),
        kept_out: texts(&kept_out),
    };
    Ok(Json(Data { data }).into_response())
}

/// Retrieve the addresses of an IPv4 block.
#[utoipa::path(get, path = "/connectivity/ipblocks/{blockId}/ipv4", operation_id = "list_ipv4", tag = "Connectivity",
    params(("blockId" = i64, Path, description = "A block's id."),
        ("address" = Option<String>, Query, description = "Only this address."),
        ("reserved" = Option<bool>, Query, description = "Only those that are kept back, or are not."),
        ("assigned" = Option<bool>, Query, description = "Only those that servers have, or have not."),
        ("server" = Option<i64>, Query, description = "Only those of this server."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of addresses in their order.", body = Page<BlockAddress>),
        (status = 404, description = "There is no such block."),
        (status = 422, description = "Which filter is wrong.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<BlockAddress>>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let block = ip_block::by_id(db, extract::id(&id, BLOCK)?).await?.ok_or(Error::NotFound(BLOCK))?;
    let flag = |name: &str| query.text(name).map(|_| query.flag(name)).transpose();
    let address = query.text("address").map(str::parse::<Ipv4Addr>).transpose();
    let address = address.map_err(|_| Error::invalid("The address must be an IPv4 address."))?;
    let filter = Filter {
        address: address.map(|address| u32::from(address).into()),
        reserved: flag("reserved")?,
        assigned: flag("assigned")?,
        server_id: query.number("server")?,
    };
    let (rows, total) = ipv4_address::page(db, block.id, &filter, page.offset(), page.results).await?;
    let rows = rows.into_iter().map(|(row, holder)| shown(row, holder.as_ref(), &block)).collect();
    Ok(Json(page.wrap(rows, total)))
}

/// Keep IPv4 addresses of a block back, or let them be given again.
///
/// What a server has stays with it.
#[utoipa::path(put, path = "/connectivity/ipblocks/{blockId}/ipv4", operation_id = "reserve_ipv4", tag = "Connectivity", request_body = ReserveIpv4,
    params(("blockId" = i64, Path, description = "An IPv4 block's id.")),
    responses((status = 204, description = "The addresses are kept back, or are not."),
        (status = 404, description = "There is no such block."),
        (status = 422, description = "Which addresses are wrong.")))]
pub async fn reserve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ReserveIpv4>,
) -> Result<StatusCode, Error> {
    ip_ranges::reserve(&ctx, &actor, extract::id(&id, BLOCK)?, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take free IPv4 addresses out of a block.
#[utoipa::path(delete, path = "/connectivity/ipblocks/{blockId}/ipv4", operation_id = "remove_ipv4", tag = "Connectivity",
    request_body = RemoveIpv4, params(("blockId" = i64, Path, description = "An IPv4 block's id.")),
    responses((status = 204, description = "The addresses are out of the block."),
        (status = 404, description = "There is no such block."),
        (status = 422, description = "Which addresses are wrong, or a server's.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<RemoveIpv4>,
) -> Result<StatusCode, Error> {
    ip_ranges::remove(&ctx, &actor, extract::id(&id, BLOCK)?, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve who held an address.
///
/// For complaints: IPv4 addresses, and IPv6 addresses by the subnet that they lie in, also of servers that are gone.
#[utoipa::path(get, path = "/connectivity/addresses/{address}/history", operation_id = "address_history", tag = "Connectivity",
    params(("address" = String, Path, description = "An IPv4 or IPv6 address."),
        ("at" = Option<String>, Query, description = "Only who held it then, as RFC 3339 writes times."),
        ("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of holdings, the newest first.", body = Page<AddressHolding>),
        (status = 404, description = "That is not an address."),
        (status = 422, description = "The time is wrong.")))]
pub async fn history(
    State(ctx): State<Context>,
    actor: Actor,
    Path(address): Path<String>,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<AddressHolding>>, Error> {
    actor.require(Ability::Inspect)?;
    let at = query.moment("at")?;
    let db = ctx.store.read();
    let (rows, total) = match address.parse().map_err(|_| Error::NotFound("address"))? {
        IpAddr::V4(address) => address_history::of_ipv4(db, address, at, page.offset(), page.results).await?,
        IpAddr::V6(address) => address_history::of_ipv6(db, address, at, page.offset(), page.results).await?,
    };
    Ok(Json(page.wrap(rows.into_iter().map(holding).collect(), total)))
}

fn shown(row: entity::Model, holder: Option<&server_interface::Model>, block: &block_entity::Model) -> BlockAddress {
    let entity::Model {
        id,
        block_id: _,
        address,
        interface_id,
        position: _,
        reserved,
        assigned_at,
        released_at: _,
        created_at: _,
        free_since,
        mac: _,
    } = row;
    let address = ipam::ipv4(address);
    BlockAddress {
        id,
        address: address.to_string(),
        reserved,
        outside_netmask: ipam::is_outside(address, &block.gateway, block.prefix_len),
        server_id: holder.map(|holder| holder.server_id),
        interface_id,
        assigned: assigned_at.map(time::offset),
        released: (free_since > 0).then(|| time::offset(free_since)),
    }
}

fn holding(row: holding_entity::Model) -> AddressHolding {
    let holding_entity::Model {
        id: _,
        ipv4,
        ipv6,
        prefix_len,
        server_id,
        server_uuid,
        user_id,
        interface_id,
        assigned_at,
        released_at,
    } = row;
    let subnet = || format!("{}/{prefix_len}", ipv6.unwrap_or_default());
    AddressHolding {
        address: ipv4.map_or_else(subnet, |number| ipam::ipv4(number).to_string()),
        server_id,
        server_uuid: server_uuid.to_string(),
        user_id,
        interface_id,
        assigned: time::offset(assigned_at),
        released: released_at.map(time::offset),
    }
}
