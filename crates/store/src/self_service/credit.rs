//! Credit that is given and taken back; each is booked in the ledger in the same transaction.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::ledger;
use crate::{
    Db, Micros, StoreError, Tx,
    entity::credit::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewCredit {
    pub user_id: i64,
    /// Below zero takes credit away.
    pub amount_micro: i64,
    pub reference_1: Option<i64>,
    pub reference_2: Option<String>,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewCredit) -> Result<Model, StoreError> {
    let NewCredit { user_id, amount_micro, reference_1, reference_2, now } = new;
    let row = ActiveModel {
        user_id: Set(user_id),
        amount_micro: Set(amount_micro),
        reference_1: Set(reference_1),
        reference_2: Set(reference_2),
        cancelled_at: Set(None),
        created_at: Set(now),
        ..Default::default()
    };
    let row = Entity::insert(row).exec_with_returning(tx).await?;
    ledger::book_credit(tx, &row, ledger::CREDIT, amount_micro, now).await?;
    Ok(row)
}

pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// Those of a customer, the newest first, and how many there are.
pub async fn page(db: &impl Db, user_id: i64, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find().filter(Column::UserId.eq(user_id));
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Takes a credit back; `false` where that was done before.
pub async fn cancel(tx: &Tx, credit: &Model, now: Micros) -> Result<bool, StoreError> {
    let row = ActiveModel { cancelled_at: Set(Some(now)), ..Default::default() };
    let open = Entity::update_many().set(row).filter(Column::Id.eq(credit.id)).filter(Column::CancelledAt.is_null());
    if open.exec(tx).await?.rows_affected == 0 {
        return Ok(false);
    }
    ledger::book_credit(tx, credit, ledger::CANCELLATION, -credit.amount_micro, now).await?;
    Ok(true)
}
