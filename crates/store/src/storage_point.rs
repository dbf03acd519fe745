//! Storage points of nodes: each node's own folder, and others.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::ExprTrait,
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        hypervisor,
        storage_point::{ActiveModel, Column, Entity, Model},
    },
    joined, storage_metric,
};

/// The folder that every node has for disks.
pub const LOCAL_NAME: &str = "Local (Default mountpoint)";
pub const LOCAL_KIND: &str = "directory";
/// What may really be in use before a storage takes no new disks, until somebody says otherwise.
pub const ALERT_PERCENT: i64 = 95;

#[derive(Clone, Debug)]
pub struct NewPoint {
    pub hypervisor_id: i64,
    pub name: String,
    pub kind: String,
    pub location: String,
    pub capacity_gib: i64,
    pub alert_percent: i64,
    pub enabled: bool,
    pub disk_format: String,
    pub now: Micros,
}

/// What a node tells of one of its storages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub total_bytes: i64,
    pub used_bytes: i64,
    /// Why it can't be used, a sentence; empty: it can.
    pub trouble: String,
}

pub async fn insert(tx: &Tx, new: NewPoint) -> Result<Model, StoreError> {
    let NewPoint { hypervisor_id, name, kind, location, capacity_gib, alert_percent, enabled, disk_format, now } = new;
    let row = ActiveModel {
        hypervisor_id: Set(hypervisor_id),
        is_local: Set(false),
        name: Set(name),
        kind: Set(kind),
        location: Set(location),
        capacity_gib: Set(capacity_gib),
        alert_percent: Set(alert_percent),
        enabled: Set(enabled),
        disk_format: Set(disk_format),
        trouble: Set(String::new()),
        test_detail: Set(String::new()),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

/// The node's own folder; where it is there nothing happens.
pub async fn ensure_local(tx: &Tx, hypervisor_id: i64, now: Micros) -> Result<(), StoreError> {
    let sql = "INSERT INTO storage_points (hypervisor_id, is_local, name, kind, location, capacity_gib, alert_percent, \
               enabled, disk_format, trouble, test_detail, created_at, updated_at) \
               VALUES ($1, TRUE, $2, $3, '', 0, $4, TRUE, 'inherit', '', '', $5, $5) ON CONFLICT DO NOTHING RETURNING id";
    let values = vec![hypervisor_id.into(), LOCAL_NAME.into(), LOCAL_KIND.into(), ALERT_PERCENT.into(), now.into()];
    joined::one(tx, sql, values).await?;
    Ok(())
}

pub async fn by_id(db: &impl ConnectionTrait, hypervisor_id: i64, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::HypervisorId.eq(hypervisor_id)).one(db).await?)
}

/// The node's own folder.
pub async fn local(db: &impl ConnectionTrait, hypervisor_id: i64) -> Result<Option<Model>, StoreError> {
    let local = Column::IsLocal.eq(true);
    Ok(Entity::find().filter(Column::HypervisorId.eq(hypervisor_id)).filter(local).one(db).await?)
}

/// Node by node, each one's own folder first.
pub async fn of_hypervisors(db: &impl ConnectionTrait, hypervisor_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let of_nodes = Column::HypervisorId.is_in(hypervisor_ids.iter().copied());
    let ordered = Entity::find().filter(of_nodes).order_by_asc(Column::HypervisorId);
    Ok(ordered.order_by_desc(Column::IsLocal).order_by_asc(Column::Id).all(db).await?)
}

/// The same of all nodes of a group.
pub async fn of_group(db: &impl ConnectionTrait, group_id: i64) -> Result<Vec<Model>, StoreError> {
    let nodes = hypervisor::Entity::find()
        .select_only()
        .column(hypervisor::Column::Id)
        .filter(hypervisor::Column::GroupId.eq(group_id))
        .into_query();
    let ordered = Entity::find().filter(Column::HypervisorId.in_subquery(nodes)).order_by_asc(Column::HypervisorId);
    Ok(ordered.order_by_desc(Column::IsLocal).order_by_asc(Column::Id).all(db).await?)
}

/// Writes what an administrator changes of it; what the node says of it stays.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel {
        id: Set(row.id),
        name: Set(row.name),
        capacity_gib: Set(row.capacity_gib),
        alert_percent: Set(row.alert_percent),
        enabled: Set(row.enabled),
        disk_format: Set(row.disk_format),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::update(change).exec(tx).await?)
}

/// Forgets a storage point that has no disks, with its figures.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    storage_metric::forget(tx, id).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// How many disks are on it, and of how many servers.
pub async fn disks(db: &impl ConnectionTrait, id: i64) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT COUNT(*), COUNT(DISTINCT server_id) FROM server_disks WHERE storage_point_id = $1";
    match joined::one(db, sql, vec![id.into()]).await? {
        Some(row) => Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)),
        None => Ok((0, 0)),
    }
}

/// What the node told.
pub async fn report(tx: &Tx, id: i64, told: Report, now: Micros) -> Result<(), StoreError> {
    let Report { total_bytes, used_bytes, trouble } = told;
    let row = ActiveModel {
        total_bytes: Set(Some(total_bytes)),
        used_bytes: Set(Some(used_bytes)),
        trouble: Set(trouble),
        reported_at: Set(Some(now)),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// It rose above its threshold (since when) or fell below it; `false` where that was known.
pub async fn set_alerted(tx: &Tx, id: i64, since: Option<Micros>) -> Result<bool, StoreError> {
    let is_news = if since.is_some() { Column::AlertedAt.is_null() } else { Column::AlertedAt.is_not_null() };
    let row = ActiveModel { alerted_at: Set(since), ..Default::default() };
    let changed = Entity::update_many().set(row).filter(Column::Id.eq(id)).filter(is_news).exec(tx).await?;
    Ok(changed.rows_affected == 1)
}

/// What a node's test found of the storage of that kind there.
pub async fn tested(
    tx: &Tx,
    hypervisor_id: i64,
    (kind, location): (&str, &str),
    (passed, detail): (bool, &str),
    now: Micros,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        test_passed: Set(Some(passed)),
        test_detail: Set(detail.to_owned()),
        tested_at: Set(Some(now)),
        ..Default::default()
    };
    let which = Column::HypervisorId.eq(hypervisor_id).and(Column::Kind.eq(kind)).and(Column::Location.eq(location));
    Entity::update_many().set(row).filter(which).exec(tx).await?;
    Ok(())
}
