//! Groups of nodes, which placement picks from.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    Micros, StoreError, Tx,
    entity::{
        enrolment_token,
        hypervisor_group::{ActiveModel, Column, Entity, Model},
    },
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

/// A new default group takes the place of the one before.
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
    let row = Entity::insert(row).exec_with_returning(tx).await?;
    if row.is_default {
        no_other_default(tx, row.id, now).await?;
    }
    Ok(row)
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

/// Writes what of a group can change. One group at most is the default.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    if row.is_default {
        no_other_default(tx, row.id, now).await?;
    }
    let change = ActiveModel {
        id: Set(row.id),
        name: Set(row.name),
        label: Set(row.label),
        description: Set(row.description),
        icon: Set(row.icon),
        distribution_type: Set(row.distribution_type),
        enabled: Set(row.enabled),
        is_default: Set(row.is_default),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::update(change).exec(tx).await?)
}

async fn no_other_default(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { is_default: Set(false), updated_at: Set(now), ..Default::default() };
    let others = Entity::update_many().set(row).filter(Column::Id.ne(id)).filter(Column::IsDefault.eq(true));
    others.exec(tx).await?;
    Ok(())
}

/// Removes a group that has no nodes, with the tokens by which nodes would have joined it. Answers how many tokens
/// that were.
pub async fn remove(tx: &Tx, id: i64) -> Result<u64, StoreError> {
    let of_group = enrolment_token::Column::GroupId.eq(id);
    let tokens = enrolment_token::Entity::delete_many().filter(of_group).exec(tx).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(tokens.rows_affected)
}
