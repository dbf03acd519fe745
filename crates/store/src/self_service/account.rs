//! What a customer of self service chose, and what was done about their credit. A customer without a row chose nothing.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        self_service_account::{ActiveModel, Column, Entity, Model},
        user_pack, user_profile,
    },
};

pub fn none_yet(user_id: i64) -> Model {
    Model {
        user_id,
        currency_id: None,
        hourly_pack_id: None,
        noticed_micro: None,
        out_since_at: None,
        suspended_at: None,
        updated_at: 0,
    }
}

pub async fn get(db: &impl Db, user_id: i64) -> Result<Model, StoreError> {
    Ok(Entity::find_by_id(user_id).one(db).await?.unwrap_or_else(|| none_yet(user_id)))
}

/// Those of the customers that have a row.
pub async fn of_users(db: &impl Db, user_ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::UserId.is_in(user_ids.iter().copied())).all(db).await?)
}

/// The customer's account; nobody else changes it, or creates by it, before the transaction ends.
pub async fn lock(tx: &Tx, user_id: i64, now: Micros) -> Result<Model, StoreError> {
    let row = ActiveModel { user_id: Set(user_id), updated_at: Set(now), ..Default::default() };
    let again = OnConflict::column(Column::UserId).update_column(Column::UpdatedAt).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    get(tx, user_id).await
}

pub async fn set(tx: &Tx, account: Model) -> Result<(), StoreError> {
    let Model { user_id, currency_id, hourly_pack_id, noticed_micro, out_since_at, suspended_at, updated_at } = account;
    let row = ActiveModel {
        user_id: Set(user_id),
        currency_id: Set(currency_id),
        hourly_pack_id: Set(hourly_pack_id),
        noticed_micro: Set(noticed_micro),
        out_since_at: Set(out_since_at),
        suspended_at: Set(suspended_at),
        updated_at: Set(updated_at),
    };
    let columns = [
        Column::CurrencyId,
        Column::HourlyPackId,
        Column::NoticedMicro,
        Column::OutSinceAt,
        Column::SuspendedAt,
        Column::UpdatedAt,
    ];
    let again = OnConflict::column(Column::UserId).update_columns(columns).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Everything of a customer who goes, but the books.
pub async fn forget(tx: &Tx, user_id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(user_id).exec(tx).await?;
    user_profile::Entity::delete_many().filter(user_profile::Column::UserId.eq(user_id)).exec(tx).await?;
    user_pack::Entity::delete_many().filter(user_pack::Column::UserId.eq(user_id)).exec(tx).await?;
    Ok(())
}
