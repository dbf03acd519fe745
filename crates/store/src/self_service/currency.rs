//! Currencies. One of them is the default.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use super::rate;
use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        currency::{ActiveModel, Column, Entity, Model},
        self_service_account,
    },
};

#[derive(Clone, Debug)]
pub struct NewCurrency {
    pub code: String,
    /// Of one token, in 10^-10 of the currency.
    pub value: i64,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub is_default: bool,
    pub enabled: bool,
    pub now: Micros,
}

/// With its value's history.
pub async fn insert(tx: &Tx, new: NewCurrency) -> Result<Model, StoreError> {
    let NewCurrency { code, value, prefix, suffix, is_default, enabled, now } = new;
    if is_default {
        no_default(tx).await?;
    }
    let row = ActiveModel {
        code: Set(code),
        value: Set(value),
        prefix: Set(prefix),
        suffix: Set(suffix),
        is_default: Set(is_default),
        enabled: Set(enabled),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = Entity::insert(row).exec_with_returning(tx).await?;
    rate::set(tx, &rate::currency(row.id), value, now).await?;
    Ok(row)
}

/// Writes every column but the id and the time of creation; another value holds from now on.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    if row.is_default {
        no_default(tx).await?;
    }
    rate::set(tx, &rate::currency(row.id), row.value, now).await?;
    let change = ActiveModel { updated_at: Set(now), ..row.into_active_model().reset_all() };
    Ok(change.update(tx).await?)
}

async fn no_default(tx: &Tx) -> Result<(), StoreError> {
    let row = ActiveModel { is_default: Set(false), ..Default::default() };
    Entity::update_many().set(row).filter(Column::IsDefault.eq(true)).exec(tx).await?;
    Ok(())
}

pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_code(db: &impl Db, code: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Code.eq(code)).one(db).await?)
}

/// All of them, by id: the Global API never cuts this list.
pub async fn all(db: &impl Db) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Id).all(db).await?)
}

/// How many customers chose it.
pub async fn uses(db: &impl Db, id: i64) -> Result<u64, StoreError> {
    use self_service_account::{Column, Entity};
    Ok(Entity::find().filter(Column::CurrencyId.eq(id)).count(db).await?)
}

/// Removes a currency that nobody chose.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    rate::forget(tx, &rate::currency(id)).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
