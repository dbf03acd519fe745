//! Deleting.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use super::SERVER;
use crate::{
    Context, Error,
    actions::server_delete,
    actor::Actor,
    http::extract::{self, Query},
};

/// Delete a server, at once or after a delay.
#[utoipa::path(delete, path = "/servers/{serverId}", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("delay" = Option<i64>, Query, description = "Minutes to wait, 0 to 43800; a second call replaces them.")),
    responses(
        (status = 204, description = "It is being deleted, or will be."),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The delay is out of range."),
        (status = 423, description = "The server is protected."),
    ))]
pub async fn delete(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = extract::id(&id, SERVER)?;
    server_delete::delete(&ctx, &actor, id, query.number("delay")?.unwrap_or(0)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Call a delayed deletion off.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/servers/{serverId}/pendingDelete", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 204, description = "The server stays."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn cancel(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_delete::cancel(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
