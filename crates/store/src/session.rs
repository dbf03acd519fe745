//! People who are logged in to the panel.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    prelude::Expr,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        session::{ActiveModel, Column, Entity, Model},
        user,
    },
};

#[derive(Clone, Debug)]
pub struct NewSession {
    pub user_id: i64,
    pub token_hash: String,
    pub csrf: String,
    pub address: Option<String>,
    pub user_agent: String,
    pub expires_at: Micros,
    /// Whether whoever begins it has shown a password or a second factor.
    pub is_proved: bool,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewSession) -> Result<Model, StoreError> {
    let NewSession { user_id, token_hash, csrf, address, user_agent, expires_at, is_proved, now } = new;
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        token_hash: Set(token_hash),
        csrf: Set(csrf),
        address: Set(address),
        user_agent: Set(user_agent),
        expires_at: Set(expires_at),
        seen_at: Set(now),
        proved_at: Set(is_proved.then_some(now)),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// The session of a cookie that still holds, and whose it is.
pub async fn by_hash(db: &impl Db, hash: &str, now: Micros) -> Result<Option<(Model, user::Model)>, StoreError> {
    let found = Entity::find().filter(Column::TokenHash.eq(hash)).filter(Column::ExpiresAt.gt(now)).one(db).await?;
    let Some(session) = found else { return Ok(None) };
    Ok(user::Entity::find_by_id(session.user_id).one(db).await?.map(|user| (session, user)))
}

/// A user's that still hold, the newest first.
pub async fn of_user(db: &impl Db, user_id: i64, now: Micros) -> Result<Vec<Model>, StoreError> {
    let rows = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::ExpiresAt.gt(now));
    Ok(rows.order_by_desc(Column::Id).all(db).await?)
}

/// Notes that it is in use, and holds until then.
pub async fn touch(tx: &Tx, id: i64, expires_at: Micros, now: Micros) -> Result<(), StoreError> {
    let touched = Entity::update_many()
        .col_expr(Column::SeenAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(id));
    touched.exec(tx).await?;
    Ok(())
}

/// Notes that its user was asked and is it; whether it is still there.
pub async fn prove(tx: &Tx, user_id: i64, id: i64, now: Micros) -> Result<bool, StoreError> {
    let proved = Entity::update_many()
        .col_expr(Column::ProvedAt, Expr::value(now))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Id.eq(id));
    Ok(proved.exec(tx).await?.rows_affected > 0)
}

/// Ends one of a user's; whether there was one.
pub async fn end(tx: &Tx, user_id: i64, id: i64) -> Result<bool, StoreError> {
    let ended = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(ended.rows_affected > 0)
}

/// Ends all of a user's but one.
pub async fn end_others(tx: &Tx, user_id: i64, but: Option<i64>) -> Result<u64, StoreError> {
    let mut others = Entity::delete_many().filter(Column::UserId.eq(user_id));
    if let Some(id) = but {
        others = others.filter(Column::Id.ne(id));
    }
    Ok(others.exec(tx).await?.rows_affected)
}

/// Removes those that ended before.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(tx).await?;
    Ok(())
}
