//! Disks of a server.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerDisk {
    #[serde(rename = "_id")]
    pub row_id: i64,
    /// 1 is the primary disk.
    pub id: i32,
    /// libvirt's cache mode; null is the hypervisor's.
    pub cache: Option<String>,
    /// `scsi` or `sata`; null is virtio.
    pub bus: Option<String>,
    /// GB (binary).
    pub capacity: i64,
    /// `a` is the primary disk.
    pub drive: String,
    pub datastore_disk_id: Option<i64>,
    /// What it was made with; null is none.
    pub filesystem: Option<String>,
    pub iops: DiskRate,
    /// Bytes a second.
    pub bytes: DiskRate,
    /// `qcow2` or `raw`.
    #[serde(rename = "type")]
    pub kind: String,
    pub profile: i32,
    /// 1 to be made, 3 there, 4 to be removed.
    pub status: i32,
    pub enabled: bool,
    pub primary: bool,
    pub created: String,
    pub updated: String,
    pub datastore: Vec<i64>,
    pub name: String,
    /// On the node, within `path`.
    pub filename: String,
    pub hypervisor_storage_id: Option<i64>,
    pub local: bool,
    pub location_type: String,
    pub path: String,
}

/// Limits of a disk; null is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct DiskRate {
    pub read: Option<i64>,
    pub write: Option<i64>,
}
