//! Single IPv4 addresses: each is given to one interface or to none.

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::ipv4_address::{Column, Entity, Model},
    joined,
};

/// Gives the lowest free addresses of a block to an interface, at most `count`, after those at `first_position - 1`.
/// One statement, so that two that run at once never take the same one.
pub async fn allocate(
    tx: &Tx,
    block_id: i64,
    interface_id: i64,
    first_position: i32,
    count: u32,
    now: Micros,
) -> Result<Vec<Model>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE ipv4_addresses SET interface_id = $1, position = $2 + f.n, assigned_at = $3, released_at = NULL \
         FROM (SELECT t.id, ROW_NUMBER() OVER (ORDER BY t.address) - 1 AS n FROM (SELECT id, address \
         FROM ipv4_addresses WHERE block_id = $4 AND interface_id IS NULL AND NOT reserved \
         ORDER BY address LIMIT {count}) t) f WHERE ipv4_addresses.id = f.id RETURNING {}",
        joined::columns::<Entity>("ipv4_addresses", "")
    );
    let values = vec![interface_id.into(), i64::from(first_position).into(), now.into(), block_id.into()];
    let rows = joined::all(tx, &sql, values).await?;
    let mut given = rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    given.sort_by_key(|address| address.position);
    Ok(given)
}

/// How many addresses of these blocks are free, counting no further than `enough`.
pub async fn free(db: &impl Db, block_ids: &[i64], enough: u32) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM ipv4_addresses WHERE block_id IN {} AND interface_id IS NULL \
         AND NOT reserved LIMIT {enough}) t",
        joined::list_text(block_ids.len(), 1)
    );
    joined::number(db, &sql, joined::list_values(block_ids)).await
}

pub async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::InterfaceId.eq(interface_id)).order_by_asc(Column::Position).all(db).await?)
}

/// Adds addresses of a block as numbers, both ends included. Those that are there already stay as they are, in
/// whichever block they are. Answers how many are new.
pub async fn add_range(
    tx: &Tx,
    block_id: i64,
    range: std::ops::RangeInclusive<u32>,
    now: Micros,
) -> Result<u64, StoreError> {
    const ROWS_AT_ONCE: usize = 1000;
    let addresses = range.collect::<Vec<_>>();
    let mut added = 0;
    for chunk in addresses.chunks(ROWS_AT_ONCE) {
        let rows = chunk.iter().map(|address| crate::entity::ipv4_address::ActiveModel {
            id: sea_orm::ActiveValue::NotSet,
            block_id: sea_orm::ActiveValue::Set(block_id),
            address: sea_orm::ActiveValue::Set(i64::from(*address)),
            interface_id: sea_orm::ActiveValue::Set(None),
            position: sea_orm::ActiveValue::Set(0),
            reserved: sea_orm::ActiveValue::Set(false),
            assigned_at: sea_orm::ActiveValue::Set(None),
            released_at: sea_orm::ActiveValue::Set(None),
            created_at: sea_orm::ActiveValue::Set(now),
        });
        let conflict = sea_orm::sea_query::OnConflict::column(Column::Address).do_nothing().to_owned();
        added += Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(tx).await?;
    }
    Ok(added)
}
