//! Addresses of a server, and what its filters let through besides.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::server_addresses::{AddIpv4Quantity, ServerIpv4Change, ServerWhitelistChange},
};

use super::SERVER;
use crate::{
    Context, Error,
    actions::{server_ipv4, server_whitelist},
    actor::Actor,
    http::extract::{self, Body},
};

/// Add a number of IPv4 addresses to a server.
///
/// Filters pass them at once. A guest that runs configures them at its next start; until then the change is among the
/// server's pending actions.
#[utoipa::path(post, path = "/servers/{serverId}/ipv4Qty", operation_id = "add_ipv4_quantity", tag = "Servers", request_body = AddIpv4Quantity,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "The addresses.", body = Data<Vec<String>>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which fields are wrong, or that there are too few; then none is added.")))]
pub async fn add_quantity(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<AddIpv4Quantity>,
) -> Result<Json<Data<Vec<String>>>, Error> {
    let given = server_ipv4::add_quantity(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(Json(Data { data: given.iter().map(ToString::to_string).collect() }))
}

/// Add IPv4 addresses to a server.
#[utoipa::path(post, path = "/servers/{serverId}/ipv4", operation_id = "add_ipv4", tag = "Servers", request_body = ServerIpv4Change,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 204, description = "The interface has them."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which address can't be given; then none is.")))]
pub async fn add(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ServerIpv4Change>,
) -> Result<StatusCode, Error> {
    server_ipv4::add_named(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove IPv4 addresses from a server.
///
/// Filters stop them at once.
#[utoipa::path(delete, path = "/servers/{serverId}/ipv4", operation_id = "remove_ipv4", tag = "Servers", request_body = ServerIpv4Change,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 204, description = "The server has them no longer."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which address the server has not; then none is removed.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ServerIpv4Change>,
) -> Result<StatusCode, Error> {
    server_ipv4::remove_named(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a network through a server's filter.
#[utoipa::path(post, path = "/servers/{serverId}/networkWhitelist", operation_id = "add_network_whitelist", tag = "Servers",
    request_body = ServerWhitelistChange, params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 201, description = "It is let through."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn whitelist(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ServerWhitelistChange>,
) -> Result<StatusCode, Error> {
    server_whitelist::add(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(StatusCode::CREATED)
}

/// No longer let a network through a server's filter.
#[utoipa::path(delete, path = "/servers/{serverId}/networkWhitelist", operation_id = "remove_network_whitelist", tag = "Servers",
    request_body = ServerWhitelistChange, params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 204, description = "It is not let through any more."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "It was not let through, or which fields are wrong.")))]
pub async fn unlist(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ServerWhitelistChange>,
) -> Result<StatusCode, Error> {
    server_whitelist::remove(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
