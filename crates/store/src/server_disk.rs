//! Disks of servers.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::server_disk::{ActiveModel, Column, Entity, Model},
};

/// To be made.
pub const STATUS_PLANNED: i32 = 1;
/// There, or made by the next build.
pub const STATUS_READY: i32 = 3;
/// To be removed; it takes its room and its place until its node has done so.
pub const STATUS_LEAVING: i32 = 4;

#[derive(Clone, Debug)]
pub struct NewDisk {
    /// 1 is the primary disk.
    pub position: i32,
    pub volume_uuid: Uuid,
    pub capacity_gib: i64,
    pub profile: i32,
    /// `qcow2` or `raw`.
    pub format: String,
    pub status: i32,
    pub enabled: bool,
    pub read_bytes_s: Option<i64>,
    pub write_bytes_s: Option<i64>,
    pub read_iops: Option<i64>,
    pub write_iops: Option<i64>,
    /// `None`: in the node's own folder.
    pub storage_point_id: Option<i64>,
    pub hardware: Hardware,
    /// What it is made with; `None` is none.
    pub filesystem: Option<String>,
}

/// How a disk is attached; `None` is the node's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// `virtio`, `scsi` or `sata`.
    pub bus: Option<String>,
    /// libvirt's cache mode.
    pub cache: Option<String>,
    /// `threads` or `native`.
    pub io: Option<String>,
}

impl Hardware {
    pub fn of(row: &Model) -> Self {
        Self { bus: row.bus.clone(), cache: row.cache.clone(), io: row.io.clone() }
    }
}

/// Disks of a server in one statement; answered by position.
pub async fn insert(tx: &Tx, server_id: i64, disks: &[NewDisk], now: Micros) -> Result<Vec<Model>, StoreError> {
    let rows = disks.iter().map(|disk| ActiveModel {
        id: NotSet,
        server_id: Set(server_id),
        position: Set(disk.position),
        volume_uuid: Set(disk.volume_uuid),
        capacity_gib: Set(disk.capacity_gib),
        profile: Set(disk.profile),
        format: Set(disk.format.clone()),
        status: Set(disk.status),
        enabled: Set(disk.enabled),
        is_primary: Set(disk.position == 1),
        read_bytes_s: Set(disk.read_bytes_s),
        write_bytes_s: Set(disk.write_bytes_s),
        read_iops: Set(disk.read_iops),
        write_iops: Set(disk.write_iops),
        storage_point_id: Set(disk.storage_point_id),
        bus: Set(disk.hardware.bus.clone()),
        cache: Set(disk.hardware.cache.clone()),
        io: Set(disk.hardware.io.clone()),
        filesystem: Set(disk.filesystem.clone()),
        created_at: Set(now),
        updated_at: Set(now),
    });
    let mut inserted = Entity::insert_many(rows).exec_with_returning(tx).await?;
    inserted.sort_by_key(|disk| disk.position);
    Ok(inserted)
}

pub async fn of_server(db: &impl Db, server_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::ServerId.eq(server_id)).order_by_asc(Column::Position).all(db).await?)
}

/// Gives a disk a new volume, which the build makes; the old one is removed once the new one is there.
pub async fn renew_volume(tx: &Tx, id: i64, volume_uuid: Uuid, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        volume_uuid: Set(volume_uuid),
        status: Set(STATUS_READY),
        enabled: Set(true),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Changes how a disk is attached.
pub async fn set_hardware(tx: &Tx, id: i64, hardware: Hardware, now: Micros) -> Result<(), StoreError> {
    let Hardware { bus, cache, io } = hardware;
    let row = ActiveModel { bus: Set(bus), cache: Set(cache), io: Set(io), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// The server is to have the disk no longer.
pub async fn leave(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row =
        ActiveModel { status: Set(STATUS_LEAVING), enabled: Set(false), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Forgets disks that are on no node.
pub async fn remove(tx: &Tx, ids: &[i64]) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(tx).await?;
    Ok(())
}
