//! How templates are shown together.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        template,
        template_category::{ActiveModel, Column, Entity, Model},
    },
};

#[derive(Clone, Debug)]
pub struct NewCategory {
    pub name: String,
    pub description: String,
    pub icon: String,
    pub position: i32,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewCategory) -> Result<Model, StoreError> {
    let NewCategory { name, description, icon, position, now } = new;
    let row = ActiveModel {
        name: Set(name),
        description: Set(description),
        icon: Set(icon),
        position: Set(position),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Name.eq(name)).one(db).await?)
}

/// In the order in which they are shown, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    let query = query.order_by_asc(Column::Position).order_by_asc(Column::Id);
    Ok((query.offset(offset).limit(limit).all(db).await?, total))
}

pub async fn update(tx: &Tx, row: Model) -> Result<Model, StoreError> {
    let Model { id, name, description, icon, position, created_at: _ } = row;
    let change = ActiveModel {
        id: Set(id),
        name: Set(name),
        description: Set(description),
        icon: Set(icon),
        position: Set(position),
        ..Default::default()
    };
    Ok(Entity::update(change).exec(tx).await?)
}

/// How many templates are in a category.
pub async fn templates(db: &impl ConnectionTrait, id: i64) -> Result<u64, StoreError> {
    Ok(template::Entity::find().filter(template::Column::CategoryId.eq(id)).count(db).await?)
}

/// Removes a category without templates.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
