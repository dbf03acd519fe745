//! Changes that wait for a power change of their server.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};
use serde_json::Value;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::pending_action::{ActiveModel, Column, Entity, Model},
};

/// `requires` names the power actions that apply the change.
pub async fn insert(
    tx: &Tx,
    server_id: i64,
    action: &str,
    requires: &[&str],
    payload: Value,
    now: Micros,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: NotSet,
        server_id: Set(server_id),
        action: Set(action.to_owned()),
        requires: Set(serde_json::json!(requires)),
        collected: Set(false),
        complete: Set(false),
        failed: Set(false),
        payload: Set(payload),
        created_at: Set(now),
        updated_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

pub async fn of_server(db: &impl Db, server_id: i64) -> Result<Vec<Model>, StoreError> {
    let pending = Entity::find().filter(Column::ServerId.eq(server_id)).filter(Column::Complete.eq(false));
    Ok(pending.order_by_asc(Column::Id).all(db).await?)
}

/// Forgets the waiting actions of this name, because they were replaced or called off.
pub async fn remove(tx: &Tx, server_id: i64, action: &str) -> Result<(), StoreError> {
    let waiting = Entity::delete_many()
        .filter(Column::ServerId.eq(server_id))
        .filter(Column::Action.eq(action))
        .filter(Column::Complete.eq(false));
    waiting.exec(tx).await?;
    Ok(())
}

/// A build makes everything anew: what waited for a power change is in it.
pub async fn remove_all(tx: &Tx, server_id: i64, but_action: &str) -> Result<(), StoreError> {
    let waiting = Entity::delete_many().filter(Column::ServerId.eq(server_id)).filter(Column::Action.ne(but_action));
    waiting.exec(tx).await?;
    Ok(())
}
