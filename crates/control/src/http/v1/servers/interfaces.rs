//! Interfaces of a server.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::{
        confirm::Confirm,
        server_addresses::{CreateInterface, InterfaceIpv4, InterfaceIpv6, UpdateInterface},
        server_network::ServerInterface,
    },
};

use super::{SERVER, convert};
use crate::{
    Context, Error,
    actions::{
        server_interface_parts, server_interfaces,
        server_ipv4::{self, Where, which},
        server_ipv6,
    },
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve a server's interfaces.
#[utoipa::path(get, path = "/servers/{serverId}/interfaces", operation_id = "list_interfaces", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "All of them, the primary one first.", body = Data<Vec<ServerInterface>>),
        (status = 404, description = "There is no such server.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<ServerInterface>>>, Error> {
    let all = server_interfaces::all(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(Json(Data { data: all.into_iter().map(convert::interface).collect() }))
}

/// Retrieve an interface.
#[utoipa::path(get, path = "/servers/{serverId}/interfaces/{interface}", operation_id = "retrieve_interface", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "The interface.", body = Data<ServerInterface>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
) -> Result<Json<Data<ServerInterface>>, Error> {
    let found = server_interfaces::one(&ctx, &actor, extract::id(&id, SERVER)?, &reference).await?;
    Ok(Json(Data { data: convert::interface(found) }))
}

/// Change an interface.
///
/// Filter, speeds, bursts, packets, isolation and link change at once; driver, MTU and queues with the next start of the
/// server.
#[utoipa::path(put, path = "/servers/{serverId}/interfaces/{interface}", operation_id = "update_interface", tag = "Servers",
    request_body = UpdateInterface,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "The interface as it is now.", body = Data<ServerInterface>),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<UpdateInterface>,
) -> Result<Json<Data<ServerInterface>>, Error> {
    let id = extract::id(&id, SERVER)?;
    server_interfaces::update(&ctx, &actor, (id, &reference), input).await?;
    let found = server_interfaces::one(&ctx, &actor, id, &reference).await?;
    Ok(Json(Data { data: convert::interface(found) }))
}

/// Create an interface.
///
/// A server that runs is given it at once where its machine has a free port, otherwise at its next start; that stands
/// among its pending actions. It has no addresses yet.
#[utoipa::path(post, path = "/servers/{serverId}/interfaces", operation_id = "create_interface", tag = "Servers",
    request_body = CreateInterface,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 201, description = "The interface.", body = Data<ServerInterface>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<CreateInterface>,
) -> Result<(StatusCode, Json<Data<ServerInterface>>), Error> {
    let id = extract::id(&id, SERVER)?;
    let tag = server_interface_parts::create(&ctx, &actor, id, input).await?;
    let found = server_interfaces::one(&ctx, &actor, id, &tag).await?;
    Ok((StatusCode::CREATED, Json(Data { data: convert::interface(found) })))
}

/// Remove an interface, with its addresses, subnets and firewall.
///
/// The primary one stays. Nothing passes it once the node knows; a guest that does not give it up while it runs has lost
/// it at its next start.
#[utoipa::path(delete, path = "/servers/{serverId}/interfaces/{interface}", operation_id = "delete_interface", tag = "Servers",
    request_body = Confirm,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`secondary` or a tag.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "It is the primary one, or the removal is not confirmed.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    server_interface_parts::remove(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add IPv4 addresses to an interface.
///
/// Filters pass them at once. The guest is told at its next boot.
#[utoipa::path(post, path = "/servers/{serverId}/interfaces/{interface}/ipv4", operation_id = "add_interface_ipv4", tag = "Servers",
    request_body = InterfaceIpv4,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 201, description = "Those that are new.", body = Data<Vec<String>>),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "Which address can't be given; then none is.")))]
pub async fn add_ipv4(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<InterfaceIpv4>,
) -> Result<(StatusCode, Json<Data<Vec<String>>>), Error> {
    let (id, wanted) = (extract::id(&id, SERVER)?, which(&input)?);
    let given = server_ipv4::add(&ctx, &actor, id, Where::Path(reference), wanted).await?;
    Ok((StatusCode::CREATED, Json(Data { data: given.iter().map(ToString::to_string).collect() })))
}

/// Remove IPv4 addresses from an interface.
///
/// Filters stop them at once.
#[utoipa::path(delete, path = "/servers/{serverId}/interfaces/{interface}/ipv4", operation_id = "remove_interface_ipv4", tag = "Servers",
    request_body = InterfaceIpv4,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "Those that it has no longer.", body = Data<Vec<String>>),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "Which address the interface has not; then none is removed.")))]
pub async fn remove_ipv4(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<InterfaceIpv4>,
) -> Result<Json<Data<Vec<String>>>, Error> {
    let (id, wanted) = (extract::id(&id, SERVER)?, which(&input)?);
    let gone = server_ipv4::remove(&ctx, &actor, id, Some(Where::Path(reference)), wanted).await?;
    Ok(Json(Data { data: gone.iter().map(ToString::to_string).collect() }))
}

/// Add an IPv6 subnet to an interface.
#[utoipa::path(post, path = "/servers/{serverId}/interfaces/{interface}/ipv6", tag = "Servers",
    request_body = InterfaceIpv6,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 201, description = "The subnet with its length.", body = Data<String>),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "No subnet is free, or the one that is named is not.")))]
pub async fn add_ipv6(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<InterfaceIpv6>,
) -> Result<(StatusCode, Json<Data<String>>), Error> {
    let data = server_ipv6::add(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), &input).await?;
    Ok((StatusCode::CREATED, Json(Data { data })))
}

/// Remove an IPv6 subnet from an interface.
#[utoipa::path(delete, path = "/servers/{serverId}/interfaces/{interface}/ipv6", tag = "Servers",
    request_body = InterfaceIpv6,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 204, description = "It has the subnet no longer."),
        (status = 404, description = "There is no such server or interface."),
        (status = 422, description = "The interface has no such subnet.")))]
pub async fn remove_ipv6(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<InterfaceIpv6>,
) -> Result<StatusCode, Error> {
    server_ipv6::remove(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), &input).await?;
    Ok(StatusCode::NO_CONTENT)
}
