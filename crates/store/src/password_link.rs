//! Links by which a forgotten password is set anew, once.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    prelude::Expr,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::password_link::{ActiveModel, Column, Entity, Model},
};

/// A new link of the user's; those before it lead nowhere any more.
pub async fn insert(
    tx: &Tx,
    user_id: i64,
    token_hash: &str,
    expires_at: Micros,
    now: Micros,
) -> Result<Model, StoreError> {
    of_user_gone(tx, user_id).await?;
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        token_hash: Set(token_hash.to_owned()),
        expires_at: Set(expires_at),
        used_at: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// The user's newest.
pub async fn newest(db: &impl Db, user_id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).order_by_desc(Column::Id).one(db).await?)
}

/// Takes the link: the first caller within its time gets the row, every other `None`.
pub async fn take(tx: &Tx, token_hash: &str, now: Micros) -> Result<Option<Model>, StoreError> {
    let taken = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(tx)
        .await?;
    Ok(taken.into_iter().next())
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
