//! Resource packs: what is sold, what customers have, and how much of it their servers use.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        metered_server,
        resource_pack::{ActiveModel, Column, Entity, Model},
        self_service_account, server, user_pack,
    },
    joined,
};

/// Packs of which a customer may have several.
pub const RESOURCE: &str = "resource";
/// Packs that bound what a customer has by the hour.
pub const HOURLY: &str = "hourly";

/// Totals, and the most of one server; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub total_servers: i64,
    pub total_memory_mib: i64,
    pub total_storage_gib: i64,
    pub total_cpu: i64,
    pub total_traffic_gb: i64,
    pub max_memory_mib: i64,
    pub max_storage_gib: i64,
    pub max_cpu: i64,
    pub max_traffic_gb: i64,
}

impl Limits {
    pub fn of(row: &Model) -> Self {
        Self {
            total_servers: row.total_servers,
            total_memory_mib: row.total_memory_mib,
            total_storage_gib: row.total_storage_gib,
            total_cpu: row.total_cpu,
            total_traffic_gb: row.total_traffic_gb,
            max_memory_mib: row.max_memory_mib,
            max_storage_gib: row.max_storage_gib,
            max_cpu: row.max_cpu,
            max_traffic_gb: row.max_traffic_gb,
        }
    }

    pub fn of_user(row: &user_pack::Model) -> Self {
        Self {
            total_servers: row.total_servers,
            total_memory_mib: row.total_memory_mib,
            total_storage_gib: row.total_storage_gib,
            total_cpu: row.total_cpu,
            total_traffic_gb: row.total_traffic_gb,
            max_memory_mib: row.max_memory_mib,
            max_storage_gib: row.max_storage_gib,
            max_cpu: row.max_cpu,
            max_traffic_gb: row.max_traffic_gb,
        }
    }
}

/// What servers have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub servers: i64,
    pub memory_mib: i64,
    pub storage_gib: i64,
    pub cpu: i64,
    pub traffic_gb: i64,
}

#[derive(Clone, Debug)]
pub struct NewPack {
    pub kind: &'static str,
    pub name: String,
    pub enabled: bool,
    pub limits: Limits,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewPack) -> Result<Model, StoreError> {
    let NewPack { kind, name, enabled, limits, now } = new;
    let row = ActiveModel {
        kind: Set(kind.to_owned()),
        name: Set(name),
        enabled: Set(enabled),
        total_servers: Set(limits.total_servers),
        total_memory_mib: Set(limits.total_memory_mib),
        total_storage_gib: Set(limits.total_storage_gib),
        total_cpu: Set(limits.total_cpu),
        total_traffic_gb: Set(limits.total_traffic_gb),
        max_memory_mib: Set(limits.max_memory_mib),
        max_storage_gib: Set(limits.max_storage_gib),
        max_cpu: Set(limits.max_cpu),
        max_traffic_gb: Set(limits.max_traffic_gb),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

/// Writes every column but the id and the time of creation. Packs that customers have keep their limits.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel { updated_at: Set(now), ..row.into_active_model().reset_all() };
    Ok(change.update(tx).await?)
}

pub async fn by_id(db: &impl Db, kind: &str, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::Kind.eq(kind)).one(db).await?)
}

