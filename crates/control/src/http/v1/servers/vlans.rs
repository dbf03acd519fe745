//! VLANs of a server's interfaces.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::interface_vlan::{CreateVlan, InterfaceVlan, UpdateVlan},
};
use berth_store::entity::interface_vlan as entity;

use super::SERVER;
use crate::{
    Context, Error,
    actions::interface_vlans::{self, VLAN},
    actor::Actor,
    http::extract::{self, Body},
};

/// Retrieve the VLANs of an interface.
#[utoipa::path(get, path = "/servers/{serverId}/interfaces/{interface}/vlans", operation_id = "list_vlans", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 200, description = "All of them, by their numbers.", body = Data<Vec<InterfaceVlan>>),
        (status = 404, description = "There is no such server or interface.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
) -> Result<Json<Data<Vec<InterfaceVlan>>>, Error> {
    let all = interface_vlans::list(&ctx, &actor, (extract::id(&id, SERVER)?, &reference)).await?;
    Ok(Json(Data { data: all.into_iter().map(shown).collect() }))
}

/// Give an interface a VLAN.
///
/// Of networks whose nodes give VLANs of their bridges to guests. The node follows at once. A trunk has no firewall.
#[utoipa::path(post, path = "/servers/{serverId}/interfaces/{interface}/vlans", operation_id = "create_vlan", tag = "Servers",
    request_body = CreateVlan,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag.")),
    responses((status = 201, description = "The VLAN.", body = Data<InterfaceVlan>),
        (status = 404, description = "There is no such server or interface."),
        (status = 409, description = "The interface has it already."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference)): Path<(String, String)>,
    Body(input): Body<CreateVlan>,
) -> Result<(StatusCode, Json<Data<InterfaceVlan>>), Error> {
    let made = interface_vlans::create(&ctx, &actor, (extract::id(&id, SERVER)?, &reference), input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(made) })))
}

/// Change a VLAN of an interface.
#[utoipa::path(put, path = "/servers/{serverId}/interfaces/{interface}/vlans/{vlanId}", operation_id = "update_vlan", tag = "Servers",
    request_body = UpdateVlan,
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("vlanId" = i64, Path, description = "The id of one of its VLANs, not the VLAN's number.")),
    responses((status = 200, description = "The VLAN as it is now.", body = Data<InterfaceVlan>),
        (status = 404, description = "There is no such server, interface or VLAN."),
        (status = 409, description = "The interface has that number already."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference, vlan)): Path<(String, String, String)>,
    Body(input): Body<UpdateVlan>,
) -> Result<Json<Data<InterfaceVlan>>, Error> {
    let (ends, vlan) = ((extract::id(&id, SERVER)?, reference.as_str()), extract::id(&vlan, VLAN)?);
    let changed = interface_vlans::update(&ctx, &actor, ends, vlan, input).await?;
    Ok(Json(Data { data: shown(changed) }))
}

/// Take a VLAN from an interface.
#[utoipa::path(delete, path = "/servers/{serverId}/interfaces/{interface}/vlans/{vlanId}", operation_id = "delete_vlan", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("interface" = String, Path, description = "`primary`, `secondary` or a tag."),
        ("vlanId" = i64, Path, description = "The id of one of its VLANs, not the VLAN's number.")),
    responses((status = 204, description = "It has the VLAN no longer."),
        (status = 404, description = "There is no such server, interface or VLAN.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, reference, vlan)): Path<(String, String, String)>,
) -> Result<StatusCode, Error> {
    let ends = (extract::id(&id, SERVER)?, reference.as_str());
    interface_vlans::remove(&ctx, &actor, ends, extract::id(&vlan, VLAN)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> InterfaceVlan {
    let entity::Model { id, interface_id: _, vlan, native_mode, trunk, created_at } = row;
    let native_mode = Some(native_mode).filter(|mode| !mode.is_empty());
    InterfaceVlan { id, vlan, native_mode, trunk, created: time::offset(created_at) }
}
