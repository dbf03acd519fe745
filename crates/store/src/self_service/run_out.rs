//! Credit that runs out: who is to be looked at, what they were told, and which servers were suspended for it.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        credit_notice::{self, Model as Notice},
        credit_suspension::{ActiveModel, Column, Entity, Model},
        metered_server, server,
    },
    joined,
};

/// Suspended for want of credit.
pub const OURS: &str = "ours";
/// Somebody has it run all the same.
pub const RELEASED: &str = "released";

/// Customers who pay in advance and have hourly servers, and those whose servers or notices wait for credit; by id
/// after `after`.
pub async fn to_look_at(db: &impl Db, after: i64, limit: u64) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT u.id FROM users u WHERE u.id > $1 AND u.self_service_hourly_credit = TRUE AND (EXISTS (SELECT 1 FROM \
         metered_spans s WHERE s.user_id = u.id AND s.until_at IS NULL) OR EXISTS (SELECT 1 FROM \
         self_service_accounts a WHERE a.user_id = u.id AND (a.out_since_at IS NOT NULL OR a.noticed_micro IS NOT \
         NULL))) OR (u.id > $1 AND EXISTS (SELECT 1 FROM self_service_accounts a WHERE a.user_id = u.id AND \
         a.suspended_at IS NOT NULL)) ORDER BY u.id LIMIT {limit}"
    );
    let rows = joined::all(db, &sql, vec![after.into()]).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// Hourly servers of a customer that are not being deleted, by id.
pub async fn hourly_servers(db: &impl Db, user_id: i64) -> Result<Vec<server::Model>, StoreError> {
    let query = server::Entity::find()
        .filter(server::Column::OwnerId.eq(user_id))
        .filter(server::Column::Deleting.eq(false))
        .filter(server::Column::SelfService.eq(1));
    let theirs = query.order_by_asc(server::Column::Id).all(db).await?;
    let ids = theirs.iter().map(|row| row.id);
    let metered = metered_server::Entity::find().filter(metered_server::Column::ServerId.is_in(ids)).all(db).await?;
    Ok(theirs.into_iter().filter(|row| metered.iter().any(|known| known.server_id == row.id)).collect())
}

pub async fn notice(
    tx: &Tx,
    user_id: i64,
    kind: &str,
    threshold_micro: Option<i64>,
    balance_micro: i64,
    now: Micros,
) -> Result<(), StoreError> {
    let row = credit_notice::ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        kind: Set(kind.to_owned()),
        threshold_micro: Set(threshold_micro),
        balance_micro: Set(balance_micro),
        created_at: Set(now),
    };
    credit_notice::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The newest first, and how many there are.
pub async fn notices(db: &impl Db, user_id: i64, offset: u64, limit: u64) -> Result<(Vec<Notice>, u64), StoreError> {
    let query = credit_notice::Entity::find().filter(credit_notice::Column::UserId.eq(user_id));
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(credit_notice::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

pub async fn set_state(tx: &Tx, server_id: i64, user_id: i64, state: &str, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        server_id: Set(server_id),
        user_id: Set(user_id),
        state: Set(state.to_owned()),
        updated_at: Set(now),
    };
    let columns = [Column::UserId, Column::State, Column::UpdatedAt];
    let again = OnConflict::column(Column::ServerId).update_columns(columns).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Of a customer's servers, by id.
pub async fn states(db: &impl Db, user_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::ServerId).all(db).await?)
}

/// There is credit again, or none is needed.
pub async fn clear_states(tx: &Tx, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}

/// Somebody suspends or takes up a server by hand: whatever credit there is, that is how it stays.
pub async fn decided(tx: &Tx, server_id: i64, suspended: bool, now: Micros) -> Result<(), StoreError> {
    let ours = Entity::find_by_id(server_id).one(tx).await?;
    if suspended {
        // It stays suspended when there is credit again.
        Entity::delete_by_id(server_id).exec(tx).await?;
    } else if let Some(ours) = ours {
        set_state(tx, server_id, ours.user_id, RELEASED, now).await?;
    }
    Ok(())
}

/// With a server that goes.
pub(crate) async fn forget(tx: &Tx, server_id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(server_id).exec(tx).await?;
    Ok(())
}
