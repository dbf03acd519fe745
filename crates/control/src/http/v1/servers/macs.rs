//! Further MAC addresses of a server's interfaces.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    v1::interface_mac::{InterfaceMac, MacIpv4, MacIpv6, SetMac},
};
use berth_store::extra_mac::Holder;

use super::SERVER;
use crate::{
    Context, Error,
    actions::extra_macs::{self, ADDRESS, SUBNET, Shown},
    actor::Actor,
    http::extract::{self, Body},
    ipam,
};

/// Retrieve the MAC addresses of an interface.
#[utoipa::path(get, path = "/servers/{serverId}/interfaces/{interface}/macs", operation_id = "list_interface_macs", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "The interface's own first, each with what is used under it.", body = Data<Vec<InterfaceMac>>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
) -> Result<Json<Data<Vec<InterfaceMac>>>, Error> {
    let all = extra_macs::list(&ctx, &actor, (extract::id(&id, SERVER)?, &reference)).await?;
    Ok(Json(Data { data: shown(all) }))
}

/// Give an IPv4 address a MAC address of its own.
///
/// For guests that a server runs itself. The filters pass the address under that MAC address and under no other; the
/// server is no longer told to use it. Several addresses of one interface may share one.
#[utoipa::path(put, path = "/servers/{serverId}/interfaces/{interface}/ipv4/{ipId}/mac", operation_id = "set_ipv4_mac", tag = "Servers",
    request_body = SetMac,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("ipId" = i64, Path, description = "The id of an IPv4 address of the interface.")),
    responses((status = 200, description = "All MAC addresses of the interface.", body = Data<Vec<InterfaceMac>>),
        (status = 404, description = "There is no such server, interface or address."),
        (status = 409, description = "The MAC address is of another interface."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn set_ipv4(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference, address)): Path<(String, String, String)>,
    Body(input): Body<SetMac>,
) -> Result<Json<Data<Vec<InterfaceMac>>>, Error> {
    let holder = Holder::Ipv4(extract::id(&address, ADDRESS)?);
    let all = extra_macs::set(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), holder, input).await?;
    Ok(Json(Data { data: shown(all) }))
}

/// Give an IPv6 subnet a MAC address of its own.
///
/// As of an IPv4 address, for all addresses of the subnet.
#[utoipa::path(put, path = "/servers/{serverId}/interfaces/{interface}/ipv6/{subnetId}/mac", operation_id = "set_ipv6_mac", tag = "Servers",
    request_body = SetMac,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("subnetId" = i64, Path, description = "The id of an IPv6 subnet of the interface.")),
    responses((status = 200, description = "All MAC addresses of the interface.", body = Data<Vec<InterfaceMac>>),
        (status = 404, description = "There is no such server, interface or subnet."),
        (status = 409, description = "The MAC address is of another interface."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn set_ipv6(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference, subnet)): Path<(String, String, String)>,
    Body(input): Body<SetMac>,
) -> Result<Json<Data<Vec<InterfaceMac>>>, Error> {
    let holder = Holder::Ipv6(extract::id(&subnet, SUBNET)?);
    let all = extra_macs::set(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), holder, input).await?;
    Ok(Json(Data { data: shown(all) }))
}

/// By MAC address; all are shown in capital letters, as interfaces' own are.
fn shown(all: Shown) -> Vec<InterfaceMac> {
    let Shown { interface, ipv4, ipv6 } = all;
    let mut extra: Vec<String> =
        ipv4.iter().map(|row| &row.mac).chain(ipv6.iter().map(|row| &row.mac)).flatten().cloned().collect();
    extra.sort_unstable();
    extra.dedup();
    let of = |mac: Option<&String>| InterfaceMac {
        mac: mac.unwrap_or(&interface.mac).to_uppercase(),
        own: mac.is_none(),
        ipv4: ipv4
            .iter()
            .filter(|row| row.mac.as_ref() == mac)
            .map(|row| MacIpv4 { id: row.id, address: ipam::ipv4(row.address).to_string() })
            .collect(),
        ipv6: ipv6
            .iter()
            .filter(|row| row.mac.as_ref() == mac)
            .map(|row| MacIpv6 { id: row.id, subnet: row.subnet.clone(), cidr: row.prefix_len })
            .collect(),
    };
    std::iter::once(of(None)).chain(extra.iter().map(|mac| of(Some(mac)))).collect()
}
