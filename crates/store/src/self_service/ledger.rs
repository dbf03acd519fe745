//! The ledger: rows are only added, never before the time up to which it is final, and a balance is their sum.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
};

use super::finality;
use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        credit,
        ledger_entry::{ActiveModel, Column, Entity, Model},
    },
    joined,
};

pub const CREDIT: &str = "credit";
pub const CANCELLATION: &str = "cancellation";
pub const USAGE: &str = "usage";
/// The item that a server itself is; everything else is an add-on.
pub const SERVER: &str = "server";

/// Rows in one statement: SQLite takes 32,766 values in one.
const AT_ONCE: usize = 1_000;

/// One hour of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub user_id: i64,
    pub server_id: i64,
    pub item: String,
    pub hour_at: Micros,
    pub package_id: i64,
    pub quantity: i64,
    /// A month of all of it.
    pub price_micro: i64,
    /// From 1.
    pub hour_of_month: i64,
    pub rated_micro: i64,
    pub billable: bool,
}

/// At the time that is told; where that is final by now, at the end of what is final.
pub(super) async fn book_credit(
    tx: &Tx,
    credit: &credit::Model,
    kind: &str,
    amount_micro: i64,
    now: Micros,
) -> Result<(), StoreError> {
    let final_until = finality::hold(tx).await?;
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(credit.user_id),
        kind: Set(kind.to_owned()),
        amount_micro: Set(amount_micro),
        at: Set(now.max(final_until)),
        credit_id: Set(Some(credit.id)),
        server_id: Set(None),
        item: Set(None),
        hour_at: Set(None),
        package_id: Set(None),
        quantity: Set(1),
        price_micro: Set(0),
        hour_of_month: Set(0),
        rated_micro: Set(0),
        billable: Set(false),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Hours that were used. An hour that is there already, or of a time that is final, is an error that undoes them all.
pub async fn book_usage(tx: &Tx, hours: &[Usage], now: Micros) -> Result<(), StoreError> {
    let Some(first) = hours.iter().map(|hour| hour.hour_at).min() else { return Ok(()) };
    if first < finality::hold(tx).await? {
        return Err(StoreError::Corrupt(format!("the hour {first} is to be booked in a month that is final")));
    }
    for some in hours.chunks(AT_ONCE) {
        let rows = some.iter().map(|hour| ActiveModel {
            id: NotSet,
            user_id: Set(hour.user_id),
            kind: Set(USAGE.to_owned()),
            amount_micro: Set(if hour.billable { -hour.rated_micro } else { 0 }),
            at: Set(hour.hour_at),
            credit_id: Set(None),
            server_id: Set(Some(hour.server_id)),
            item: Set(Some(hour.item.clone())),
            hour_at: Set(Some(hour.hour_at)),
            package_id: Set(Some(hour.package_id)),
            quantity: Set(hour.quantity),
            price_micro: Set(hour.price_micro),
            hour_of_month: Set(hour.hour_of_month),
            rated_micro: Set(hour.rated_micro),
            billable: Set(hour.billable),
            created_at: Set(now),
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// In micro-tokens: everything that is booked.
pub async fn balance(db: &impl Db, user_id: i64) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(amount_micro), 0) AS BIGINT) FROM ledger_entries WHERE user_id = $1";
    joined::number(db, sql, vec![user_id.into()]).await
}

/// What it was at a time: usage counts from the beginning of its hour.
pub async fn balance_before(db: &impl Db, user_id: i64, at: Micros) -> Result<i64, StoreError> {
    let sql =
        "SELECT CAST(COALESCE(SUM(amount_micro), 0) AS BIGINT) FROM ledger_entries WHERE user_id = $1 AND at < $2";
    joined::number(db, sql, vec![user_id.into(), at.into()]).await
}

/// When the last was booked before a time.
pub async fn newest_before(db: &impl Db, user_id: i64, before: Micros) -> Result<Option<Micros>, StoreError> {
    let query = Entity::find().select_only().column(Column::At).filter(Column::UserId.eq(user_id));
    let query = query.filter(Column::At.lt(before)).order_by_desc(Column::At).limit(1);
    Ok(query.into_tuple().one(db).await?)
}

/// The newest first, and how many there are.
pub async fn page(db: &impl Db, user_id: i64, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find().filter(Column::UserId.eq(user_id));
    let total = query.clone().count(db).await?;
    let query = query.order_by_desc(Column::At).order_by_desc(Column::Id);
    Ok((query.offset(offset).limit(limit).all(db).await?, total))
}

/// As [`page`], of a time.
pub async fn page_of_time(
    db: &impl Db,
    user_id: i64,
    (from, until): (Micros, Micros),
    offset: u64,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    let query =
        Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::At.gte(from)).filter(Column::At.lt(until));
    let total = query.clone().count(db).await?;
    let query = query.order_by_desc(Column::At).order_by_desc(Column::Id);
    Ok((query.offset(offset).limit(limit).all(db).await?, total))
}

/// Credits and cancellations of a time, the oldest first.
pub async fn credits(db: &impl Db, user_id: i64, from: Micros, until: Micros) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find()
        .filter(Column::UserId.eq(user_id))
        .filter(Column::CreditId.is_not_null())
        .filter(Column::At.gte(from))
        .filter(Column::At.lt(until));
    Ok(query.order_by_asc(Column::At).order_by_asc(Column::Id).all(db).await?)
}

