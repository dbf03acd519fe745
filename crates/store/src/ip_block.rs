//! Blocks of addresses and which networks they serve.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        ip_block::{ActiveModel, Column, Entity, Model},
        ip_block_binding, ipv4_address,
    },
};

#[derive(Clone, Debug)]
pub struct NewBlock {
    pub uuid: Uuid,
    pub name: String,
    /// 4 or 6.
    pub family: i32,
    pub gateway: String,
    pub prefix_len: i32,
    pub source_prefix: Option<String>,
    pub subnet_prefix_len: Option<i32>,
    pub resolver1: Option<String>,
    pub resolver2: Option<String>,
    pub enabled: bool,
    pub network_profile: i32,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewBlock) -> Result<Model, StoreError> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        name: Set(new.name),
        family: Set(new.family),
        gateway: Set(new.gateway),
        prefix_len: Set(new.prefix_len),
        source_prefix: Set(new.source_prefix),
        subnet_prefix_len: Set(new.subnet_prefix_len),
        resolver1: Set(new.resolver1),
        resolver2: Set(new.resolver2),
        enabled: Set(new.enabled),
        network_profile: Set(new.network_profile),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// In order of their ids, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Lets a block serve a network, after those that do already.
pub async fn bind(tx: &Tx, block_id: i64, network_id: i64, now: Micros) -> Result<(), StoreError> {
    let last = ip_block_binding::Entity::find()
        .filter(ip_block_binding::Column::NetworkId.eq(network_id))
        .order_by_desc(ip_block_binding::Column::Position)
        .one(tx)
        .await?;
    let row = ip_block_binding::ActiveModel {
        block_id: Set(block_id),
        network_id: Set(network_id),
        position: Set(last.map_or(1, |last| last.position + 1)),
        created_at: Set(now),
        ..Default::default()
    };
    ip_block_binding::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Free IPv4 addresses of the enabled blocks that serve each of these networks.
pub async fn free_ipv4_of_networks(
    db: &impl ConnectionTrait,
    network_ids: &[i64],
) -> Result<Vec<(i64, i64)>, StoreError> {
    let bindings = ip_block_binding::Entity::find()
        .filter(ip_block_binding::Column::NetworkId.is_in(network_ids.iter().copied()))
        .all(db)
        .await?;
    let blocks = bindings.iter().map(|binding| binding.block_id);
    let counts: Vec<(i64, i64)> = ipv4_address::Entity::find()
        .select_only()
        .column(ipv4_address::Column::BlockId)
        .column_as(ipv4_address::Column::Id.count(), "free")
        .filter(ipv4_address::Column::BlockId.is_in(blocks))
        .filter(ipv4_address::Column::InterfaceId.is_null())
        .filter(ipv4_address::Column::Reserved.eq(false))
        .group_by(ipv4_address::Column::BlockId)
        .into_tuple()
        .all(db)
        .await?;
    let free_of = |block: i64| counts.iter().find(|(id, _)| *id == block).map_or(0, |(_, free)| *free);
    let of_network = |network: &i64| {
        let bound = bindings.iter().filter(|binding| binding.network_id == *network);
        (*network, bound.map(|binding| free_of(binding.block_id)).sum())
    };
    Ok(network_ids.iter().map(of_network).collect())
}
