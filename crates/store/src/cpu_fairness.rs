//! What packages say of sustained use of processors, which servers are over it, and which are throttled for it.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        cpu_fairness::{ActiveModel, Column, Entity, Model},
        package_fairness::{self, Model as Policy},
        server,
    },
    joined,
};

/// `None` where the package says nothing.
pub async fn of_package(db: &impl Db, package_id: i64) -> Result<Option<Policy>, StoreError> {
    Ok(package_fairness::Entity::find_by_id(package_id).one(db).await?)
}

pub async fn set_of_package(tx: &Tx, policy: Policy) -> Result<(), StoreError> {
    let Policy { package_id, share_percent, after_minutes, throttle_percent, throttle_minutes, updated_at } = policy;
    let row = package_fairness::ActiveModel {
        package_id: Set(package_id),
        share_percent: Set(share_percent),
        after_minutes: Set(after_minutes),
        throttle_percent: Set(throttle_percent),
        throttle_minutes: Set(throttle_minutes),
        updated_at: Set(updated_at),
    };
    let columns = [
        package_fairness::Column::SharePercent,
        package_fairness::Column::AfterMinutes,
        package_fairness::Column::ThrottlePercent,
        package_fairness::Column::ThrottleMinutes,
        package_fairness::Column::UpdatedAt,
    ];
    let again = OnConflict::column(package_fairness::Column::PackageId).update_columns(columns).to_owned();
    package_fairness::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// A server that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub server_id: i64,
    pub uuid: Uuid,
    pub cpu_cores: i64,
    /// Of its package; 0 is none.
    pub share_percent: i32,
}

/// Servers whose package has a share, and those that are throttled or over one; by id, after `after`.
pub async fn to_look_at(db: &impl Db, after: i64, limit: u64) -> Result<Vec<Watched>, StoreError> {
    let sql = format!(
        "SELECT s.id, s.uuid, s.cpu_cores, COALESCE(p.share_percent, 0) AS share FROM servers s \
         LEFT JOIN package_fairness p ON p.package_id = s.package_id WHERE s.id > $1 AND s.deleting = FALSE AND \
         (p.share_percent > 0 OR s.id IN (SELECT f.server_id FROM cpu_fairness f WHERE f.over_since IS NOT NULL \
         OR f.throttled_until IS NOT NULL)) ORDER BY s.id LIMIT {limit}"
    );
    let rows = joined::all(db, &sql, vec![after.into()]).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Watched, StoreError> {
        Ok(Watched {
            server_id: row.try_get("", "id")?,
            uuid: row.try_get("", "uuid")?,
            cpu_cores: row.try_get("", "cpu_cores")?,
            share_percent: row.try_get("", "share")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Of several servers, by id.
pub async fn states(db: &impl Db, server_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::ServerId.is_in(server_ids.iter().copied()));
    Ok(query.order_by_asc(Column::ServerId).all(db).await?)
}

pub async fn set_state(tx: &Tx, state: Model) -> Result<(), StoreError> {
    let Model { server_id, over_since, throttled_until, used_percent, updated_at } = state;
    let row = ActiveModel {
        server_id: Set(server_id),
        over_since: Set(over_since),
        throttled_until: Set(throttled_until),
        used_percent: Set(used_percent),
        updated_at: Set(updated_at),
    };
    let columns = [Column::OverSince, Column::ThrottledUntil, Column::UsedPercent, Column::UpdatedAt];
    let again = OnConflict::column(Column::ServerId).update_columns(columns).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// What a server is left of its processors' time, beside its own throttle; 0 takes that away.
pub async fn set_percent(tx: &Tx, server_id: i64, percent: i32, now: Micros) -> Result<(), StoreError> {
    let row = server::ActiveModel { cpu_fair_percent: Set(percent), updated_at: Set(now), ..Default::default() };
    server::Entity::update_many().set(row).filter(server::Column::Id.eq(server_id)).exec(tx).await?;
    Ok(())
}

/// Of a server that goes.
pub(crate) async fn forget(tx: &Tx, server_id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(server_id).exec(tx).await?;
    Ok(())
}
