//! The disc in a server's drive.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    v1::{
        iso::{MountIso, ServerIso},
        server_input::Queued,
    },
};

use super::{SERVER, convert};
use crate::{
    Context, Error,
    actions::server_media,
    actor::Actor,
    http::{
        extract::{self, Body},
        v1::isos,
    },
};

/// Retrieve what is in a server's drive, and what may be mounted.
#[utoipa::path(get, path = "/servers/{serverId}/media/iso", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "The drive.", body = Data<ServerIso>),
        (status = 404, description = "There is no such server.")))]
pub async fn iso(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<ServerIso>>, Error> {
    let (details, available) = server_media::read(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    let media = convert::media(details.iso.as_ref(), &details.server);
    let pending = details.iso.is_some() && !media.iso_mounted;
    let available = available.into_iter().map(isos::shown).collect();
    Ok(Json(Data { data: ServerIso { media, iso_id: details.server.iso_id, pending, available } }))
}

/// Mount an ISO image, in place of what is in the drive.
///
/// At once where the guest runs. From the library, or by an https URL that ends in `.iso`.
#[utoipa::path(post, path = "/servers/{serverId}/media/iso", tag = "Servers", request_body = MountIso,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "It is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The ISO image can't be mounted on this server.")))]
pub async fn mount(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<MountIso>,
) -> Result<Json<Data<Queued>>, Error> {
    let queue_id = server_media::mount(&ctx, &actor, extract::id(&id, SERVER)?, input).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

/// Eject what is in the drive.
///
/// At once where the guest runs, whether it holds on to the disc or not.
#[utoipa::path(delete, path = "/servers/{serverId}/media/iso", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "It is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "The drive is empty.")))]
pub async fn eject(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    let queue_id = server_media::eject(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}
