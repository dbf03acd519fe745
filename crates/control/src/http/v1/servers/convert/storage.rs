//! Disks.

use berth_api::{
    time,
    v1::{
        server_disk::{DiskDetails, ShownQos},
        server_storage::{DiskRate, ServerDisk},
    },
};
use berth_proto::StorageKind;
use berth_store::{
    entity::{hypervisor, server_disk},
    server_details::{PointUse, ServerDetails},
};
use uuid::Uuid;

use super::pending_action;
use crate::{http::v1::storage_points::volumes_dir, pending};

/// A disk with what waits of it.
pub fn disk_details(details: &ServerDetails, row: server_disk::Model) -> DiskDetails {
    let word = pending::disk_word(row.position);
    let waiting = details.pending.iter().filter(|waiting| waiting.waits_for == word);
    let limit = |limit: Option<i64>| limit.unwrap_or(0);
    DiskDetails {
        size_gb: row.capacity_gib,
        storage_point_id: row.storage_point_id.unwrap_or(0),
        format: row.format.clone(),
        io: row.io.clone(),
        qos: ShownQos {
            read_iops: limit(row.read_iops),
            write_iops: limit(row.write_iops),
            read_bytes: limit(row.read_bytes_s),
            write_bytes: limit(row.write_bytes_s),
        },
        pending: waiting.cloned().map(pending_action).collect(),
        disk: disk(row, details.server.uuid, &details.hypervisor, &details.points),
    }
}

/// `points` are those of the node.
pub fn disk(row: server_disk::Model, server: Uuid, node: &hypervisor::Model, points: &[PointUse]) -> ServerDisk {
    let server_disk::Model {
        id,
        server_id: _,
        position,
        volume_uuid,
        capacity_gib,
        profile,
        format,
        status,
        enabled,
        is_primary,
        read_bytes_s,
        write_bytes_s,
        read_iops,
        write_iops,
        storage_point_id,
        bus,
        cache,
        io: _,
        filesystem,
        created_at,
        updated_at,
    } = row;
    let point = points.iter().find(|point| storage_point_id == Some(point.id));
    let kind = point.and_then(|point| point.kind.parse().ok()).unwrap_or(StorageKind::Directory);
    let instance = node.facts.get("instance").and_then(serde_json::Value::as_str).unwrap_or_default();
    let (path, filename) = match point {
        None => (volumes_dir(&node.data_dir), format!("{volume_uuid}.{format}")),
        Some(point) if kind.keeps_files() => {
            (format!("{}/{instance}", point.location), format!("{volume_uuid}.{format}"))
        }
        Some(point) => (point.location.clone(), format!("{instance}-{volume_uuid}")),
    };
    ServerDisk {
        row_id: id,
        id: position,
        cache,
        bus,
        capacity: capacity_gib,
        drive: pending::letter(position).to_string(),
        datastore_disk_id: None,
        filesystem,
        iops: DiskRate { read: read_iops, write: write_iops },
        bytes: DiskRate { read: read_bytes_s, write: write_bytes_s },
        filename,
        kind: format,
        profile,
        status,
        enabled,
        primary: is_primary,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
        datastore: Vec::new(),
        name: format!("{server}_{position}"),
        hypervisor_storage_id: storage_point_id,
        local: kind != StorageKind::CephRbd,
        location_type: if kind.keeps_files() { "mountpoint" } else { kind.name() }.to_owned(),
        path,
    }
}
