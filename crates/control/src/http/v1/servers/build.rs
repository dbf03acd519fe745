//! Building, and the root password.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    v1::{
        server::Server,
        server_input::{BuildServer, PasswordReset, ResetPassword},
    },
};

use super::{Door, SERVER, whole};
use crate::{
    Context, Error,
    actions::{server_build, server_password},
    actor::Actor,
    http::extract::{self, Body},
};

/// Build a server from a template.
#[utoipa::path(post, path = "/servers/{serverId}/build", tag = "Servers", request_body = BuildServer,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "The build is queued; the server has its password and addresses already.", body = Data<Server>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Every mistake in the request."),
        (status = 423, description = "Other work owns the server, or it is suspended or protected."),
    ))]
pub async fn build(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    Path(id): Path<String>,
    Body(input): Body<BuildServer>,
) -> Result<Json<Data<Server>>, Error> {
    let built = server_build::build(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    let mut data = whole(&ctx, &actor, door, built.details, false)?;
    // Whoever orders a build learns its password, once, with or without the right to look passwords up.
    data.settings.decrypted_password = Some(built.password);
    Ok(Json(Data { data }))
}

/// Give the guest's administrator a new password.
#[utoipa::path(post, path = "/servers/{serverId}/resetPassword", tag = "Servers", request_body = ResetPassword,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 200, description = "The change is queued.", body = Data<PasswordReset>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The user is not known, or the server is not built."),
        (status = 423, description = "Other work owns the server, or it is suspended."),
    ))]
pub async fn reset_password(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ResetPassword>,
) -> Result<Json<Data<PasswordReset>>, Error> {
    let reset = server_password::reset(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(Json(Data { data: PasswordReset { queue_id: reset.queue_id, expected_password: reset.password } }))
}
