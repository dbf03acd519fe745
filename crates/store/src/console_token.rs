//! One-time tokens of console sockets.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    prelude::Expr,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::console_token::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewToken {
    pub uuid: Uuid,
    pub server_id: i64,
    /// `vnc` or `serial`.
    pub kind: String,
    /// Hex of SHA-256 over the token.
    pub token_hash: String,
    pub password_enc: String,
    pub token_enc: String,
    /// Who looks, where it is a person.
    pub user_id: Option<i64>,
    pub expires_at: Micros,
    pub now: Micros,
}

/// Replaces the server's tokens of the same kind: only the newest opens a socket.
pub async fn replace(tx: &Tx, new: NewToken) -> Result<Model, StoreError> {
    remove(tx, new.server_id, &new.kind).await?;
    let row = ActiveModel {
        id: NotSet,
        uuid: Set(new.uuid),
        server_id: Set(new.server_id),
        kind: Set(new.kind),
        token_hash: Set(new.token_hash),
        password_enc: Set(new.password_enc),
        token_enc: Set(new.token_enc),
        expires_at: Set(new.expires_at),
        used_at: Set(None),
        user_id: Set(new.user_id),
        created_at: Set(new.now),
    };
    Ok(row.insert(tx).await?)
}

/// Ends those by which a person would look.
pub async fn of_person_gone(tx: &Tx, server_id: i64, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ServerId.eq(server_id)).filter(Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}

pub async fn remove(tx: &Tx, server_id: i64, kind: &str) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ServerId.eq(server_id)).filter(Column::Kind.eq(kind)).exec(tx).await?;
    Ok(())
}

/// The server's token of this kind that still opens a socket.
pub async fn fresh(db: &impl Db, server_id: i64, kind: &str, now: Micros) -> Result<Option<Model>, StoreError> {
    let fresh = Entity::find()
        .filter(Column::ServerId.eq(server_id))
        .filter(Column::Kind.eq(kind))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::Id);
    Ok(fresh.one(db).await?)
}

/// Takes the token: the first caller within its time gets the row, every other `None`.
pub async fn take(tx: &Tx, token_hash: &str, kind: &str, now: Micros) -> Result<Option<Model>, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::Kind.eq(kind))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(tx)
        .await?;
    Ok(taken.into_iter().next())
}
