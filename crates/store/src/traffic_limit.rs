//! What packages say of servers that pass their traffic, and what was done about it.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        package_traffic::{self, Model as Policy},
        traffic_day,
        traffic_state::{self, Model as State},
    },
};

/// `None` where the package says nothing.
pub async fn of_package(db: &impl Db, package_id: i64) -> Result<Option<Policy>, StoreError> {
    Ok(package_traffic::Entity::find_by_id(package_id).one(db).await?)
}

pub async fn set_of_package(tx: &Tx, policy: Policy) -> Result<(), StoreError> {
    let Policy { package_id, policy, throttle_kbs, updated_at } = policy;
    let row = package_traffic::ActiveModel {
        package_id: Set(package_id),
        policy: Set(policy),
        throttle_kbs: Set(throttle_kbs),
        updated_at: Set(updated_at),
    };
    let columns =
        [package_traffic::Column::Policy, package_traffic::Column::ThrottleKbs, package_traffic::Column::UpdatedAt];
    let again = OnConflict::column(package_traffic::Column::PackageId).update_columns(columns).to_owned();
    package_traffic::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

pub async fn state(db: &impl Db, server_id: i64) -> Result<Option<State>, StoreError> {
    Ok(traffic_state::Entity::find_by_id(server_id).one(db).await?)
}

pub async fn set_state(tx: &Tx, state: State) -> Result<(), StoreError> {
    let State { server_id, month, noticed, throttled, suspended, updated_at } = state;
    let row = traffic_state::ActiveModel {
        server_id: Set(server_id),
        month: Set(month),
        noticed: Set(noticed),
        throttled: Set(throttled),
        suspended: Set(suspended),
        updated_at: Set(updated_at),
    };
    let columns = [
        traffic_state::Column::Month,
        traffic_state::Column::Noticed,
        traffic_state::Column::Throttled,
        traffic_state::Column::Suspended,
        traffic_state::Column::UpdatedAt,
    ];
    let again = OnConflict::column(traffic_state::Column::ServerId).update_columns(columns).to_owned();
    traffic_state::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Somebody wants the server suspended: more traffic does not end that.
pub async fn keep_suspended(tx: &Tx, server_id: i64) -> Result<(), StoreError> {
    let row = traffic_state::ActiveModel { suspended: Set(false), ..Default::default() };
    let of_server = traffic_state::Column::ServerId.eq(server_id);
    traffic_state::Entity::update_many().set(row).filter(of_server).exec(tx).await?;
    Ok(())
}

/// Servers that had traffic on a day from `day_at` on, and those that are throttled or suspended for it; by id, after `after`.
pub async fn to_look_at(db: &impl Db, day_at: Micros, after: i64, limit: u64) -> Result<Vec<i64>, StoreError> {
    let busy: Vec<i64> = traffic_day::Entity::find()
        .select_only()
        .column(traffic_day::Column::ServerId)
        .distinct()
        .filter(traffic_day::Column::StartsAt.gte(day_at))
        .filter(traffic_day::Column::ServerId.gt(after))
        .order_by_asc(traffic_day::Column::ServerId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let throttled: Vec<i64> = traffic_state::Entity::find()
        .select_only()
        .column(traffic_state::Column::ServerId)
        .filter(
            Condition::any()
                .add(traffic_state::Column::Throttled.eq(true))
                .add(traffic_state::Column::Suspended.eq(true)),
        )
        .filter(traffic_state::Column::ServerId.gt(after))
        .order_by_asc(traffic_state::Column::ServerId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let mut all = [busy, throttled].concat();
    all.sort_unstable();
    all.dedup();
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}
