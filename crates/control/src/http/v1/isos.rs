//! ISO images.

use axum::{
    Json,
    body::Body as RawBody,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::iso::{ChangeIso, CreateIso, Iso},
};
use berth_store::{entity::iso as entity, iso};

use crate::{
    Context, Error,
    actions::isos,
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

const ISO: &str = "iso";

/// Retrieve an ISO image.
#[utoipa::path(get, path = "/media/iso/{isoId}", tag = "Media",
    params(("isoId" = i64, Path, description = "An ISO image's id.")),
    responses((status = 200, description = "The ISO image.", body = Data<Iso>),
        (status = 404, description = "There is no such ISO image.")))]
pub async fn retrieve_iso(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Iso>>, Error> {
    actor.require(Ability::Read)?;
    let row = isos::listed(&ctx, extract::id(&id, ISO)?).await?;
    Ok(Json(Data { data: shown(row) }))
}

/// List the library of ISO images.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/media/iso", tag = "Media",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of ISO images.", body = Page<Iso>)))]
pub async fn list_isos(State(ctx): State<Context>, actor: Actor, page: PageRequest) -> Result<Json<Page<Iso>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = iso::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

/// Add an ISO image to the library, by its URL or to be uploaded.
#[utoipa::path(post, path = "/media/iso", tag = "Media", request_body = CreateIso,
    responses((status = 201, description = "The ISO image.", body = Data<Iso>),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_iso(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateIso>,
) -> Result<(StatusCode, Json<Data<Iso>>), Error> {
    let row = isos::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Change what is said of an ISO image and who may have it.
///
/// An addition of Berth's. What is left out stays as it is.
#[utoipa::path(put, path = "/media/iso/{isoId}", tag = "Media", request_body = ChangeIso,
    params(("isoId" = i64, Path, description = "An ISO image's id.")),
    responses((status = 200, description = "The ISO image.", body = Data<Iso>),
        (status = 404, description = "There is no such ISO image."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn change_iso(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ChangeIso>,
) -> Result<Json<Data<Iso>>, Error> {
    let row = isos::change(&ctx, &actor, extract::id(&id, ISO)?, input).await?;
    Ok(Json(Data { data: shown(row) }))
}

/// Delete an ISO image from the library.
///
/// An addition of Berth's. Refused while servers have it mounted, saying which.
#[utoipa::path(delete, path = "/media/iso/{isoId}", tag = "Media",
    params(("isoId" = i64, Path, description = "An ISO image's id.")),
    responses((status = 204, description = "It is gone."),
        (status = 404, description = "There is no such ISO image."),
        (status = 422, description = "Which servers have it mounted.")))]
pub async fn delete_iso(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    isos::delete(&ctx, &actor, extract::id(&id, ISO)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Upload an ISO image's file: the body, at most 32 GiB.
///
/// An addition of Berth's. Refused while servers have the ISO image mounted.
#[utoipa::path(put, path = "/media/iso/{isoId}/file", tag = "Media",
    params(("isoId" = i64, Path, description = "An ISO image's id.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The ISO image with its file.", body = Data<Iso>),
        (status = 404, description = "There is no such ISO image."),
        (status = 422, description = "Why the file is refused.")))]
pub async fn upload_iso(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    body: RawBody,
) -> Result<Json<Data<Iso>>, Error> {
    let id = match extract::id(&id, ISO) {
        Ok(id) => isos::require_listed(&ctx, &actor, id).await.map(|()| id),
        Err(error) => Err(error),
    };
    let row = match id {
        Ok(id) => isos::set_file(&ctx, &actor, id, body).await?,
        Err(error) => {
            extract::discard(body).await;
            return Err(error);
        }
    };
    Ok(Json(Data { data: shown(row) }))
}

pub fn shown(row: entity::Model) -> Iso {
    let users = iso::users(&row);
    let entity::Model {
        id,
        uuid: _,
        name,
        description,
        arch,
        url,
        filename,
        enabled,
        global,
        users: _,
        in_library: _,
        digest,
        size_bytes,
        created_at,
        updated_at,
    } = row;
    Iso {
        id,
        name,
        description,
        arch,
        download: url.is_some(),
        url,
        filename,
        enabled,
        config: "[]".to_owned(),
        global,
        users,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
        digest,
        size: size_bytes,
    }
}
