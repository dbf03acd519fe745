//! Virtual hardware.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    v1::{server::Server, server_hardware::ChangeHardware},
};

use super::{Door, SERVER, trial, whole};
use crate::{
    Context, Error,
    actions::{server_hardware, server_read},
    actor::Actor,
    http::extract::{self, Body},
};

/// Change a server's virtual hardware.
///
/// An addition of Berth's. What is left out stays as it is; what changes takes effect when the server starts next.
#[utoipa::path(put, path = "/servers/{serverId}/hardware", tag = "Servers", request_body = ChangeHardware,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "The server.", body = Data<Server>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which fields are wrong, or why the node can't give it.")))]
pub async fn change_hardware(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    Path(id): Path<String>,
    Body(input): Body<ChangeHardware>,
) -> Result<Json<Data<Server>>, Error> {
    let id = extract::id(&id, SERVER)?;
    let proposal = server_hardware::propose(&ctx, &actor, id, input).await?;
    trial::judge(&ctx, &proposal.trial, "The hardware").await?;
    server_hardware::keep(&ctx, &actor, proposal).await?;
    let details = server_read::one(&ctx, &actor, id).await?;
    Ok(Json(Data { data: whole(&ctx, &actor, door, details, false)? }))
}
