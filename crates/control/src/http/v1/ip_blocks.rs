//! Blocks of addresses: making and reading them.

use std::net::IpAddr;

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
        ip_block::{BlockIpv4, BlockIpv6, BlockResolvers, CreateIpBlock, IpBlock, UpdateIpBlock},
    },
};
use berth_store::{
    entity::ip_block as entity,
    ip_block::{self, Counts},
    rdns_zone,
};
use ipnet::IpNet;

use crate::{
    Context, Error,
    actions::{ip_block_change, ip_blocks, rdns_zones::ZONES_LIMIT},
    actor::{Ability, Actor},
    dns::names::{self, Kept},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
    ipam,
};

const BLOCK: &str = "ip block";
/// What an IPv4 block says of IPv6.
const NO_SUBNETS: (i32, i32) = (48, 64);

/// Retrieve blocks of addresses.
#[utoipa::path(get, path = "/connectivity/ipblocks", tag = "Connectivity",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of blocks.", body = Page<IpBlock>)))]
pub async fn list(State(ctx): State<Context>, actor: Actor, page: PageRequest) -> Result<Json<Page<IpBlock>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = ip_block::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(with_counts(&ctx, rows).await?, total)))
}

/// Retrieve a block of addresses.
#[utoipa::path(get, path = "/connectivity/ipblocks/{blockId}", tag = "Connectivity",
    params(("blockId" = i64, Path, description = "A block's id.")),
    responses((status = 200, description = "The block.", body = Data<IpBlock>),
        (status = 404, description = "There is no such block.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<IpBlock>>, Error> {
    actor.require(Ability::Read)?;
    let row = ip_block::by_id(ctx.store.read(), extract::id(&id, BLOCK)?).await?.ok_or(Error::NotFound(BLOCK))?;
    one(&ctx, row).await
}

/// Create a block of addresses, with its range and the nodes that it serves.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/connectivity/ipblocks", tag = "Connectivity", request_body = CreateIpBlock,
    responses((status = 201, description = "The block.", body = Data<IpBlock>),
        (status = 409, description = "The name is another block's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateIpBlock>,
) -> Result<(StatusCode, Json<Data<IpBlock>>), Error> {
    let row = ip_blocks::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, one(&ctx, row).await?))
}

/// Change a block of addresses.
///
/// What guests are told comes to each server with its next specification, and to the guest at its next boot.
#[utoipa::path(put, path = "/connectivity/ipblocks/{blockId}", tag = "Connectivity", request_body = UpdateIpBlock,
    params(("blockId" = i64, Path, description = "A block's id.")),
    responses((status = 200, description = "The block as it is now.", body = Data<IpBlock>),
        (status = 404, description = "There is no such block."),
        (status = 409, description = "The name is another block's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateIpBlock>,
) -> Result<Json<Data<IpBlock>>, Error> {
    let row = ip_block_change::update(&ctx, &actor, extract::id(&id, BLOCK)?, input).await?;
    one(&ctx, row).await
}

/// Delete a block of addresses that no server has any of.
#[utoipa::path(delete, path = "/connectivity/ipblocks/{blockId}", tag = "Connectivity", request_body = Confirm,
    params(("blockId" = i64, Path, description = "A block's id.")),
    responses((status = 204, description = "The block is gone, with its addresses and bindings."),
        (status = 404, description = "There is no such block."),
        (status = 422, description = "It is not confirmed, or servers have addresses of it.")))]
