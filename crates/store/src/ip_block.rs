//! Blocks of addresses and which networks they serve.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        ip_block::{ActiveModel, Column, Entity, Model},
        ip_block_binding, ip_block_group_member, ipv4_address, ipv6_subnet,
    },
    joined,
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
    pub dhcp: bool,
    pub route_block: bool,
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
        dhcp: Set(new.dhcp),
        route_block: Set(new.route_block),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// What of a block can be changed later; a block's whole new state.
#[derive(Clone, Debug)]
pub struct BlockChange {
    pub name: String,
    pub gateway: String,
    pub prefix_len: i32,
    pub source_prefix: Option<String>,
    pub subnet_prefix_len: Option<i32>,
    pub resolver1: Option<String>,
    pub resolver2: Option<String>,
    pub enabled: bool,
    pub network_profile: i32,
    pub dhcp: bool,
    pub route_block: bool,
    pub now: Micros,
}

pub async fn update(tx: &Tx, id: i64, change: BlockChange) -> Result<(), StoreError> {
    let row = ActiveModel {
        name: Set(change.name),
        gateway: Set(change.gateway),
        prefix_len: Set(change.prefix_len),
        source_prefix: Set(change.source_prefix),
        subnet_prefix_len: Set(change.subnet_prefix_len),
        resolver1: Set(change.resolver1),
        resolver2: Set(change.resolver2),
        enabled: Set(change.enabled),
        network_profile: Set(change.network_profile),
        dhcp: Set(change.dhcp),
        route_block: Set(change.route_block),
        updated_at: Set(change.now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Removes a block with its free addresses and subnets, and from its groups. Fails with [`StoreError::ForeignKey`] where
/// a server has one.
pub async fn delete(tx: &Tx, id: i64) -> Result<(), StoreError> {
    ip_block_binding::Entity::delete_many().filter(ip_block_binding::Column::BlockId.eq(id)).exec(tx).await?;
    ip_block_group_member::Entity::delete_many().filter(ip_block_group_member::Column::BlockId.eq(id)).exec(tx).await?;
    ipv4_address::Entity::delete_many()
        .filter(ipv4_address::Column::BlockId.eq(id))
        .filter(ipv4_address::Column::InterfaceId.is_null())
        .exec(tx)
        .await?;
    forget_free_subnets(tx, id).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Subnets that nobody has are cut anew when they are needed.
pub async fn forget_free_subnets(tx: &Tx, id: i64) -> Result<(), StoreError> {
    ipv6_subnet::Entity::delete_many()
        .filter(ipv6_subnet::Column::BlockId.eq(id))
        .filter(ipv6_subnet::Column::InterfaceId.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// What guests are told has changed: the specifications of all servers with addresses of the block are new ones.
/// Answers those servers.
pub async fn renew_specifications(tx: &Tx, id: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "UPDATE servers SET generation = generation + 1 WHERE id IN (SELECT i.server_id \
               FROM server_interfaces i JOIN ipv4_addresses a ON a.interface_id = i.id WHERE a.block_id = $1 \
               UNION SELECT i.server_id FROM server_interfaces i JOIN ipv6_subnets v ON v.interface_id = i.id \
               WHERE v.block_id = $1) RETURNING id";
    let rows = joined::all(tx, sql, vec![id.into()]).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}

/// In order of their ids, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// What a block holds: single addresses of an IPv4 block, subnets that were made of an IPv6 block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: i64,
    /// On an interface, or kept back.
    pub used: i64,
}

/// Of several blocks; one that holds nothing is left out.
pub async fn counts(db: &impl ConnectionTrait, block_ids: &[i64]) -> Result<Vec<(i64, Counts)>, StoreError> {
    let list = joined::list_text(block_ids.len(), 1);
    let sql = format!(
        "SELECT block_id, COUNT(*) AS total, COUNT(CASE WHEN interface_id IS NOT NULL OR reserved THEN 1 END) AS used \
         FROM ipv4_addresses WHERE block_id IN {list} GROUP BY block_id UNION ALL \
         SELECT block_id, COUNT(*) AS total, COUNT(interface_id) AS used \
         FROM ipv6_subnets WHERE block_id IN {list} GROUP BY block_id"
    );
    let rows = joined::all(db, &sql, joined::list_values(block_ids)).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<(i64, Counts), StoreError> {
        let counts = Counts { total: row.try_get("", "total")?, used: row.try_get("", "used")? };
        Ok((row.try_get("", "block_id")?, counts))
    };
    rows.iter().map(read).collect()
}

/// The lowest and the highest address of several blocks; one without addresses is left out.
pub async fn reaches(db: &impl ConnectionTrait, block_ids: &[i64]) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    let sql = format!(
        "SELECT block_id, MIN(address) AS lowest, MAX(address) AS highest FROM ipv4_addresses WHERE block_id IN {} \
         GROUP BY block_id",
        joined::list_text(block_ids.len(), 1)
    );
    let rows = joined::all(db, &sql, joined::list_values(block_ids)).await?;
    let read = |row: &sea_orm::QueryResult| {
        Ok((row.try_get("", "block_id")?, row.try_get("", "lowest")?, row.try_get("", "highest")?))
    };
    rows.iter().map(read).collect()
}

/// How many addresses and subnets of a block servers have.
pub async fn assigned(db: &impl ConnectionTrait, id: i64) -> Result<i64, StoreError> {
    let sql = "SELECT (SELECT COUNT(*) FROM ipv4_addresses WHERE block_id = $1 AND interface_id IS NOT NULL) \
               + (SELECT COUNT(*) FROM ipv6_subnets WHERE block_id = $1 AND interface_id IS NOT NULL)";
    joined::number(db, sql, vec![id.into()]).await
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

/// Free IPv4 addresses of the enabled blocks that serve each of these nodes, by themselves or by a group, each block
/// counted once for a node.
pub async fn free_ipv4_of_hypervisors(
    db: &impl ConnectionTrait,
    hypervisor_ids: &[i64],
) -> Result<Vec<(i64, i64)>, StoreError> {
    let serving = |members: &str| {
        format!(
            "SELECT n.hypervisor_id AS node, b.id AS block FROM hypervisor_networks n JOIN {members} \
             JOIN ip_blocks b ON b.id = l.block_id WHERE b.enabled AND b.family = 4 AND n.hypervisor_id IN {}",
            joined::list_text(hypervisor_ids.len(), 1)
        )
    };
    let sql = format!(
        "{} UNION {}",
        serving("ip_block_bindings l ON l.network_id = n.id"),
        serving("ip_block_group_members l ON l.group_id = n.ip_block_group_id")
    );
    let rows = joined::all(db, &sql, joined::list_values(hypervisor_ids)).await?;
    let read = |row: &sea_orm::QueryResult| Ok((row.try_get("", "node")?, row.try_get("", "block")?));
    let serving = rows.iter().map(read).collect::<Result<Vec<(i64, i64)>, StoreError>>()?;
    let mut blocks: Vec<i64> = serving.iter().map(|(_, block)| *block).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let counts: Vec<(i64, i64)> = ipv4_address::Entity::find()
        .select_only()
        .column(ipv4_address::Column::BlockId)
        .column_as(ipv4_address::Column::Id.count(), "free")
        .filter(ipv4_address::Column::BlockId.is_in(blocks))
        .filter(ipv4_address::Column::InterfaceId.is_null())
        // In the words of the index of free addresses.
        .filter(Expr::col(ipv4_address::Column::Reserved).not())
        .group_by(ipv4_address::Column::BlockId)
        .into_tuple()
        .all(db)
        .await?;
    let free_of = |block: i64| counts.iter().find(|(id, _)| *id == block).map_or(0, |(_, free)| *free);
    let of_node = |node: &i64| {
        let own = serving.iter().filter(|(of, _)| of == node);
        (*node, own.map(|(_, block)| free_of(*block)).sum())
    };
    Ok(hypervisor_ids.iter().map(of_node).collect())
}
