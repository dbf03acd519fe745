//! DNS servers that keep the names of addresses.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use crate::{
    Db, Micros, StoreError, Tx,
    entity::dns_service::{ActiveModel, Column, Entity, Model},
};

#[derive(Clone, Debug)]
pub struct NewService {
    pub uuid: Uuid,
    pub name: String,
    pub url: String,
    pub server_name: String,
    pub api_key_enc: String,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewService) -> Result<Model, StoreError> {
    let NewService { uuid, name, url, server_name, api_key_enc, now } = new;
    let row = ActiveModel {
        uuid: Set(uuid),
        name: Set(name),
        url: Set(url),
        server_name: Set(server_name),
        api_key_enc: Set(api_key_enc),
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

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub url: Option<String>,
    pub server_name: Option<String>,
    pub api_key_enc: Option<String>,
    pub enabled: Option<bool>,
}

pub async fn change(tx: &Tx, service: Model, change: Change, now: Micros) -> Result<Model, StoreError> {
    let Change { name, url, server_name, api_key_enc, enabled } = change;
    let mut row = service.into_active_model();
    row.name = name.map_or(row.name, Set);
    row.url = url.map_or(row.url, Set);
    row.server_name = server_name.map_or(row.server_name, Set);
    row.api_key_enc = api_key_enc.map_or(row.api_key_enc, Set);
    row.enabled = enabled.map_or(row.enabled, Set);
    row.updated_at = Set(now);
    Ok(row.update(tx).await?)
}

/// Refused by the database while there are zones of it.
pub async fn delete(tx: &Tx, service: Model) -> Result<(), StoreError> {
    service.delete(tx).await?;
    Ok(())
}
