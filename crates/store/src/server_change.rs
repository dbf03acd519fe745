//! What a server is changed to while it exists. The caller holds the server's lock.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        server::{ActiveModel, Column, Entity, Model},
        server_disk, server_interface,
    },
};

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub name: Option<String>,
    pub owner_id: Option<i64>,
    pub package_id: Option<i64>,
    pub memory_mib: Option<i64>,
    pub cpu_cores: Option<i64>,
    pub cpu_throttle: Option<i32>,
    pub traffic_gb: Option<i64>,
    pub protected: Option<bool>,
    pub suspended: Option<bool>,
    pub self_service: Option<i32>,
    pub ran_when_suspended: Option<bool>,
    pub backup_access: Option<String>,
    /// `Some(None)` takes the plan away.
    pub backup_plan_id: Option<Option<i64>>,
}

/// Changes the row; with a new generation where the node has to follow. Answers the row as it is then.
pub async fn change(
    tx: &Tx,
    id: i64,
    changes: Changes,
    for_node: bool,
    now: Micros,
) -> Result<Option<Model>, StoreError> {
    let Changes {
        name,
        owner_id,
        package_id,
        memory_mib,
        cpu_cores,
        cpu_throttle,
        traffic_gb,
        protected,
        suspended,
        self_service,
        ran_when_suspended,
        backup_access,
        backup_plan_id,
    } = changes;
    let row = ActiveModel {
        name: name.map_or_else(Default::default, Set),
        owner_id: owner_id.map_or_else(Default::default, Set),
        package_id: package_id.map_or_else(Default::default, Set),
        memory_mib: memory_mib.map_or_else(Default::default, Set),
        cpu_cores: cpu_cores.map_or_else(Default::default, Set),
        cpu_throttle: cpu_throttle.map_or_else(Default::default, Set),
        traffic_gb: traffic_gb.map_or_else(Default::default, Set),
        protected: protected.map_or_else(Default::default, Set),
        suspended: suspended.map_or_else(Default::default, Set),
        self_service: self_service.map_or_else(Default::default, Set),
        ran_when_suspended: ran_when_suspended.map_or_else(Default::default, Set),
        backup_access: backup_access.map_or_else(Default::default, Set),
        backup_plan_id: backup_plan_id.map_or_else(Default::default, Set),
        updated_at: Set(now),
        ..Default::default()
    };
    let mut update = Entity::update_many().set(row);
    if for_node {
        update = update.col_expr(Column::Generation, Expr::col(Column::Generation).add(1));
    }
    Ok(update.filter(Column::Id.eq(id)).exec_with_returning(tx).await?.into_iter().next())
}

/// Limits of a disk; 0 and `None` are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskLimits {
    pub read_bytes_s: Option<i64>,
    pub write_bytes_s: Option<i64>,
    pub read_iops: Option<i64>,
    pub write_iops: Option<i64>,
}

/// A disk's size and limits.
pub async fn change_disk(
    tx: &Tx,
    disk_id: i64,
    capacity_gib: i64,
    limits: DiskLimits,
    now: Micros,
) -> Result<(), StoreError> {
    let DiskLimits { read_bytes_s, write_bytes_s, read_iops, write_iops } = limits;
    let row = server_disk::ActiveModel {
        capacity_gib: Set(capacity_gib),
        read_bytes_s: Set(read_bytes_s),
        write_bytes_s: Set(write_bytes_s),
        read_iops: Set(read_iops),
        write_iops: Set(write_iops),
        updated_at: Set(now),
        ..Default::default()
    };
    server_disk::Entity::update_many().set(row).filter(server_disk::Column::Id.eq(disk_id)).exec(tx).await?;
    Ok(())
}

/// Disks that are there now.
pub async fn disks_made(tx: &Tx, disk_ids: &[i64], now: Micros) -> Result<(), StoreError> {
    let row = server_disk::ActiveModel {
        status: Set(crate::server_disk::STATUS_READY),
        enabled: Set(true),
        updated_at: Set(now),
        ..Default::default()
    };
    let made = server_disk::Column::Id.is_in(disk_ids.iter().copied());
    server_disk::Entity::update_many().set(row).filter(made).exec(tx).await?;
    Ok(())
}

/// Speeds of an interface in kB/s, and its packets a second; 0 is unlimited.
pub async fn change_speed(
    tx: &Tx,
    interface_id: i64,
    (in_average_kbs, out_average_kbs): (i64, i64),
    packets_s: i64,
    now: Micros,
) -> Result<(), StoreError> {
    let row = server_interface::ActiveModel {
        in_average_kbs: Set(in_average_kbs),
        out_average_kbs: Set(out_average_kbs),
        packets_s: Set(packets_s),
        updated_at: Set(now),
        ..Default::default()
    };
    let it = server_interface::Column::Id.eq(interface_id);
    server_interface::Entity::update_many().set(row).filter(it).exec(tx).await?;
    Ok(())
}
