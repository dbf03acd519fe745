//! Disks of a server.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_disks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    /// 1 is the primary disk.
    pub position: i32,
    /// New for each build.
    pub volume_uuid: Uuid,
    pub capacity_gib: i64,
    pub profile: i32,
    pub format: String,
    /// 1 to be made, 3 there, 4 to be removed.
    pub status: i32,
    pub enabled: bool,
    pub is_primary: bool,
    pub read_bytes_s: Option<i64>,
    pub write_bytes_s: Option<i64>,
    pub read_iops: Option<i64>,
    pub write_iops: Option<i64>,
    /// Null: in the node's own folder.
    pub storage_point_id: Option<i64>,
    /// `virtio`, `scsi` or `sata`; null is virtio.
    pub bus: Option<String>,
    /// libvirt's cache mode; null is the node's.
    pub cache: Option<String>,
    /// `threads` or `native`; null is QEMU's choice.
    pub io: Option<String>,
    /// What it was made with; null is none.
    pub filesystem: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
