//! Prices, each with the time from which it holds. A price that was is never changed: the next one follows it.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::rate::{ActiveModel, Column, Entity, Model},
};

/// Hours that a month is billed as; 0 is as many as it has.
pub const MONTH_HOURS: &str = "month_hours";

/// The monthly price of a package.
pub fn package(id: i64) -> String {
    format!("package:{id}")
}

/// The monthly price of one of an add-on.
pub fn addon(item: &str) -> String {
    format!("addon:{item}")
}

/// What a token is worth in a currency.
pub fn currency(id: i64) -> String {
    format!("currency:{id}")
}

/// From now on. What was said in the same moment is replaced.
pub async fn set(tx: &Tx, subject: &str, value: i64, now: Micros) -> Result<(), StoreError> {
    let row =
        ActiveModel { subject: Set(subject.to_owned()), value: Set(value), valid_from: Set(now), ..Default::default() };
    let columns = [Column::Subject, Column::ValidFrom];
    let again = OnConflict::columns(columns).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// The price that holds at a time.
pub async fn at(db: &impl Db, subject: &str, at: Micros) -> Result<Option<i64>, StoreError> {
    let query = Entity::find().filter(Column::Subject.eq(subject)).filter(Column::ValidFrom.lte(at));
    Ok(query.order_by_desc(Column::ValidFrom).one(db).await?.map(|row| row.value))
}

/// Every price of these that ever held, the oldest first.
pub async fn history(db: &impl Db, subjects: &[String]) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::Subject.is_in(subjects.iter().map(String::as_str)));
    Ok(query.order_by_asc(Column::ValidFrom).order_by_asc(Column::Id).all(db).await?)
}

/// With the history of what goes.
pub async fn forget(tx: &Tx, subject: &str) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::Subject.eq(subject)).exec(tx).await?;
    Ok(())
}
