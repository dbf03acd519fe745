//! Customers' own tokens, for the customer API. One that is revoked is gone; the audit log knows that there was one.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    prelude::Expr,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        customer_token::{ActiveModel, Column, Entity, Model},
        user,
    },
};

#[derive(Clone, Debug)]
pub struct NewToken {
    pub user_id: i64,
    pub name: String,
    pub token_hash: String,
    /// Names.
    pub scopes: Vec<String>,
    /// CIDR texts; none allows every address.
    pub allow_list: Vec<String>,
    pub expires_at: Option<Micros>,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewToken) -> Result<Model, StoreError> {
    let NewToken { user_id, name, token_hash, scopes, allow_list, expires_at, now } = new;
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        name: Set(name),
        token_hash: Set(token_hash),
        scopes: Set(scopes.into()),
        allow_list: Set(allow_list.into()),
        expires_at: Set(expires_at),
        used_at: Set(None),
        created_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// The token and whose it is.
pub async fn by_hash(db: &impl Db, hash: &str) -> Result<Option<(Model, user::Model)>, StoreError> {
    let Some(token) = Entity::find().filter(Column::TokenHash.eq(hash)).one(db).await? else { return Ok(None) };
    Ok(user::Entity::find_by_id(token.user_id).one(db).await?.map(|user| (token, user)))
}

/// A user's, the newest first; also those whose time is over.
pub async fn of_user(db: &impl Db, user_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.eq(user_id)).order_by_desc(Column::Id).all(db).await?)
}

/// Notes that it is in use.
pub async fn touch(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    Entity::update_many().col_expr(Column::UsedAt, Expr::value(now)).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Ends one of a user's, and answers it.
pub async fn remove(tx: &Tx, user_id: i64, id: i64) -> Result<Option<Model>, StoreError> {
    let removed = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::Id.eq(id));
    Ok(removed.exec_with_returning(tx).await?.into_iter().next())
}

/// Ends all of a user's.
pub async fn of_user_gone(tx: &Tx, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}
