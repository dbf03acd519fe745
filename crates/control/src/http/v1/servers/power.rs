//! Power.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{data::Data, v1::server_input::Queued};

use super::SERVER;
use crate::{Context, Error, actions::server_power, actor::Actor, http::extract, jobs::power::PowerAction};

async fn queue(ctx: &Context, actor: &Actor, id: &str, action: PowerAction) -> Result<Json<Data<Queued>>, Error> {
    let queue_id = server_power::power(ctx, actor, extract::id(id, SERVER)?, action).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

/// Boot a server.
#[utoipa::path(post, path = "/servers/{serverId}/power/boot", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "The action is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The server is not built."),
        (status = 423, description = "Other work owns the server, too much waits for it, or it is suspended."),
    ))]
pub async fn boot(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    queue(&ctx, &actor, &id, PowerAction::Boot).await
}

/// Tell a server's guest to shut down.
#[utoipa::path(post, path = "/servers/{serverId}/power/shutdown", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "The action is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The server is not built."),
        (status = 423, description = "Other work owns the server, too much waits for it, or it is suspended."),
    ))]
pub async fn shutdown(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    queue(&ctx, &actor, &id, PowerAction::Shutdown).await
}

/// Restart a server: shut down, within a limit, and boot.
#[utoipa::path(post, path = "/servers/{serverId}/power/restart", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "The action is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The server is not built."),
        (status = 423, description = "Other work owns the server, too much waits for it, or it is suspended."),
    ))]
pub async fn restart(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    queue(&ctx, &actor, &id, PowerAction::Restart).await
}

/// Power a server off at once.
#[utoipa::path(post, path = "/servers/{serverId}/power/poweroff", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "The action is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The server is not built."),
        (status = 423, description = "Other work owns the server, too much waits for it, or it is suspended."),
    ))]
pub async fn poweroff(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    queue(&ctx, &actor, &id, PowerAction::Poweroff).await
}
