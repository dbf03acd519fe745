//! Claims of periodic work, one row for each task and due time.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        console_token,
        periodic_task::{ActiveModel, Column, Entity},
    },
};

/// `true` for the one who is first.
pub async fn claim(tx: &Tx, task: &str, due_at: Micros, owner: &str, now: Micros) -> Result<bool, StoreError> {
    let row = ActiveModel {
        task: Set(task.to_owned()),
        due_at: Set(due_at),
        claimed_by: Set(owner.to_owned()),
        finished_at: Set(None),
        created_at: Set(now),
        ..Default::default()
    };
    let nothing = OnConflict::columns([Column::Task, Column::DueAt]).do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(nothing).exec_without_returning(tx).await? == 1)
}

/// The newest due time of each task that was claimed.
pub async fn last_due(db: &impl ConnectionTrait) -> Result<Vec<(String, Micros)>, StoreError> {
    let query = Entity::find().select_only().column(Column::Task).column_as(Column::DueAt.max(), "due_at");
    Ok(query.group_by(Column::Task).into_tuple().all(db).await?)
}

/// Removes claims and console tokens that are older than `before`.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::CreatedAt.lt(before)).exec(tx).await?;
    console_token::Entity::delete_many().filter(console_token::Column::CreatedAt.lt(before)).exec(tx).await?;
    Ok(())
}
