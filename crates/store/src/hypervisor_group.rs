//! Groups of nodes, which placement picks from.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    Micros, StoreError, Tx,
    entity::hypervisor_group::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewGroup {
    pub name: String,
    pub label: Option<String>,
    pub description: Option<String>,
    pub distribution_type: i32,
    pub enabled: bool,
    pub is_default: bool,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewGroup) -> Result<Model, StoreError> {
    let NewGroup { name, label, description, distribution_type, enabled, is_default, now } = new;
    let row = ActiveModel {
        name: Set(name),
        label: Set(label),
        description: Set(description),
        icon: Set(None),
        distribution_type: Set(distribution_type),
        enabled: Set(enabled),
        is_default: Set(is_default),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_ids(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// In order of their ids, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}
