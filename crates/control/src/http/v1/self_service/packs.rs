//! Resource packs as they are sold, and those that bound hourly servers.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        confirm::Confirm,
        self_service_pack::{CreateResourcePack, ResourcePack, UpdateResourcePack},
    },
};
use berth_store::{
    entity::resource_pack::Model,
    self_service::pack::{self, Limits},
};

use crate::{
    Context, Error,
    actions::self_service::packs::{self as action, Kind},
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

/// List resource packs.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/resourcePacks", tag = "Self Service",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of them.", body = Page<ResourcePack>)))]
pub async fn packs(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<ResourcePack>>, Error> {
    list(&ctx, &actor, Kind::Resource, page).await
}

/// Create a resource pack.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/selfService/resourcePacks", tag = "Self Service", request_body = CreateResourcePack,
    responses((status = 201, description = "As it is now.", body = Data<ResourcePack>),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateResourcePack>,
) -> Result<(StatusCode, Json<Data<ResourcePack>>), Error> {
    let made = action::create(&ctx, &actor, Kind::Resource, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(made) })))
}

/// Retrieve a resource pack.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/resourcePacks/{packId}", tag = "Self Service",
    params(("packId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "What is asked for.", body = Data<ResourcePack>),
        (status = 404, description = "There is none.")))]
pub async fn pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<ResourcePack>>, Error> {
    one(&ctx, &actor, Kind::Resource, &id).await
}

/// Change a resource pack: what is named, nothing else.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/selfService/resourcePacks/{packId}", tag = "Self Service", request_body = UpdateResourcePack,
    params(("packId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "As it is now.", body = Data<ResourcePack>),
        (status = 404, description = "There is none."),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateResourcePack>,
) -> Result<Json<Data<ResourcePack>>, Error> {
    let of = (Kind::Resource, extract::id(&id, Kind::Resource.thing())?);
    Ok(Json(Data { data: shown(action::update(&ctx, &actor, of, input).await?) }))
}

/// Remove a resource pack that no user has.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/selfService/resourcePacks/{packId}", tag = "Self Service", request_body = Confirm,
    params(("packId" = i64, Path, description = "Its id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is none."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    let of = (Kind::Resource, extract::id(&id, Kind::Resource.thing())?);
    action::remove(&ctx, &actor, of, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List hourly resource packs.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/hourlyResourcePacks", tag = "Self Service",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of them.", body = Page<ResourcePack>)))]
pub async fn hourly_packs(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<ResourcePack>>, Error> {
    list(&ctx, &actor, Kind::Hourly, page).await
}

/// Create an hourly resource pack.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/selfService/hourlyResourcePacks", tag = "Self Service", request_body = CreateResourcePack,
    responses((status = 201, description = "As it is now.", body = Data<ResourcePack>),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_hourly_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateResourcePack>,
) -> Result<(StatusCode, Json<Data<ResourcePack>>), Error> {
    let made = action::create(&ctx, &actor, Kind::Hourly, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(made) })))
}

/// Retrieve an hourly resource pack.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/hourlyResourcePacks/{packId}", tag = "Self Service",
    params(("packId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "What is asked for.", body = Data<ResourcePack>),
        (status = 404, description = "There is none.")))]
pub async fn hourly_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<ResourcePack>>, Error> {
    one(&ctx, &actor, Kind::Hourly, &id).await
}

/// Change an hourly resource pack: what is named, nothing else.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/selfService/hourlyResourcePacks/{packId}", tag = "Self Service", request_body = UpdateResourcePack,
    params(("packId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "As it is now.", body = Data<ResourcePack>),
        (status = 404, description = "There is none."),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update_hourly_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateResourcePack>,
) -> Result<Json<Data<ResourcePack>>, Error> {
    let of = (Kind::Hourly, extract::id(&id, Kind::Hourly.thing())?);
    Ok(Json(Data { data: shown(action::update(&ctx, &actor, of, input).await?) }))
}

/// Remove an hourly resource pack that no user has.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/selfService/hourlyResourcePacks/{packId}", tag = "Self Service", request_body = Confirm,
    params(("packId" = i64, Path, description = "Its id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is none."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove_hourly_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    let of = (Kind::Hourly, extract::id(&id, Kind::Hourly.thing())?);
    action::remove(&ctx, &actor, of, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(ctx: &Context, actor: &Actor, kind: Kind, page: PageRequest) -> Result<Json<Page<ResourcePack>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = pack::page(ctx.store.read(), kind.word(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

async fn one(ctx: &Context, actor: &Actor, kind: Kind, id: &str) -> Result<Json<Data<ResourcePack>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(id, kind.thing())?;
    let row = pack::by_id(ctx.store.read(), kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
    Ok(Json(Data { data: shown(row) }))
}

fn shown(row: Model) -> ResourcePack {
    let limits = action::shown(&Limits::of(&row));
    ResourcePack {
        id: row.id,
        name: row.name,
        enabled: row.enabled,
        limits,
        created: time::offset(row.created_at),
        updated: time::offset(row.updated_at),
    }
}
