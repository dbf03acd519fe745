//! Creating.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    v1::{server::Server, server_input::CreateServer},
};

use super::{Door, whole};
use crate::{
    Context, Error,
    actions::server_create,
    actor::Actor,
    http::extract::{Body, Query},
};

/// Create a server.
///
/// `hypervisorId` is a hypervisor group; placement picks the node. With `dryRun` nothing is created.
#[utoipa::path(post, path = "/servers", tag = "Servers", request_body = CreateServer,
    params(("dryRun" = Option<bool>, Query, description = "Only say whether the server could be created.")),
    responses(
        (status = 201, description = "The server, not built yet.", body = Data<Server>),
        (status = 200, description = "Dry run: the server could be created."),
        (status = 422, description = "Every reason why it can't be created."),
    ))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    query: Query,
    Body(input): Body<CreateServer>,
) -> Result<Response, Error> {
    if query.flag("dryRun")? {
        server_create::dry_run(&ctx, &actor, input).await?;
        return Ok(Json(serde_json::json!({ "data": [] })).into_response());
    }
    let details = server_create::create(&ctx, &actor, input).await?;
    let data = whole(&ctx, &actor, door, details, false)?;
    Ok((StatusCode::CREATED, Json(Data { data })).into_response())
}
