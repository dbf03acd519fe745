//! Groups of IP blocks. A network that has one is served by its blocks, after those that are bound to the network itself.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        hypervisor_network,
        ip_block::{self, Model as Block},
        ip_block_group::{ActiveModel, Column, Entity, Model},
        ip_block_group_member as member,
    },
    joined,
};

/// Fails with [`StoreError::Unique`] where another group has the name.
pub async fn insert(tx: &Tx, name: &str, now: Micros) -> Result<Model, StoreError> {
    let row =
        ActiveModel { name: Set(name.to_owned()), created_at: Set(now), updated_at: Set(now), ..Default::default() };
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

/// Blocks of several groups, enabled or not, each with its group; those of one group in the order in which they give
/// addresses.
pub async fn blocks(db: &impl Db, group_ids: &[i64]) -> Result<Vec<(i64, Block)>, StoreError> {
    if group_ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT m.group_id AS of_group, {} FROM ip_block_group_members m JOIN ip_blocks b ON b.id = m.block_id \
         WHERE m.group_id IN {} ORDER BY m.group_id, m.position, m.id",
        joined::columns::<ip_block::Entity>("b", "b_"),
        joined::list_text(group_ids.len(), 1),
    );
    let rows = joined::all(db, &sql, joined::list_values(group_ids)).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<(i64, Block), StoreError> {
        Ok((row.try_get("", "of_group")?, Block::from_query_result(row, "b_")?))
    };
    rows.iter().map(read).collect()
}

/// Networks that have any of these groups, node by node.
pub async fn networks(db: &impl Db, group_ids: &[i64]) -> Result<Vec<hypervisor_network::Model>, StoreError> {
    let of_groups = hypervisor_network::Column::IpBlockGroupId.is_in(group_ids.iter().copied());
    let query = hypervisor_network::Entity::find().filter(of_groups);
    let query = query.order_by_asc(hypervisor_network::Column::HypervisorId);
    Ok(query.order_by_asc(hypervisor_network::Column::Id).all(db).await?)
}

pub async fn rename(tx: &Tx, id: i64, name: &str, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { name: Set(name.to_owned()), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// These are the group's blocks now, and give addresses in this order.
pub async fn set_blocks(tx: &Tx, id: i64, block_ids: &[i64]) -> Result<(), StoreError> {
    member::Entity::delete_many().filter(member::Column::GroupId.eq(id)).exec(tx).await?;
    if block_ids.is_empty() {
        return Ok(());
    }
    let rows = block_ids.iter().enumerate().map(|(place, block)| member::ActiveModel {
        group_id: Set(id),
        block_id: Set(*block),
        position: Set(i32::try_from(place + 1).unwrap_or(i32::MAX)),
        ..Default::default()
    });
    member::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes a group that no network has. Servers keep the addresses that they have.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    set_blocks(tx, id, &[]).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
