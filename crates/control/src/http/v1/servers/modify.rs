//! Changes of what a server is called and has.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::v1::server_change::{
    ModifyCpuCores, ModifyCpuThrottle, ModifyMemory, ModifyName, ModifyProtected, ModifyStorage, ModifyTraffic,
};

use super::SERVER;
use crate::{
    Context, Error,
    actions::{server_name, server_resources},
    actor::Actor,
    http::extract::{self, Body, Query},
};

/// Rename a server.
#[utoipa::path(put, path = "/servers/{serverId}/modify/name", tag = "Servers", request_body = ModifyName,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "It has the name."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn name(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyName>,
) -> Result<StatusCode, Error> {
    server_name::rename(&ctx, &actor, extract::id(&id, SERVER)?, input.name).await?;
    Ok(StatusCode::CREATED)
}

/// Change a server's allowance of traffic.
///
/// From the present period on; blocks of traffic come on top of it.
#[utoipa::path(put, path = "/servers/{serverId}/modify/traffic", tag = "Servers", request_body = ModifyTraffic,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "It has the allowance."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn traffic(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyTraffic>,
) -> Result<StatusCode, Error> {
    server_name::set_traffic(&ctx, &actor, extract::id(&id, SERVER)?, input.traffic).await?;
    Ok(StatusCode::CREATED)
}

/// Protect a server from rebuilds and deletion, or no longer.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/servers/{serverId}/modify/protected", tag = "Servers", request_body = ModifyProtected,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "It is protected, or is not."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn protected(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyProtected>,
) -> Result<StatusCode, Error> {
    server_name::protect(&ctx, &actor, extract::id(&id, SERVER)?, input.protected).await?;
    Ok(StatusCode::CREATED)
}

/// Change a server's memory.
///
/// At once where the running guest can take it; otherwise it waits for a power action and shows among the pending ones.
#[utoipa::path(put, path = "/servers/{serverId}/modify/memory", tag = "Servers", request_body = ModifyMemory,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "The server's node follows."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The value is out of range, or the node lacks as much."),
    ))]
pub async fn memory(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyMemory>,
) -> Result<StatusCode, Error> {
    server_resources::set_memory(&ctx, &actor, extract::id(&id, SERVER)?, input.memory).await?;
    Ok(StatusCode::CREATED)
}

/// Change how many CPU cores a server has.
///
/// At once where the running guest can take them; otherwise it waits for a power action and shows among the pending ones.
#[utoipa::path(put, path = "/servers/{serverId}/modify/cpuCores", tag = "Servers", request_body = ModifyCpuCores,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "The server's node follows."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The value is out of range, or the node lacks as many."),
    ))]
pub async fn cpu_cores(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyCpuCores>,
) -> Result<StatusCode, Error> {
    let cores = input.cores.or(input.cpu_cores);
    server_resources::set_cpu_cores(&ctx, &actor, extract::id(&id, SERVER)?, cores).await?;
    Ok(StatusCode::CREATED)
}

/// Throttle a server's processors.
///
/// With `sync` at once, otherwise from the next start on.
#[utoipa::path(put, path = "/servers/{serverId}/modify/cpuThrottle", tag = "Servers", request_body = ModifyCpuThrottle,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("sync" = Option<bool>, Query, description = "Apply it now; false by default.")),
    responses(
        (status = 201, description = "It is throttled, or will be."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn cpu_throttle(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
    Body(input): Body<ModifyCpuThrottle>,
) -> Result<StatusCode, Error> {
    let (id, sync) = (extract::id(&id, SERVER)?, query.flag("sync")?);
    server_resources::set_cpu_throttle(&ctx, &actor, id, input.percent, sync).await?;
    Ok(StatusCode::CREATED)
}

/// Enlarge a disk of a server.
#[utoipa::path(put, path = "/servers/{serverId}/modify/storage", tag = "Servers", request_body = ModifyStorage,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "The server's node follows."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "There is no such disk, it would shrink, or the node lacks as much."),
    ))]
pub async fn storage(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyStorage>,
) -> Result<StatusCode, Error> {
    server_resources::set_storage(&ctx, &actor, extract::id(&id, SERVER)?, input.drive, input.size).await?;
    Ok(StatusCode::CREATED)
}
