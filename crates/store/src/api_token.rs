//! Bearer tokens of the Global API.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    prelude::Expr,
};
use uuid::Uuid;

use crate::{Micros, StoreError, Tx, entity::api_token};

#[derive(Clone, Debug)]
pub struct NewToken {
    pub uuid: Uuid,
    pub user_id: i64,
    pub name: String,
    pub token_hash: String,
    pub abilities: Vec<String>,
    /// CIDR texts; none allows every address.
    pub allow_list: Vec<String>,
    pub expires_at: Option<Micros>,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewToken) -> Result<api_token::Model, StoreError> {
    let NewToken { uuid, user_id, name, token_hash, abilities, allow_list, expires_at, now } = new;
    let row = api_token::ActiveModel {
        uuid: Set(uuid),
        user_id: Set(user_id),
        name: Set(name),
        token_hash: Set(token_hash),
        abilities: Set(abilities.into()),
        allow_list: Set(allow_list.into()),
        expires_at: Set(expires_at),
        revoked_at: Set(None),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(api_token::Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<api_token::Model>, StoreError> {
    Ok(api_token::Entity::find().filter(api_token::Column::TokenHash.eq(hash)).one(db).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<api_token::Model>, StoreError> {
    Ok(api_token::Entity::find_by_id(id).one(db).await?)
}

/// Newest first, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    offset: u64,
    limit: u64,
) -> Result<(Vec<api_token::Model>, u64), StoreError> {
    let query = api_token::Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(api_token::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Revokes all of a user's; how many were good until then.
pub async fn revoke_all(tx: &Tx, user_id: i64, now: Micros) -> Result<u64, StoreError> {
    let revoked = api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, Expr::value(now))
        .filter(api_token::Column::UserId.eq(user_id))
        .filter(api_token::Column::RevokedAt.is_null());
    Ok(revoked.exec(tx).await?.rows_affected)
}

/// From now on the token is refused; the row stays for the audit log.
pub async fn revoke(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = api_token::ActiveModel { id: Set(id), revoked_at: Set(Some(now)), ..Default::default() };
    api_token::Entity::update(row).exec(tx).await?;
    Ok(())
}
