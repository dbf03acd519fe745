//! What one customer may create by themselves, and servers that they create by that right.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    v1::{
        self_service::{ChangeAccess, NameHourlyPack, NameProfile, OrderServer},
        server::Server,
    },
};

use crate::{
    Context, Error,
    actions::self_service::{
        access,
        profiles::{self, Kind},
        purchase, user_packs,
    },
    actor::Actor,
    http::{
        extract::{self, Body, Query},
        v1::{
            servers::{Door, whole},
            users::read,
        },
    },
};

/// Add an hourly group profile to a user.
#[utoipa::path(post, path = "/selfService/hourlyGroupProfile/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    request_body = NameProfile,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "The user has it."),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn give_hourly_profile(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<NameProfile>,
) -> Result<StatusCode, Error> {
    profiles::give(&ctx, &actor, &read(&query, relation)?, (Kind::Hourly, input.profile_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove an hourly group profile from a user. Servers that were created by it stay.
#[utoipa::path(delete, path = "/selfService/hourlyGroupProfile/{profileId}/byUserExtRelationId/{extRelationId}",
    tag = "Self Service",
    params(("profileId" = i64, Path, description = "The profile's id."),
        ("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "The user no longer has it."),
        (status = 404, description = "No user has this relation, or the user has no such profile.")))]
pub async fn take_hourly_profile(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path((id, relation)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let of = (Kind::Hourly, extract::id(&id, Kind::Hourly.thing())?);
    profiles::take(&ctx, &actor, &read(&query, relation)?, of).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a resource group profile to a user.
#[utoipa::path(post, path = "/selfService/resourceGroupProfile/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    request_body = NameProfile,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "The user has it."),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn give_resource_profile(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<NameProfile>,
) -> Result<StatusCode, Error> {
    profiles::give(&ctx, &actor, &read(&query, relation)?, (Kind::Resource, input.profile_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a resource group profile from a user. Servers that were created by it stay.
#[utoipa::path(delete, path = "/selfService/resourceGroupProfile/{profileId}/byUserExtRelationId/{extRelationId}",
    tag = "Self Service",
    params(("profileId" = i64, Path, description = "The profile's id."),
        ("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "The user no longer has it."),
        (status = 404, description = "No user has this relation, or the user has no such profile.")))]
pub async fn take_resource_profile(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path((id, relation)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let of = (Kind::Resource, extract::id(&id, Kind::Resource.thing())?);
    profiles::take(&ctx, &actor, &read(&query, relation)?, of).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set the hourly resource pack of a user: what bounds all that the user has by the hour.
#[utoipa::path(put, path = "/selfService/hourlyResourcePack/byUserExtRelationId/{extRelationId}",
    tag = "Self Service", request_body = NameHourlyPack,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "It bounds the user's hourly servers."),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn set_hourly_pack(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<NameHourlyPack>,
) -> Result<StatusCode, Error> {
    user_packs::set_hourly(&ctx, &actor, &read(&query, relation)?, input.pack_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Modify what a user may do by self service.
#[utoipa::path(put, path = "/selfService/access/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    request_body = ChangeAccess,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "It is as asked for."),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "Which values are wrong.")))]
pub async fn change_access(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<ChangeAccess>,
) -> Result<StatusCode, Error> {
    access::change(&ctx, &actor, &read(&query, relation)?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create a server by a user's own right: by the hour, or in a resource pack of theirs. It is metered from then on.
///
/// An addition of Berth's. `hypervisorId` is a hypervisor group; placement picks the node.
#[utoipa::path(post, path = "/selfService/servers/byUserExtRelationId/{extRelationId}", tag = "Self Service",
    request_body = OrderServer,
    params(("extRelationId" = String, Path, description = "The relation of a user."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 201, description = "The server, not built yet.", body = Data<Server>),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "What the user may not, or why it can't be created.")))]
pub async fn create_server(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<OrderServer>,
) -> Result<(StatusCode, Json<Data<Server>>), Error> {
    let details = purchase::create(&ctx, &actor, &read(&query, relation)?, input).await?;
    let data = whole(&ctx, &actor, door, details, false)?;
    Ok((StatusCode::CREATED, Json(Data { data })))
}
