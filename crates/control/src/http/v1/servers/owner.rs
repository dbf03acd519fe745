//! Whose a server is.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use super::SERVER;
use crate::{Context, Error, actions::server_owner, actor::Actor, http::extract};

/// Give a server to another user.
#[utoipa::path(put, path = "/servers/{serverId}/owner/{newOwnerId}", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("newOwnerId" = i64, Path, description = "A user's id.")),
    responses(
        (status = 201, description = "It is theirs."),
        (status = 404, description = "There is no such server or user."),
        (status = 422, description = "It is theirs already, or they are suspended."),
    ))]
pub async fn owner(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, owner)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    server_owner::change(&ctx, &actor, extract::id(&id, SERVER)?, extract::id(&owner, "user")?).await?;
    Ok(StatusCode::CREATED)
}
