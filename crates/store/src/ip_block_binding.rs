//! Which networks a block serves, and in which order the blocks of a network give addresses.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Db, StoreError, Tx,
    entity::{
        hypervisor_network,
        ip_block::{self, Model as Block},
        ip_block_binding::{ActiveModel, Column, Entity, Model},
    },
    ip_block_group, joined,
};

/// A binding with both of its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub binding: Model,
    pub block: Block,
    pub network: hypervisor_network::Model,
}

/// What the networks of a node are served by, network by network, in order.
pub async fn of_hypervisor(db: &impl Db, hypervisor_id: i64) -> Result<Vec<Bound>, StoreError> {
    bound(db, "n.hypervisor_id = $1", hypervisor_id).await
}

/// Networks that a block serves.
pub async fn of_block(db: &impl Db, block_id: i64) -> Result<Vec<Bound>, StoreError> {
    bound(db, "l.block_id = $1", block_id).await
}

/// Enabled blocks that serve a network, in the order in which they give addresses: those that are bound to it, then
/// those of its group.
pub async fn giving_to_network(db: &impl Db, network_id: i64) -> Result<Vec<Block>, StoreError> {
    let bound = bound(db, "b.enabled AND l.network_id = $1", network_id).await?;
    let mut giving: Vec<Block> = bound.into_iter().map(|bound| bound.block).collect();
    let group = hypervisor_network::Entity::find_by_id(network_id).one(db).await?.and_then(|row| row.ip_block_group_id);
    let of_group = ip_block_group::blocks(db, group.as_slice()).await?;
    follow(&mut giving, of_group.into_iter().map(|(_, block)| block));
    Ok(giving)
}

/// Puts the enabled blocks of a network's group after those that are bound to the network, each block once.
pub(crate) fn follow(giving: &mut Vec<Block>, of_group: impl Iterator<Item = Block>) {
    for block in of_group.filter(|block| block.enabled) {
        if giving.iter().all(|known| known.id != block.id) {
            giving.push(block);
        }
    }
}

async fn bound(db: &impl Db, condition: &str, id: i64) -> Result<Vec<Bound>, StoreError> {
    let sql = format!(
        "SELECT {}, {}, {} FROM ip_block_bindings l JOIN ip_blocks b ON b.id = l.block_id \
         JOIN hypervisor_networks n ON n.id = l.network_id WHERE {condition} \
         ORDER BY n.hypervisor_id, n.id, l.position, l.id",
        joined::columns::<Entity>("l", "l_"),
        joined::columns::<ip_block::Entity>("b", "b_"),
        joined::columns::<hypervisor_network::Entity>("n", "n_"),
    );
    let rows = joined::all(db, &sql, vec![id.into()]).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Bound, StoreError> {
        Ok(Bound {
            binding: Model::from_query_result(row, "l_")?,
            block: Block::from_query_result(row, "b_")?,
            network: hypervisor_network::Model::from_query_result(row, "n_")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Gives a network's bindings these places, from 1 in the order of `ids`; bindings that are not named come last, in the
/// order that they had.
pub async fn set_order(tx: &Tx, network_id: i64, ids: &[i64]) -> Result<(), StoreError> {
    let all: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::NetworkId.eq(network_id))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(tx)
        .await?;
    let named = ids.iter().filter(|id| all.contains(id));
    let others = all.iter().filter(|id| !ids.contains(id));
    for (place, id) in named.chain(others).enumerate() {
        let row = ActiveModel { position: Set(i32::try_from(place + 1).unwrap_or(i32::MAX)), ..Default::default() };
        Entity::update_many().set(row).filter(Column::Id.eq(*id)).exec(tx).await?;
    }
    Ok(())
}

/// Lets a binding serve another network, after the blocks that do already.
pub async fn move_to(tx: &Tx, id: i64, network_id: i64) -> Result<(), StoreError> {
    let last = Entity::find().filter(Column::NetworkId.eq(network_id)).order_by_desc(Column::Position).one(tx).await?;
    let row = ActiveModel {
        network_id: Set(network_id),
        position: Set(last.map_or(1, |last| last.position + 1)),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// The block serves that network no longer; addresses that servers have stay theirs.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
