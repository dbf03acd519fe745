//! Resource packs that users have, and the servers in them.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::{
        self_service::{AddUserPack, EnableUserPack, MadeId},
        self_service_pack::UserPack,
    },
};

use crate::{
    Context, Error,
    actions::self_service::{
        pack_servers::{self, DELAY_MINUTES},
        user_packs::{self as action, PACK},
    },
    actor::Actor,
    http::{
        extract::{self, Body, Query},
        v1::users::read,
    },
};

/// Add a resource pack to a user. It keeps the limits that the pack has now.
#[utoipa::path(post, path = "/selfService/resourcePack/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    request_body = AddUserPack,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 201, description = "The id of the user's pack.", body = Data<MadeId>),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn add_user_pack(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<AddUserPack>,
) -> Result<(StatusCode, Json<Data<MadeId>>), Error> {
    let id = action::give(&ctx, &actor, &read(&query, relation)?, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: MadeId { id } })))
}

/// List a user's resource packs, all of them.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/selfService/resourcePack/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 200, description = "The packs.", body = Data<Vec<UserPack>>),
        (status = 404, description = "No user has this relation.")))]
pub async fn user_packs(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<Vec<UserPack>>>, Error> {
    Ok(Json(Data { data: action::of_user(&ctx, &actor, &read(&query, relation)?).await? }))
}

/// Retrieve a user's resource pack.
#[utoipa::path(get, path = "/selfService/resourcePack/{packId}", tag = "Self Service",
    params(("packId" = i64, Path, description = "A resource pack that a user has."),
        ("withServers" = Option<bool>, Query, description = "With the servers that are in it.")),
    responses((status = 200, description = "The pack.", body = Data<UserPack>),
        (status = 404, description = "There is no such pack.")))]
pub async fn user_pack(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
) -> Result<Json<Data<UserPack>>, Error> {
    let with_servers = query.flag("withServers")?;
    Ok(Json(Data { data: action::retrieve(&ctx, &actor, extract::id(&id, PACK)?, with_servers).await? }))
}

/// Modify a user's resource pack. In a disabled one no server can be created.
#[utoipa::path(put, path = "/selfService/resourcePack/{packId}", tag = "Self Service",
    request_body = EnableUserPack,
    params(("packId" = i64, Path, description = "A resource pack that a user has.")),
    responses((status = 204, description = "It is as asked for."),
        (status = 404, description = "There is no such pack."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn change_user_pack(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<EnableUserPack>,
) -> Result<StatusCode, Error> {
    action::enable(&ctx, &actor, extract::id(&id, PACK)?, input.enabled).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a user's resource pack.
#[utoipa::path(delete, path = "/selfService/resourcePack/{packId}", tag = "Self Service",
    params(("packId" = i64, Path, description = "A resource pack that a user has."),
        ("disable" = Option<bool>, Query, description = "Disable it where it has servers.")),
    responses((status = 204, description = "It is gone, or disabled."),
        (status = 404, description = "There is no such pack."),
        (status = 422, description = "It has servers.")))]
pub async fn remove_user_pack(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    action::remove(&ctx, &actor, extract::id(&id, PACK)?, query.flag("disable")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete all servers of a user's resource pack.
#[utoipa::path(delete, path = "/selfService/resourcePackServers/{packId}", tag = "Self Service",
    params(("packId" = i64, Path, description = "A resource pack that a user has."),
        ("delay" = Option<i64>, Query, description = "Minutes until then, 0 to 43800; by default 30.")),
    responses((status = 204, description = "They are being deleted, or will be after the delay."),
        (status = 404, description = "There is no such pack."),
        (status = 422, description = "The delay is out of range."),
        (status = 423, description = "A server is protected.")))]
pub async fn delete_pack_servers(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let delay = query.number("delay")?.unwrap_or(DELAY_MINUTES);
    pack_servers::delete(&ctx, &actor, extract::id(&id, PACK)?, delay).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Suspend all servers of a user's resource pack.
#[utoipa::path(post, path = "/selfService/resourcePackServers/{packId}/suspend", tag = "Self Service",
    params(("packId" = i64, Path, description = "A resource pack that a user has.")),
    responses((status = 204, description = "They are suspended."),
        (status = 404, description = "There is no such pack.")))]
pub async fn suspend_pack_servers(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    pack_servers::suspend(&ctx, &actor, extract::id(&id, PACK)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unsuspend all servers of a user's resource pack.
#[utoipa::path(post, path = "/selfService/resourcePackServers/{packId}/unsuspend", tag = "Self Service",
    params(("packId" = i64, Path, description = "A resource pack that a user has.")),
    responses((status = 204, description = "None of them is suspended."),
        (status = 404, description = "There is no such pack.")))]
pub async fn unsuspend_pack_servers(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    pack_servers::unsuspend(&ctx, &actor, extract::id(&id, PACK)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
