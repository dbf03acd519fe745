//! Disks of a server.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::server_disk::{CreateDisk, DiskDetails, RemoveDisk, UpdateDisk},
};

use super::{SERVER, convert::disk_details};
use crate::{
    Context, Error,
    actions::{server_disk_parts, server_disks},
    actor::Actor,
    http::extract::{self, Body},
};

async fn found(ctx: &Context, actor: &Actor, id: i64, reference: &str) -> Result<Json<Data<DiskDetails>>, Error> {
    let details = server_disks::all(ctx, actor, id).await?;
    let row = server_disks::find(&details.disks, reference)?.clone();
    Ok(Json(Data { data: disk_details(&details, row) }))
}

/// Retrieve a server's disks.
#[utoipa::path(get, path = "/servers/{serverId}/disks", operation_id = "list_disks", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "All of them, the primary one first.", body = Data<Vec<DiskDetails>>),
        (status = 404, description = "There is no such server.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<DiskDetails>>>, Error> {
    let details = server_disks::all(&ctx, &actor, extract::id(&id, SERVER)?).await?;
    let data = details.disks.iter().map(|row| disk_details(&details, row.clone())).collect();
    Ok(Json(Data { data }))
}

/// Retrieve a disk.
#[utoipa::path(get, path = "/servers/{serverId}/disks/{diskRef}", operation_id = "retrieve_disk", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("diskRef" = String, Path, description = "A disk's `id` in its server, or its letter; `1` and `a` are the primary one.")),
    responses((status = 200, description = "The disk.", body = Data<DiskDetails>),
        (status = 404, description = "There is no such server or disk.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
) -> Result<Json<Data<DiskDetails>>, Error> {
    found(&ctx, &actor, extract::id(&id, SERVER)?, &reference).await
}

/// Create a disk.
///
/// Up to 16 for a server. With `apply` a server that runs is given it at once where its machine has a free port and its bus
/// allows it; otherwise it waits for the next start, or for another change that is applied, and shows as pending. The
/// guest finds it empty, or with the file system that is asked for.
#[utoipa::path(post, path = "/servers/{serverId}/disks", operation_id = "create_disk", tag = "Servers",
    request_body = CreateDisk,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 201, description = "The disk.", body = Data<DiskDetails>),
        (status = 404, description = "There is no such server."),
        (status = 422, description = "Which fields are wrong, or which storage lacks the room.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<CreateDisk>,
) -> Result<(StatusCode, Json<Data<DiskDetails>>), Error> {
    let id = extract::id(&id, SERVER)?;
    let position = server_disk_parts::create(&ctx, &actor, id, input).await?;
    Ok((StatusCode::CREATED, found(&ctx, &actor, id, &position.to_string()).await?))
}

/// Change a disk.
///
/// With `apply` a running server has the new size and limits at once. Bus, cache and way of input and output change with
/// its next start; until then they show as pending.
#[utoipa::path(put, path = "/servers/{serverId}/disks/{diskRef}", operation_id = "update_disk", tag = "Servers",
    request_body = UpdateDisk,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("diskRef" = String, Path, description = "A disk's `id` in its server, or its letter; `1` and `a` are the primary one.")),
    responses((status = 200, description = "The disk as it is to be.", body = Data<DiskDetails>),
        (status = 404, description = "There is no such server or disk."),
        (status = 422, description = "Which fields are wrong, or the storage lacks the room.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<UpdateDisk>,
) -> Result<Json<Data<DiskDetails>>, Error> {
    let id = extract::id(&id, SERVER)?;
    server_disks::update(&ctx, &actor, (id, &reference), input).await?;
    found(&ctx, &actor, id, &reference).await
}

/// Remove a disk, with what is on it.
///
/// The primary one stays. With `apply` a running server is asked to give it up; otherwise it goes with the next power
/// change. Until it is gone it is listed with the status 4, and takes its room.
#[utoipa::path(delete, path = "/servers/{serverId}/disks/{diskRef}", operation_id = "delete_disk", tag = "Servers",
    request_body = RemoveDisk,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("diskRef" = String, Path, description = "A disk's `id` in its server, or its letter.")),
    responses((status = 204, description = "It is removed, or will be."),
        (status = 404, description = "There is no such server or disk."),
        (status = 422, description = "It is the primary one, or the removal is not confirmed."),
        (status = 423, description = "The server is protected.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<RemoveDisk>,
) -> Result<StatusCode, Error> {
    server_disk_parts::remove(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), input).await?;
    Ok(StatusCode::NO_CONTENT)
}
