//! DNS servers, zones of reverse names, and what addresses are called.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::dns::{
        AddressName, AddressNamed, CreateDnsService, CreateRdnsZone, DnsService, ModifyDnsService, ModifyRdnsZone,
        NameAddress, RdnsZone,
    },
};
use berth_store::{dns_service, entity, ptr_record, rdns_zone};
use serde_json::json;
use url::Url;

use crate::{
    Context, Error,
    actions::{
        address_names::{self, Family},
        dns_services, rdns_zones,
    },
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

const SERVICE: &str = "dns service";
const ZONE: &str = "rdns zone";
/// The description's code of services has 1 for one that is not ours.
const POWERDNS: i32 = 2;
const CAN_REVERSE: i32 = 1;

/// List DNS services.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/dns/services", tag = "DNS",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of services.", body = Page<DnsService>)))]
pub async fn services(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<DnsService>>, Error> {
    actor.require(Ability::Admin)?;
    let (rows, total) = dns_service::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(service).collect(), total)))
}

/// Retrieve a DNS service.
#[utoipa::path(get, path = "/dns/services/{serviceId}", tag = "DNS",
    params(("serviceId" = String, Path, description = "A service's id.")),
    responses((status = 200, description = "The service.", body = Data<DnsService>),
        (status = 404, description = "There is no such service.")))]
pub async fn retrieve_service(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<DnsService>>, Error> {
    actor.require(Ability::Admin)?;
    let row = dns_service::by_id(ctx.store.read(), extract::id(&id, SERVICE)?).await?;
    Ok(Json(Data { data: service(row.ok_or(Error::NotFound(SERVICE))?) }))
}

/// Add a PowerDNS server that keeps names of addresses.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/dns/services", tag = "DNS", request_body = CreateDnsService,
    responses((status = 201, description = "The service.", body = Data<DnsService>),
        (status = 409, description = "The name is another service's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_service(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateDnsService>,
) -> Result<(StatusCode, Json<Data<DnsService>>), Error> {
    let row = dns_services::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: service(row) })))
}

/// Modify a DNS service. What is left out stays as it is.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/dns/services/{serviceId}", tag = "DNS", request_body = ModifyDnsService,
    params(("serviceId" = String, Path, description = "A service's id.")),
    responses((status = 200, description = "The service as it is now.", body = Data<DnsService>),
        (status = 404, description = "There is no such service."),
        (status = 409, description = "The name is another service's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn modify_service(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyDnsService>,
) -> Result<Json<Data<DnsService>>, Error> {
    let row = dns_services::modify(&ctx, &actor, extract::id(&id, SERVICE)?, input).await?;
    Ok(Json(Data { data: service(row) }))
}

/// Remove a DNS service that keeps no zones.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/dns/services/{serviceId}", tag = "DNS",
    params(("serviceId" = String, Path, description = "A service's id.")),
    responses((status = 204, description = "The service is gone."),
        (status = 404, description = "There is no such service."),
        (status = 422, description = "The service keeps zones.")))]
pub async fn delete_service(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    dns_services::delete(&ctx, &actor, extract::id(&id, SERVICE)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List zones of reverse names.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/connectivity/rdns/zones", tag = "DNS",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of zones.", body = Page<RdnsZone>)))]
pub async fn zones(State(ctx): State<Context>, actor: Actor, page: PageRequest) -> Result<Json<Page<RdnsZone>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = rdns_zone::page(ctx.store.read(), page.offset(), page.results).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(zone(&ctx, row).await?);
    }
    Ok(Json(page.wrap(shown, total)))
}

/// Add a zone that a DNS service has, for the addresses of a network.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/connectivity/rdns/zones", tag = "DNS", request_body = CreateRdnsZone,
    responses((status = 201, description = "The zone.", body = Data<RdnsZone>),
        (status = 409, description = "There is a zone of that name or network."),
        (status = 422, description = "Which fields are wrong, or the service has no such zone.")))]
pub async fn create_zone(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateRdnsZone>,
) -> Result<(StatusCode, Json<Data<RdnsZone>>), Error> {
    let row = rdns_zones::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: zone(&ctx, row).await? })))
}