/// Those of a kind by id, and how many there are.
pub async fn page(db: &impl Db, kind: &str, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find().filter(Column::Kind.eq(kind));
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// How many customers have it.
pub async fn uses(db: &impl Db, id: i64) -> Result<u64, StoreError> {
    use self_service_account::{Column, Entity};
    let packs = user_pack::Entity::find().filter(user_pack::Column::PackId.eq(id)).count(db).await?;
    Ok(packs + Entity::find().filter(Column::HourlyPackId.eq(id)).count(db).await?)
}

/// Removes a pack that nobody has.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// A customer gets one, with the limits that it has now.
pub async fn give(
    tx: &Tx,
    user_id: i64,
    pack: &Model,
    enabled: bool,
    now: Micros,
) -> Result<user_pack::Model, StoreError> {
    let limits = Limits::of(pack);
    let row = user_pack::ActiveModel {
        user_id: Set(user_id),
        pack_id: Set(pack.id),
        name: Set(pack.name.clone()),
        label: Set(None),
        enabled: Set(enabled),
        total_servers: Set(limits.total_servers),
        total_memory_mib: Set(limits.total_memory_mib),
        total_storage_gib: Set(limits.total_storage_gib),
        total_cpu: Set(limits.total_cpu),
        total_traffic_gb: Set(limits.total_traffic_gb),
        max_memory_mib: Set(limits.max_memory_mib),
        max_storage_gib: Set(limits.max_storage_gib),
        max_cpu: Set(limits.max_cpu),
        max_traffic_gb: Set(limits.max_traffic_gb),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(user_pack::Entity::insert(row).exec_with_returning(tx).await?)
}

/// A pack that a customer has.
pub async fn of_user_by_id(db: &impl Db, id: i64) -> Result<Option<user_pack::Model>, StoreError> {
    Ok(user_pack::Entity::find_by_id(id).one(db).await?)
}

/// Locks a customer's pack, so that what is counted in it stays.
pub async fn lock_of_user(tx: &Tx, id: i64) -> Result<Option<user_pack::Model>, StoreError> {
    use sea_orm::sea_query::Expr;
    let locked = user_pack::Entity::update_many()
        .col_expr(user_pack::Column::UpdatedAt, Expr::col(user_pack::Column::UpdatedAt))
        .filter(user_pack::Column::Id.eq(id));
    Ok(locked.exec_with_returning(tx).await?.into_iter().next())
}

/// All that a customer has, by id.
pub async fn of_user(db: &impl Db, user_id: i64) -> Result<Vec<user_pack::Model>, StoreError> {
    let query = user_pack::Entity::find().filter(user_pack::Column::UserId.eq(user_id));
    Ok(query.order_by_asc(user_pack::Column::Id).all(db).await?)
}

pub async fn enable_of_user(tx: &Tx, id: i64, enabled: bool, now: Micros) -> Result<(), StoreError> {
    let row = user_pack::ActiveModel { enabled: Set(enabled), updated_at: Set(now), ..Default::default() };
    user_pack::Entity::update_many().set(row).filter(user_pack::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Removes a customer's pack that no server is in.
pub async fn remove_of_user(tx: &Tx, id: i64) -> Result<(), StoreError> {
    user_pack::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Servers of a customer's pack by id, those that are being deleted included.
pub async fn servers(db: &impl Db, pack_id: i64) -> Result<Vec<server::Model>, StoreError> {
    let ids: Vec<i64> = metered_server::Entity::find()
        .select_only()
        .column(metered_server::Column::ServerId)
        .filter(metered_server::Column::PackId.eq(pack_id))
        .into_tuple()
        .all(db)
        .await?;
    let query = server::Entity::find().filter(server::Column::Id.is_in(ids));
    Ok(query.order_by_asc(server::Column::Id).all(db).await?)
}

/// What the servers of a customer's pack have, those that are being deleted included.
pub async fn used(db: &impl Db, pack_id: i64) -> Result<Used, StoreError> {
    sum(db, "m.pack_id = $1", pack_id).await
}

/// What the hourly servers of a customer have, those that are being deleted included.
pub async fn used_hourly(db: &impl Db, user_id: i64) -> Result<Used, StoreError> {
    sum(db, "m.self_service = 1 AND s.owner_id = $1", user_id).await
}

async fn sum(db: &impl Db, condition: &str, value: i64) -> Result<Used, StoreError> {
    let sql = format!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(s.memory_mib), 0) AS BIGINT), CAST(COALESCE(SUM((SELECT \
         COALESCE(SUM(d.capacity_gib), 0) FROM server_disks d WHERE d.server_id = s.id)), 0) AS BIGINT), \
         CAST(COALESCE(SUM(s.cpu_cores), 0) AS BIGINT), CAST(COALESCE(SUM(s.traffic_gb), 0) AS BIGINT) \
         FROM metered_servers m JOIN servers s ON s.id = m.server_id WHERE {condition}"
    );
    let Some(row) = joined::one(db, &sql, vec![value.into()]).await? else { return Ok(Used::default()) };
    Ok(Used {
        servers: row.try_get_by_index(0)?,
        memory_mib: row.try_get_by_index(1)?,
        storage_gib: row.try_get_by_index(2)?,
        cpu: row.try_get_by_index(3)?,
        traffic_gb: row.try_get_by_index(4)?,
    })
}
