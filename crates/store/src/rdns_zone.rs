//! Zones of names of addresses.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryOrder,
    QuerySelect,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::rdns_zone::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewZone {
    pub service_id: i64,
    pub name: String,
    pub network: String,
    pub ttl_s: i32,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewZone) -> Result<Model, StoreError> {
    let NewZone { service_id, name, network, ttl_s, now } = new;
    let row = ActiveModel {
        service_id: Set(service_id),
        name: Set(name),
        network: Set(network),
        ttl_s: Set(ttl_s),
        enabled: Set(true),
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
    let total = Entity::find().count(db).await?;
    Ok((Entity::find().order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Up to `most` of them; there are about as many as there are blocks of addresses.
pub async fn all(db: &impl Db, most: u64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Id).limit(most).all(db).await?)
}

pub async fn change(
    tx: &Tx,
    zone: Model,
    ttl_s: Option<i32>,
    enabled: Option<bool>,
    now: Micros,
) -> Result<Model, StoreError> {
    let mut row = zone.into_active_model();
    row.ttl_s = ttl_s.map_or(row.ttl_s, Set);
    row.enabled = enabled.map_or(row.enabled, Set);
    row.updated_at = Set(now);
    Ok(row.update(tx).await?)
}

/// Refused by the database while there are names in it.
pub async fn delete(tx: &Tx, zone: Model) -> Result<(), StoreError> {
    zone.delete(tx).await?;
    Ok(())
}