/// Modify a zone of reverse names. What is left out stays as it is.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/connectivity/rdns/zones/{zoneId}", tag = "DNS", request_body = ModifyRdnsZone,
    params(("zoneId" = i64, Path, description = "A zone's id.")),
    responses((status = 200, description = "The zone as it is now.", body = Data<RdnsZone>),
        (status = 404, description = "There is no such zone."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn modify_zone(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyRdnsZone>,
) -> Result<Json<Data<RdnsZone>>, Error> {
    let row = rdns_zones::modify(&ctx, &actor, extract::id(&id, ZONE)?, input).await?;
    Ok(Json(Data { data: zone(&ctx, row).await? }))
}

/// Forget a zone that has no names. It stays on its DNS service.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/connectivity/rdns/zones/{zoneId}", tag = "DNS",
    params(("zoneId" = i64, Path, description = "A zone's id.")),
    responses((status = 204, description = "The zone is forgotten."),
        (status = 404, description = "There is no such zone."),
        (status = 422, description = "There are names in it.")))]
pub async fn delete_zone(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    rdns_zones::delete(&ctx, &actor, extract::id(&id, ZONE)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Name an IPv4 address, or clear its name.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/connectivity/ipv4/rdns", tag = "DNS", request_body = NameAddress,
    responses((status = 200, description = "The wish, and the queue item that writes it.", body = Data<AddressNamed>),
        (status = 422, description = "No server holds the address, no zone has it, or the name is no host name.")))]
pub async fn name_ipv4(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<NameAddress>,
) -> Result<Json<Data<AddressNamed>>, Error> {
    named(&ctx, &actor, Family::V4, input).await
}

/// Name an address in a server's IPv6 subnet, or clear its name.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/connectivity/ipv6/rdns", tag = "DNS", request_body = NameAddress,
    responses((status = 200, description = "The wish, and the queue item that writes it.", body = Data<AddressNamed>),
        (status = 422, description = "No server holds the address, no zone has it, or the name is no host name.")))]
pub async fn name_ipv6(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<NameAddress>,
) -> Result<Json<Data<AddressNamed>>, Error> {
    named(&ctx, &actor, Family::V6, input).await
}

/// Retrieve what an address is called, and whether the DNS server has it.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/connectivity/rdns/names/{address}", tag = "DNS",
    params(("address" = String, Path, description = "An IPv4 or IPv6 address.")),
    responses((status = 200, description = "The name.", body = Data<AddressName>),
        (status = 404, description = "The address has no name.")))]
pub async fn name(
    State(ctx): State<Context>,
    actor: Actor,
    Path(address): Path<String>,
) -> Result<Json<Data<AddressName>>, Error> {
    actor.require(Ability::Read)?;
    let address = address.parse::<std::net::IpAddr>().map_err(|_| Error::NotFound("name"))?;
    let row = ptr_record::by_address(ctx.store.read(), &address.to_string()).await?;
    Ok(Json(Data { data: record(row.ok_or(Error::NotFound("name"))?) }))
}

async fn named(
    ctx: &Context,
    actor: &Actor,
    family: Family,
    input: NameAddress,
) -> Result<Json<Data<AddressNamed>>, Error> {
    let (row, queue_id) = address_names::name(ctx, actor, family, input).await?;
    Ok(Json(Data { data: AddressNamed { name: record(row), queue_id } }))
}

fn service(row: entity::dns_service::Model) -> DnsService {
    let entity::dns_service::Model {
        id,
        uuid: _,
        name,
        url,
        server_name,
        api_key_enc,
        enabled,
        created_at,
        updated_at,
    } = row;
    let parsed = Url::parse(&url).ok();
    let host = parsed.as_ref().and_then(Url::host_str).map(|host| host.trim_matches(['[', ']']).to_owned());
    DnsService {
        id,
        r#type: POWERDNS,
        name,
        username: server_name,
        ip: host.filter(|host| host.parse::<std::net::IpAddr>().is_ok()),
        port: parsed.and_then(|url| url.port_or_known_default()).unwrap_or_default(),
        url,
        password: api_key_enc,
        config: json!({}),
        sub_account: false,
        capabilities: CAN_REVERSE,
        enabled,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

async fn zone(ctx: &Context, row: entity::rdns_zone::Model) -> Result<RdnsZone, Error> {
    let entity::rdns_zone::Model { id, service_id, name, network, ttl_s, enabled, created_at, updated_at } = row;
    Ok(RdnsZone {
        id,
        service_id,
        name,
        network,
        ttl: ttl_s,
        enabled,
        records: ptr_record::count_of_zone(ctx.store.read(), id).await?,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    })
}

fn record(row: entity::ptr_record::Model) -> AddressName {
    let entity::ptr_record::Model {
        id: _,
        zone_id,
        server_id,
        address,
        ptr,
        revision: _,
        state,
        error,
        forward_confirmed,
        checked_at,
        created_at: _,
        updated_at: _,
    } = row;
    let checked = checked_at.map(time::offset);
    AddressName { address, ptr, server_id, zone_id, state, error, forward_confirmed, checked }
}
