//! One-time tokens with which a node gets its certificate.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{
    Micros, StoreError, Tx,
    entity::enrolment_token::{ActiveModel, Column, Entity, Model},
};

pub async fn insert(
    tx: &Tx,
    token_hash: &str,
    name: &str,
    group_id: i64,
    expires_at: Micros,
    now: Micros,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        token_hash: Set(token_hash.to_owned()),
        name: Set(name.to_owned()),
        group_id: Set(group_id),
        expires_at: Set(expires_at),
        used_at: Set(None),
        hypervisor_id: Set(None),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_hash(db: &impl ConnectionTrait, token_hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TokenHash.eq(token_hash)).one(db).await?)
}

/// Takes the token for a node; `false` when it was used before.
pub async fn take(tx: &Tx, id: i64, hypervisor_id: i64, now: Micros) -> Result<bool, StoreError> {
    let row = ActiveModel { used_at: Set(Some(now)), hypervisor_id: Set(Some(hypervisor_id)), ..Default::default() };
    let taken =
        Entity::update_many().set(row).filter(Column::Id.eq(id)).filter(Column::UsedAt.is_null()).exec(tx).await?;
    Ok(taken.rows_affected == 1)
}
