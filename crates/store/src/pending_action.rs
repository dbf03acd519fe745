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

/// A change that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPending {
    /// As people read it.
    pub action: String,
    /// What the guest lacks, in the node's word; empty for what waits for something else than a start.
    pub waits_for: String,
    /// Of the specification that has the change.
    pub generation: i64,
    pub payload: Value,
}

/// `requires` names the power actions that apply the change.
pub async fn insert(
    tx: &Tx,
    server_id: i64,
    new: NewPending,
    requires: &[&str],
    now: Micros,
) -> Result<Model, StoreError> {
    let NewPending { action, waits_for, generation, payload } = new;
    let row = ActiveModel {
        id: NotSet,
        server_id: Set(server_id),
        action: Set(action),
        requires: Set(serde_json::json!(requires)),
        collected: Set(false),
        complete: Set(false),
        failed: Set(false),
        payload: Set(payload),
        waits_for: Set(waits_for),
        generation: Set(generation),
        created_at: Set(now),
        updated_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// Oldest first.
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

/// Forgets one: it was applied.
pub async fn remove_one(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// It still waits, for this now.
pub async fn still_waits(tx: &Tx, id: i64, new: NewPending, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel {
        action: Set(new.action),
        payload: Set(new.payload),
        generation: Set(new.generation),
        collected: Set(false),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// A power action that applies what waits has begun (`failed` false), or has failed before it did.
pub async fn collect(tx: &Tx, server_id: i64, failed: bool, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { collected: Set(!failed), failed: Set(failed), updated_at: Set(now), ..Default::default() };
    Entity::update_many()
        .set(row)
        .filter(Column::ServerId.eq(server_id))
        .filter(Column::WaitsFor.ne(""))
        .filter(Column::Collected.eq(failed))
        .exec(tx)
        .await?;
    Ok(())
}
