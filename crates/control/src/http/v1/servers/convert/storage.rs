//! Disks.

use berth_api::{
    time,
    v1::server_storage::{DiskRate, ServerDisk},
};
use berth_store::entity::server_disk;
use uuid::Uuid;

use crate::pending;

/// `data_dir` is the node's.
pub fn disk(row: server_disk::Model, server: Uuid, data_dir: &str) -> ServerDisk {
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
        created_at,
        updated_at,
    } = row;
    ServerDisk {
        row_id: id,
        id: position,
        cache: None,
        bus: None,
        capacity: capacity_gib,
        drive: pending::letter(position).to_string(),
        datastore_disk_id: None,
        filesystem: None,
        iops: DiskRate { read: read_iops, write: write_iops },
        bytes: DiskRate { read: read_bytes_s, write: write_bytes_s },
        filename: format!("{volume_uuid}.{format}"),
        kind: format,
        profile,
        status,
        enabled,
        primary: is_primary,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
        datastore: Vec::new(),
        name: format!("{server}_{position}"),
        hypervisor_storage_id: None,
        local: true,
        location_type: "mountpoint".to_owned(),
        path: format!("{}/volumes", data_dir.trim_end_matches('/')),
    }
}