pub async fn delete(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<Confirm>,
) -> Result<StatusCode, Error> {
    ip_block_change::delete(&ctx, &actor, extract::id(&id, BLOCK)?, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(ctx: &Context, row: entity::Model) -> Result<Json<Data<IpBlock>>, Error> {
    let data = with_counts(ctx, vec![row]).await?.pop().ok_or(Error::NotFound(BLOCK))?;
    Ok(Json(Data { data }))
}

async fn with_counts(ctx: &Context, rows: Vec<entity::Model>) -> Result<Vec<IpBlock>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let db = ctx.store.read();
    let counts = ip_block::counts(db, &ids).await?;
    let of = |id: i64| counts.iter().find(|(block, _)| *block == id).map(|(_, counts)| *counts).unwrap_or_default();
    let reaches = ip_block::reaches(db, &ids).await?;
    let zones = rdns_zone::all(db, ZONES_LIMIT).await?.into_iter().filter(|zone| zone.enabled);
    let zones: Vec<(i64, IpNet)> = zones.filter_map(|zone| Some((zone.id, zone.network.parse().ok()?))).collect();
    let kept = |row: &entity::Model| match range(row, &reaches) {
        Some((first, last)) => names::kept(first, last, &zones),
        None => Kept::Nowhere,
    };
    Ok(rows.into_iter().map(|row| (of(row.id), kept(&row), row)).map(|(of, kept, row)| shown(row, of, kept)).collect())
}

/// The ends of what servers can get of a block: of its addresses, or of its network where it has none yet.
fn range(row: &entity::Model, reaches: &[(i64, i64, i64)]) -> Option<(IpAddr, IpAddr)> {
    if let Some((_, lowest, highest)) = reaches.iter().find(|(block, ..)| *block == row.id) {
        return Some((ipam::ipv4(*lowest).into(), ipam::ipv4(*highest).into()));
    }
    let text = row.source_prefix.as_deref().unwrap_or(&row.gateway);
    let address: IpAddr = text.split('/').next()?.parse().ok()?;
    let network = IpNet::new(address, u8::try_from(row.prefix_len).ok()?).ok()?;
    Some((network.network(), network.broadcast()))
}

fn shown(row: entity::Model, counts: Counts, kept: Kept) -> IpBlock {
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
        dhcp,
        route_block,
        created_at,
        updated_at,
    } = row;
    let resolvers = BlockResolvers { primary: resolver1, secondary: resolver2 };
    let (mut ipv4, mut ipv6) = (BlockIpv4::default(), BlockIpv6::default());
    (ipv6.from, ipv6.to) = NO_SUBNETS;
    if family == 6 {
        let to = subnet_prefix_len.unwrap_or(prefix_len);
        let total = subnets(to - prefix_len);
        ipv6 = BlockIpv6 {
            gateway: Some(gateway),
            resolvers,
            subnet: source_prefix.map(|text| text.split('/').next().unwrap_or_default().to_owned()),
            from: prefix_len,
            to,
            restricted: Vec::new(),
            total,
            generated_total: counts.total,
            used_total: counts.used,
            free_total: total - counts.used,
            free_generated: counts.total - counts.used,
            blacklisted_total: 0,
        };
    } else {
        ipv4 = BlockIpv4 {
            gateway: Some(gateway),
            netmask: Some(ipam::netmask(prefix_len).to_string()),
            resolvers,
            total: counts.total,
            used_total: counts.used,
            free_total: counts.total - counts.used,
        };
    }
    let (rdns_type, rdns_zone_id) = match kept {
        Kept::Nowhere => (0, None),
        Kept::Apart => (1, None),
        Kept::Together(zone) => (2, Some(zone)),
    };
    IpBlock {
        id,
        r#type: family,
        name,
        ipv4,
        ipv6,
        rdns_type,
        rdns_zone_id,
        network_profile,
        route_block,
        dhcp: i32::from(dhcp),
        enabled,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

/// How many subnets `bits` bits count, without the first.
fn subnets(bits: i32) -> i64 {
    match u32::try_from(bits) {
        Ok(bits) if bits < 63 => (1_i64 << bits) - 1,
        Ok(_) => i64::MAX,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_hold_at_their_ends() {
        assert_eq!([subnets(0), subnets(16), subnets(80), subnets(-1)], [0, 65_535, i64::MAX, 0]);
    }
}
