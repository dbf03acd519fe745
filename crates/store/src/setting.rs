//! Facts of this installation, by name.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::OnConflict};

use crate::{Micros, StoreError, Tx, entity::setting};

pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Option<String>, StoreError> {
    let row = setting::Entity::find().filter(setting::Column::Name.eq(name)).one(db).await?;
    Ok(row.map(|row| row.value))
}

/// The value that is there, else `fresh`, which is then stored.
pub async fn get_or_insert(tx: &Tx, name: &str, fresh: &str, now: Micros) -> Result<String, StoreError> {
    if let Some(value) = get(tx, name).await? {
        return Ok(value);
    }
    let row = setting::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(fresh.to_owned()),
        updated_at: Set(now),
        ..Default::default()
    };
    setting::Entity::insert(row).exec(tx).await?;
    Ok(fresh.to_owned())
}

/// In place of the value that is there.
pub async fn set(tx: &Tx, name: &str, value: &str, now: Micros) -> Result<(), StoreError> {
    let row = setting::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value.to_owned()),
        updated_at: Set(now),
        ..Default::default()
    };
    let mut there = OnConflict::column(setting::Column::Name);
    there.update_columns([setting::Column::Value, setting::Column::UpdatedAt]);
    setting::Entity::insert(row).on_conflict(there).exec_without_returning(tx).await?;
    Ok(())
}