/// How many hours of each item of a server are booked from one time until another.
pub async fn booked(
    db: &impl Db,
    server_id: i64,
    from: Micros,
    until: Micros,
) -> Result<Vec<(String, i64)>, StoreError> {
    let query = Entity::find()
        .select_only()
        .column(Column::Item)
        .column_as(Column::Id.count(), "hours")
        .filter(Column::ServerId.eq(server_id))
        .filter(Column::HourAt.gte(from))
        .filter(Column::HourAt.lt(until))
        .group_by(Column::Item);
    Ok(query.into_tuple().all(db).await?)
}

/// Hours of one item of a server at one price, summed over a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    pub server_id: i64,
    pub server_uuid: uuid::Uuid,
    pub name: String,
    pub self_service: i32,
    pub item: String,
    pub package_id: i64,
    pub quantity: i64,
    pub price_micro: i64,
    pub hours: i64,
    pub rated_micro: i64,
    pub billable_hours: i64,
    pub billable_micro: i64,
}

/// By server, item and when it began.
pub async fn sums(db: &impl Db, user_id: i64, from: Micros, until: Micros) -> Result<Vec<Sum>, StoreError> {
    let sql = "SELECT l.server_id, m.server_uuid, m.name, m.self_service, l.item, l.package_id, l.quantity, \
               l.price_micro, COUNT(*) AS hours, CAST(SUM(l.rated_micro) AS BIGINT) AS rated, \
               CAST(SUM(CASE WHEN l.billable THEN 1 ELSE 0 END) AS BIGINT) AS billable_hours, \
               CAST(-SUM(l.amount_micro) AS BIGINT) AS billable FROM ledger_entries l \
               JOIN metered_servers m ON m.server_id = l.server_id \
               WHERE l.user_id = $1 AND l.at >= $2 AND l.at < $3 \
               GROUP BY l.server_id, m.server_uuid, m.name, m.self_service, l.item, l.package_id, l.quantity, \
               l.price_micro ORDER BY l.server_id, l.item <> 'server', l.item, MIN(l.at)";
    let rows = joined::all(db, sql, vec![user_id.into(), from.into(), until.into()]).await?;
    let read = |row: &QueryResult| -> Result<Sum, StoreError> {
        Ok(Sum {
            server_id: row.try_get("", "server_id")?,
            server_uuid: row.try_get("", "server_uuid")?,
            name: row.try_get("", "name")?,
            self_service: row.try_get("", "self_service")?,
            item: row.try_get("", "item")?,
            package_id: row.try_get("", "package_id")?,
            quantity: row.try_get("", "quantity")?,
            price_micro: row.try_get("", "price_micro")?,
            hours: row.try_get("", "hours")?,
            rated_micro: row.try_get("", "rated")?,
            billable_hours: row.try_get("", "billable_hours")?,
            billable_micro: row.try_get("", "billable")?,
        })
    };
    rows.iter().map(read).collect()
}
