//! What is sold.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder,
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        package::{ActiveModel, Column, Entity, Model},
        server, template_package,
    },
};

/// Everything of a package but its id and times.
#[derive(Clone, Debug)]
pub struct NewPackage {
    pub name: String,
    pub description: Option<String>,
    pub enabled: bool,
    pub memory_mib: i64,
    pub primary_storage_gib: i64,
    pub traffic_gb: i64,
    pub cpu_cores: i64,
    pub network_in_kbs: i64,
    pub network_out_kbs: i64,
    /// 0: unlimited.
    pub packets_s: i64,
    pub disk_type: String,
    pub storage_profile: i32,
    pub network_profile: i32,
    pub read_bytes_s: Option<i64>,
    pub write_bytes_s: Option<i64>,
    pub read_iops: Option<i64>,
    pub write_iops: Option<i64>,
    /// 0: none.
    pub backup_plan_id: i64,
}

pub async fn insert(tx: &Tx, new: NewPackage, now: Micros) -> Result<Model, StoreError> {
    let row = ActiveModel {
        name: Set(new.name),
        description: Set(new.description),
        enabled: Set(new.enabled),
        memory_mib: Set(new.memory_mib),
        primary_storage_gib: Set(new.primary_storage_gib),
        traffic_gb: Set(new.traffic_gb),
        cpu_cores: Set(new.cpu_cores),
        network_in_kbs: Set(new.network_in_kbs),
        network_out_kbs: Set(new.network_out_kbs),
        packets_s: Set(new.packets_s),
        disk_type: Set(new.disk_type),
        storage_profile: Set(new.storage_profile),
        network_profile: Set(new.network_profile),
        read_bytes_s: Set(new.read_bytes_s),
        write_bytes_s: Set(new.write_bytes_s),
        read_iops: Set(new.read_iops),
        write_iops: Set(new.write_iops),
        backup_plan_id: Set(new.backup_plan_id),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// All of them, by id: the Global API never cuts this list.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Id).all(db).await?)
}

/// Writes every column but the id and the time of creation. Servers that exist keep what they have.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel { updated_at: Set(now), ..row.into_active_model().reset_all() };
    Ok(Entity::update(change).exec(tx).await?)
}

/// How many servers were made from a package, those that are being deleted included.
pub async fn servers(db: &impl ConnectionTrait, id: i64) -> Result<u64, StoreError> {
    Ok(server::Entity::find().filter(server::Column::PackageId.eq(id)).count(db).await?)
}

/// Removes a package that no server was made from. Templates that were kept for it alone are for no package then, so
/// the caller looks first ([`crate::template::kept_for_only`]).
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    template_package::Entity::delete_many().filter(template_package::Column::PackageId.eq(id)).exec(tx).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
