//! Suspension.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use super::SERVER;
use crate::{Context, Error, actions::server_suspend, actor::Actor, http::extract};

/// Suspend a server.
///
/// It is powered off, behind what runs for it, and takes no power action, build, console or password until it is
/// unsuspended.
#[utoipa::path(post, path = "/servers/{serverId}/suspend", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 204, description = "It is suspended, or was already."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn suspend(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_suspend::suspend(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unsuspend a server.
///
/// It boots if it ran when it was suspended. A deletion that waits is called off.
#[utoipa::path(post, path = "/servers/{serverId}/unsuspend", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 204, description = "It is not suspended."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn unsuspend(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_suspend::unsuspend(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
