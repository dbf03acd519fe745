//! Storage points of nodes.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::{
        server_node::{NodeOtherStorage, percent},
        storage_point::{CreateStoragePoint, StoragePoint, StorageSelftest, StorageUsage, UpdateStoragePoint},
    },
};
use berth_proto::StorageKind;
use berth_store::{entity::storage_point as entity, server_details::PointUse};

use crate::{
    Context, Error,
    actions::storage_points::{self, Found, LOCAL_ID, NODE, POINT},
    actor::Actor,
    http::extract::{self, Body},
    placement::stretched,
};

/// Retrieve the storage points of a hypervisor: its own folder, which has the id 0, and others.
#[utoipa::path(get, path = "/compute/hypervisors/{hypervisorId}/storage", operation_id = "list_storage_points", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 200, description = "All of them.", body = Data<Vec<StoragePoint>>),
        (status = 404, description = "There is no such hypervisor.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<StoragePoint>>>, Error> {
    let found = storage_points::list(&ctx, &actor, extract::id(&id, NODE)?).await?;
    Ok(Json(Data { data: found.into_iter().map(shown).collect() }))
}

/// Add a storage point to a hypervisor. It takes disks once a self-test of the hypervisor passed on it.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/compute/hypervisors/{hypervisorId}/storage", operation_id = "create_storage_point", tag = "Hypervisors",
    request_body = CreateStoragePoint, params(("hypervisorId" = i64, Path, description = "A hypervisor's id.")),
    responses((status = 201, description = "The storage point.", body = Data<StoragePoint>),
        (status = 404, description = "There is no such hypervisor."),
        (status = 409, description = "The hypervisor has it already, or one of that name."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<CreateStoragePoint>,
) -> Result<(StatusCode, Json<Data<StoragePoint>>), Error> {
    let found = storage_points::create(&ctx, &actor, extract::id(&id, NODE)?, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(found) })))
}

/// Change a storage point: what is named, nothing else. Disks that are there stay.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/compute/hypervisors/{hypervisorId}/storage/{pointId}", operation_id = "update_storage_point", tag = "Hypervisors",
    request_body = UpdateStoragePoint,
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("pointId" = i64, Path, description = "A storage point's id; 0 is the hypervisor's own folder.")),
    responses((status = 200, description = "The storage point as it is now.", body = Data<StoragePoint>),
        (status = 404, description = "There is no such hypervisor or storage point."),
        (status = 409, description = "The name is another one's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, point)): Path<(String, String)>,
    Body(input): Body<UpdateStoragePoint>,
) -> Result<Json<Data<StoragePoint>>, Error> {
    let found = storage_points::update(&ctx, &actor, ids(&id, &point)?, input).await?;
    Ok(Json(Data { data: shown(found) }))
}

/// Remove a storage point that has no disks. What is on the node is left as it is.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/compute/hypervisors/{hypervisorId}/storage/{pointId}", operation_id = "remove_storage_point", tag = "Hypervisors",
    params(("hypervisorId" = i64, Path, description = "A hypervisor's id."),
        ("pointId" = i64, Path, description = "A storage point's id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such hypervisor or storage point."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, point)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    storage_points::remove(&ctx, &actor, ids(&id, &point)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The node's own folder is 0, which is nobody's id elsewhere.
fn ids(node: &str, point: &str) -> Result<(i64, i64), Error> {
    let point = if point == "0" { LOCAL_ID } else { extract::id(point, POINT)? };
    Ok((extract::id(node, NODE)?, point))
}

pub fn shown(found: Found) -> StoragePoint {
    let Found { node, allocated, point } = found;
    let entity::Model {
        id,
        hypervisor_id: _,
        is_local,
        name,
        kind,
        location,
        capacity_gib,
        alert_percent,
        enabled,
        disk_format,
        total_bytes,
        used_bytes,
        trouble,
        reported_at,
        alerted_at,
        test_passed,
        test_detail,
        tested_at,
        created_at,
        updated_at,
    } = point;
    let keeps_files = kind.parse::<StorageKind>().is_ok_and(StorageKind::keeps_files);
    let (capacity, allocated_gib, location) = if is_local {
        (node.max_storage_gib, allocated.storage_gib, volumes_dir(&node.data_dir))
    } else {
        (capacity_gib, allocated.on_point(id), location)
    };
    let max = stretched(capacity, node.storage_overcommit_percent);
    let usage = total_bytes.zip(used_bytes).map(|(total, used)| StorageUsage {
        total,
        used,
        percent: percent(total, used),
        reported: reported_at.map(time::offset),
    });
    let selftest =
        test_passed.map(|passed| StorageSelftest { passed, detail: test_detail, at: tested_at.map(time::offset) });
    StoragePoint {
        id: if is_local { LOCAL_ID } else { id },
        name,
        storage_type: type_code(&kind),
        path: keeps_files.then(|| location.clone()),
        pool: (!keeps_files).then_some(location),
        kind,
        enabled,
        capacity,
        max,
        allocated: allocated_gib,
        free: max - allocated_gib,
        percent: percent(max, allocated_gib),
        alert_percent,
        disk_type: disk_format,
        usage,
        trouble: Some(trouble).filter(|trouble| !trouble.is_empty()),
        alerted: alerted_at.map(time::offset),
        selftest,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

/// Where disks are in the node's own folder.
pub fn volumes_dir(data_dir: &str) -> String {
    format!("{}/volumes", data_dir.trim_end_matches('/'))
}

/// A kind of a newer release has no code here.
fn type_code(kind: &str) -> i32 {
    kind.parse::<StorageKind>().map_or(0, StorageKind::code)
}

/// Storage points as servers and groups show them; `overcommit_percent` is the node's.
pub fn other_storage(point: PointUse, overcommit_percent: i64) -> NodeOtherStorage {
    let PointUse { id, name, kind, location, capacity_gib, enabled, allocated_gib } = point;
    let max = stretched(capacity_gib, overcommit_percent);
    let parsed = kind.parse::<StorageKind>().ok();
    NodeOtherStorage {
        id,
        name,
        enabled: i32::from(enabled),
        path: parsed.is_some_and(StorageKind::keeps_files).then_some(location),
        units: "GB".to_owned(),
        storage_type: type_code(&kind),
        is_datastore: parsed == Some(StorageKind::CephRbd),
        max,
        allocated: allocated_gib,
        free: max - allocated_gib,
        percent: percent(max, allocated_gib),
    }
}
