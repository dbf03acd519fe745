//! Pairs of tokens by which another site logs a user in, once.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter,
    prelude::Expr,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::login_token::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewPair {
    pub user_id: i64,
    pub server_id: Option<i64>,
    pub first_hash: String,
    pub second_hash: String,
    pub expires_at: Micros,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewPair) -> Result<Model, StoreError> {
    let NewPair { user_id, server_id, first_hash, second_hash, expires_at, now } = new;
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        server_id: Set(server_id),
        first_hash: Set(first_hash),
        second_hash: Set(second_hash),
        expires_at: Set(expires_at),
        used_at: Set(None),
        wait_hash: Set(None),
        waits_until: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// Takes the pair: the first caller within its time gets the row, every other `None`.
pub async fn take(tx: &Tx, first_hash: &str, second_hash: &str, now: Micros) -> Result<Option<Model>, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::FirstHash.eq(first_hash))
        .filter(Column::SecondHash.eq(second_hash))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(tx)
        .await?;
    Ok(taken.into_iter().next())
}

/// The pair, also one that opens nothing any more.
pub async fn by_hashes(db: &impl Db, first_hash: &str, second_hash: &str) -> Result<Option<Model>, StoreError> {
    let pair = Entity::find().filter(Column::FirstHash.eq(first_hash)).filter(Column::SecondHash.eq(second_hash));
    Ok(pair.one(db).await?)
}

/// A pair that was taken waits for its user's second factor, under this hash until then.
pub async fn wait(tx: &Tx, id: i64, hash: &str, until: Micros) -> Result<(), StoreError> {
    let waits = Entity::update_many()
        .col_expr(Column::WaitHash, Expr::value(hash))
        .col_expr(Column::WaitsUntil, Expr::value(until))
        .filter(Column::Id.eq(id));
    waits.exec(tx).await?;
    Ok(())
}

/// The pair that waits under this hash.
pub async fn waiting(db: &impl Db, hash: &str, now: Micros) -> Result<Option<Model>, StoreError> {
    let pair = Entity::find().filter(Column::WaitHash.eq(hash)).filter(Column::WaitsUntil.gt(now));
    Ok(pair.one(db).await?)
}

/// It waits no longer: the first caller within its time ends that, every other hears that it does not wait.
pub async fn end_wait(tx: &Tx, hash: &str, now: Micros) -> Result<bool, StoreError> {
    let ended = Entity::update_many()
        .col_expr(Column::WaitHash, Expr::value(None::<String>))
        .col_expr(Column::WaitsUntil, Expr::value(None::<Micros>))
        .filter(Column::WaitHash.eq(hash))
        .filter(Column::WaitsUntil.gt(now));
    Ok(ended.exec(tx).await?.rows_affected > 0)
}

pub async fn of_user_gone(tx: &Tx, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}

/// Removes those whose time was over before.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(())
}
