//! Plans by which servers are to be backed up, and which servers and packages have one.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        backup_plan::{ActiveModel, Column, Entity, Model},
        package, server,
    },
};

#[derive(Clone, Debug)]
pub struct NewPlan {
    pub name: String,
    pub days: Vec<i32>,
    pub minute: i32,
    pub keep: i32,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewPlan) -> Result<Model, StoreError> {
    let NewPlan { name, days, minute, keep, now } = new;
    let row = ActiveModel {
        name: Set(name),
        days: Set(serde_json::json!(days)),
        minute: Set(minute),
        keep: Set(keep),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl Db, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// In order of their ids, and how many there are.
pub async fn page(db: &impl Db, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Writes every column but the id and the time of creation.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel { updated_at: Set(now), ..row.into_active_model().reset_all() };
    Ok(Entity::update(change).exec(tx).await?)
}

/// How many servers (those that are being deleted included) and how many packages have it.
pub async fn uses(db: &impl Db, id: i64) -> Result<(u64, u64), StoreError> {
    let servers = server::Entity::find().filter(server::Column::BackupPlanId.eq(id)).count(db).await?;
    let packages = package::Entity::find().filter(package::Column::BackupPlanId.eq(id)).count(db).await?;
    Ok((servers, packages))
}

/// Removes a plan that nothing has.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Days of the week of a row, 1 Monday to 7 Sunday.
pub fn days(row: &Model) -> Vec<i32> {
    serde_json::from_value(row.days.clone()).unwrap_or_default()
}
