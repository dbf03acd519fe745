//! Logins and proofs by OpenID Connect that have begun, each of which ends once.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    prelude::Expr,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::oidc_attempt::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewAttempt {
    pub uuid: Uuid,
    pub state_hash: String,
    pub browser_hash: String,
    pub secrets_enc: String,
    pub next: Option<String>,
    pub session_id: Option<i64>,
    pub expires_at: Micros,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewAttempt) -> Result<Model, StoreError> {
    let NewAttempt { uuid, state_hash, browser_hash, secrets_enc, next, session_id, expires_at, now } = new;
    let row = ActiveModel {
        id: NotSet,
        uuid: Set(uuid),
        state_hash: Set(state_hash),
        browser_hash: Set(browser_hash),
        secrets_enc: Set(secrets_enc),
        next: Set(next),
        session_id: Set(session_id),
        expires_at: Set(expires_at),
        used_at: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// The attempt of a state, also one that opens nothing any more.
pub async fn by_state(db: &impl Db, state_hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::StateHash.eq(state_hash)).one(db).await?)
}

/// Takes it: the first caller within its time and from its browser gets the row, every other `None`.
pub async fn take(tx: &Tx, state_hash: &str, browser_hash: &str, now: Micros) -> Result<Option<Model>, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::StateHash.eq(state_hash))
        .filter(Column::BrowserHash.eq(browser_hash))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(tx)
        .await?;
    Ok(taken.into_iter().next())
}

/// How many may still come back.
pub async fn open(db: &impl Db, now: Micros) -> Result<u64, StoreError> {
    let open = Entity::find().filter(Column::ExpiresAt.gt(now)).filter(Column::UsedAt.is_null());
    Ok(open.count(db).await?)
}

/// Removes those whose time was over before.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(())
}
