//! Group profiles: where and what their customers may create, by the hour and in resource packs.

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
        self_service_settings::{CreateGroupProfile, GroupProfile, UpdateGroupProfile},
    },
};
use berth_store::{
    entity::self_service_profile as entity,
    self_service::profile::{self, Allowed},
};

use crate::{
    Context, Error,
    actions::self_service::profiles::{self as action, Kind},
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

/// List hourly group profiles.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/hourlyGroupProfiles", tag = "Self Service",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of them.", body = Page<GroupProfile>)))]
pub async fn hourly_profiles(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<GroupProfile>>, Error> {
    list(&ctx, &actor, Kind::Hourly, page).await
}

/// Create an hourly group profile.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/selfService/hourlyGroupProfiles", tag = "Self Service", request_body = CreateGroupProfile,
    responses((status = 201, description = "As it is now.", body = Data<GroupProfile>),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_hourly_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateGroupProfile>,
) -> Result<(StatusCode, Json<Data<GroupProfile>>), Error> {
    let made = action::create(&ctx, &actor, Kind::Hourly, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(made) })))
}

/// Retrieve an hourly group profile.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/hourlyGroupProfiles/{profileId}", tag = "Self Service",
    params(("profileId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "What is asked for.", body = Data<GroupProfile>),
        (status = 404, description = "There is none.")))]
pub async fn hourly_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<GroupProfile>>, Error> {
    one(&ctx, &actor, Kind::Hourly, &id).await
}

/// Change an hourly group profile: what is named, nothing else.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/selfService/hourlyGroupProfiles/{profileId}", tag = "Self Service", request_body = UpdateGroupProfile,
    params(("profileId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "As it is now.", body = Data<GroupProfile>),
        (status = 404, description = "There is none."),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update_hourly_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateGroupProfile>,
) -> Result<Json<Data<GroupProfile>>, Error> {
    let of = (Kind::Hourly, extract::id(&id, Kind::Hourly.thing())?);
    Ok(Json(Data { data: shown(action::update(&ctx, &actor, of, input).await?) }))
}

/// Remove an hourly group profile that no user has.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/selfService/hourlyGroupProfiles/{profileId}", tag = "Self Service", request_body = Confirm,
    params(("profileId" = i64, Path, description = "Its id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is none."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove_hourly_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    let of = (Kind::Hourly, extract::id(&id, Kind::Hourly.thing())?);
    action::remove(&ctx, &actor, of, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List resource group profiles.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/resourceGroupProfiles", tag = "Self Service",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of them.", body = Page<GroupProfile>)))]
pub async fn resource_profiles(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<GroupProfile>>, Error> {
    list(&ctx, &actor, Kind::Resource, page).await
}

/// Create a resource group profile.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/selfService/resourceGroupProfiles", tag = "Self Service", request_body = CreateGroupProfile,
    responses((status = 201, description = "As it is now.", body = Data<GroupProfile>),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_resource_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateGroupProfile>,
) -> Result<(StatusCode, Json<Data<GroupProfile>>), Error> {
    let made = action::create(&ctx, &actor, Kind::Resource, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(made) })))
}

/// Retrieve a resource group profile.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/resourceGroupProfiles/{profileId}", tag = "Self Service",
    params(("profileId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "What is asked for.", body = Data<GroupProfile>),
        (status = 404, description = "There is none.")))]
pub async fn resource_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<GroupProfile>>, Error> {
    one(&ctx, &actor, Kind::Resource, &id).await
}

/// Change a resource group profile: what is named, nothing else.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/selfService/resourceGroupProfiles/{profileId}", tag = "Self Service", request_body = UpdateGroupProfile,
    params(("profileId" = i64, Path, description = "Its id.")),
    responses((status = 200, description = "As it is now.", body = Data<GroupProfile>),
        (status = 404, description = "There is none."),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update_resource_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateGroupProfile>,
) -> Result<Json<Data<GroupProfile>>, Error> {
    let of = (Kind::Resource, extract::id(&id, Kind::Resource.thing())?);
    Ok(Json(Data { data: shown(action::update(&ctx, &actor, of, input).await?) }))
}

/// Remove a resource group profile that no user has.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/selfService/resourceGroupProfiles/{profileId}", tag = "Self Service", request_body = Confirm,
    params(("profileId" = i64, Path, description = "Its id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is none."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove_resource_profile(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    let of = (Kind::Resource, extract::id(&id, Kind::Resource.thing())?);
    action::remove(&ctx, &actor, of, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(ctx: &Context, actor: &Actor, kind: Kind, page: PageRequest) -> Result<Json<Page<GroupProfile>>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let (rows, total) = profile::page(db, kind.word(), page.offset(), page.results).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let allowed = profile::allowed(db, &ids).await?;
    Ok(Json(page.wrap(rows.into_iter().zip(allowed).map(shown).collect(), total)))
}

async fn one(ctx: &Context, actor: &Actor, kind: Kind, id: &str) -> Result<Json<Data<GroupProfile>>, Error> {
    actor.require(Ability::Read)?;
    let (db, id) = (ctx.store.read(), extract::id(id, kind.thing())?);
    let row = profile::by_id(db, kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
    let allowed = profile::allowed(db, &[id]).await?.pop().unwrap_or_default();
    Ok(Json(Data { data: shown((row, allowed)) }))
}

fn shown((row, allowed): (entity::Model, Allowed)) -> GroupProfile {
    let entity::Model { id, kind: _, name, enabled, max_servers, created_at, updated_at } = row;
    let Allowed { groups, packages, templates } = allowed;
    GroupProfile {
        id,
        name,
        enabled,
        max_servers,
        hypervisor_groups: groups,
        packages,
        templates,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
