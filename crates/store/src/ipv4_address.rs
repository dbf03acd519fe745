//! Single IPv4 addresses: each is given to one interface or to none.

use std::ops::RangeInclusive;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    Db, Micros, StoreError, Tx, address_history,
    entity::{
        ipv4_address::{ActiveModel, Column, Entity, Model},
        server_interface,
    },
    extra_mac, joined,
};

/// Rows that one statement writes: each has ten parameters, and PostgreSQL takes 65,535.
const ROWS_AT_ONCE: usize = 1000;

/// Gives addresses of a block to an interface, at most `count`, after those at `first_position - 1`: the lowest that
/// was never given, then those that have been free for the longest, at least since `rested_since`. One statement, so
/// that two that run at once never take the same one.
pub async fn allocate(
    tx: &Tx,
    block_id: i64,
    interface_id: i64,
    first_position: i32,
    count: u32,
    rested_since: Micros,
    now: Micros,
) -> Result<Vec<Model>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE ipv4_addresses SET interface_id = $1, position = $2 + f.n, assigned_at = $3, released_at = NULL \
         FROM (SELECT t.id, ROW_NUMBER() OVER (ORDER BY t.free_since, t.address) - 1 AS n FROM ({}) t) f \
         WHERE ipv4_addresses.id = f.id RETURNING {}",
        next_free(4, 5, count),
        joined::columns::<Entity>("ipv4_addresses", "")
    );
    let position = i64::from(first_position);
    let values = vec![interface_id.into(), position.into(), now.into(), block_id.into(), rested_since.into()];
    given(tx, &sql, values, interface_id, first_position, now).await
}

/// Those that [`allocate`] takes: block and time are the parameters of these numbers. Read in the order of an index.
pub(crate) fn next_free(block: usize, rested_since: usize, count: u32) -> String {
    format!(
        "SELECT id, free_since, address FROM ipv4_addresses WHERE block_id = ${block} AND interface_id IS NULL \
         AND NOT reserved AND free_since <= ${rested_since} ORDER BY free_since, address LIMIT {count}"
    )
}

/// Gives these addresses to an interface, as far as they are free; reserved ones too, since they are named.
pub async fn take(
    tx: &Tx,
    addresses: &[i64],
    interface_id: i64,
    first_position: i32,
    now: Micros,
) -> Result<Vec<Model>, StoreError> {
    let sql = format!(
        "UPDATE ipv4_addresses SET interface_id = $1, position = $2 + f.n, assigned_at = $3, released_at = NULL \
         FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY address) - 1 AS n FROM ipv4_addresses \
         WHERE address IN {} AND interface_id IS NULL) f WHERE ipv4_addresses.id = f.id RETURNING {}",
        joined::list_text(addresses.len(), 4),
        joined::columns::<Entity>("ipv4_addresses", "")
    );
    let mut values = vec![interface_id.into(), i64::from(first_position).into(), now.into()];
    values.extend(joined::list_values(addresses));
    given(tx, &sql, values, interface_id, first_position, now).await
}

async fn given(
    tx: &Tx,
    sql: &str,
    values: Vec<sea_orm::Value>,
    interface_id: i64,
    first_position: i32,
    now: Micros,
) -> Result<Vec<Model>, StoreError> {
    let rows = joined::all(tx, sql, values).await?;
    let mut given = rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    given.sort_by_key(|address| address.position);
    if !given.is_empty() {
        address_history::ipv4_given(tx, interface_id, first_position, now).await?;
    }
    Ok(given)
}

/// Takes these addresses from these interfaces; answers those that they had.
pub async fn release(tx: &Tx, interface_ids: &[i64], addresses: &[i64], now: Micros) -> Result<Vec<Model>, StoreError> {
    let rows = Entity::update_many()
        .set(freed(now))
        .filter(Column::InterfaceId.is_in(interface_ids.iter().copied()))
        .filter(Column::Address.is_in(addresses.iter().copied()))
        .exec_with_returning(tx)
        .await?;
    let numbers: Vec<i64> = rows.iter().map(|row| row.address).collect();
    address_history::ipv4_released(tx, &numbers, now).await?;
    extra_mac::forget_unused(tx, interface_ids).await?;
    Ok(rows)
}

/// As it is once nobody has it.
pub(crate) fn freed(now: Micros) -> ActiveModel {
    ActiveModel {
        interface_id: Set(None),
        assigned_at: Set(None),
        released_at: Set(Some(now)),
        free_since: Set(now),
        mac: Set(None),
        ..Default::default()
    }
}

/// How many addresses of these blocks could be given, counting no further than `enough`.
pub async fn free(db: &impl Db, block_ids: &[i64], rested_since: Micros, enough: u32) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM ipv4_addresses WHERE block_id IN {} AND interface_id IS NULL \
         AND NOT reserved AND free_since <= $1 LIMIT {enough}) t",
        joined::list_text(block_ids.len(), 2)
    );
    let mut values = vec![rested_since.into()];
    values.extend(joined::list_values(block_ids));
    joined::number(db, &sql, values).await
}

pub async fn of_interface(db: &impl Db, interface_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::InterfaceId.eq(interface_id)).order_by_asc(Column::Position).all(db).await?)
}

/// Those of these numbers that are in any block.
pub async fn by_addresses(db: &impl Db, addresses: &[i64]) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Address.is_in(addresses.iter().copied())).all(db).await?)
}

pub async fn by_ids(db: &impl Db, ids: &[i64]) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Those of any block within a range, by address.
pub async fn in_range(db: &impl Db, range: &RangeInclusive<u32>) -> Result<Vec<Model>, StoreError> {
    let within = Column::Address.between(i64::from(*range.start()), i64::from(*range.end()));
    Ok(Entity::find().filter(within).order_by_asc(Column::Address).all(db).await?)
}

/// Which addresses of a block are listed; `None` is whichever.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub address: Option<i64>,
    pub reserved: Option<bool>,
    pub assigned: Option<bool>,
    pub server_id: Option<i64>,
}

/// Addresses of a block in their order, each with the server that has it, and how many there are.
pub async fn page(
    db: &impl Db,
    block_id: i64,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<(Model, Option<server_interface::Model>)>, u64), StoreError> {
    let mut which = Condition::all().add(Column::BlockId.eq(block_id));
    if let Some(address) = filter.address {
        which = which.add(Column::Address.eq(address));
    }
    if let Some(reserved) = filter.reserved {
        which = which.add(Column::Reserved.eq(reserved));
    }
    match filter.assigned {
        Some(true) => which = which.add(Column::InterfaceId.is_not_null()),
        Some(false) => which = which.add(Column::InterfaceId.is_null()),
        None => {}
    }
    if let Some(server_id) = filter.server_id {
        let own: Vec<i64> = server_interface::Entity::find()
            .select_only()
            .column(server_interface::Column::Id)
            .filter(server_interface::Column::ServerId.eq(server_id))
            .into_tuple()
            .all(db)
            .await?;
        which = which.add(Column::InterfaceId.is_in(own));
    }
    let query = Entity::find().filter(which);
    let total = query.clone().count(db).await?;
    let rows = query.order_by_asc(Column::Address).offset(offset).limit(limit).all(db).await?;
    let holders = rows.iter().filter_map(|row| row.interface_id);
    let interfaces =
        server_interface::Entity::find().filter(server_interface::Column::Id.is_in(holders)).all(db).await?;
    let holder = |row: &Model| interfaces.iter().find(|interface| Some(interface.id) == row.interface_id).cloned();
    Ok((rows.into_iter().map(|row| (holder(&row), row)).map(|(holder, row)| (row, holder)).collect(), total))
}

/// Adds a range of addresses, both ends included, as [`add`] does.
pub async fn add_range(tx: &Tx, block_id: i64, range: RangeInclusive<u32>, now: Micros) -> Result<u64, StoreError> {
    add(tx, block_id, &range.collect::<Vec<_>>(), now).await
}

/// Adds addresses to a block. Those that are there already stay as they are, in whichever block they are. Answers how
/// many are new.
pub async fn add(tx: &Tx, block_id: i64, addresses: &[u32], now: Micros) -> Result<u64, StoreError> {
    let mut added = 0;
    for chunk in addresses.chunks(ROWS_AT_ONCE) {
        let rows = chunk.iter().map(|address| ActiveModel {
            id: NotSet,
            block_id: Set(block_id),
            address: Set(i64::from(*address)),
            interface_id: Set(None),
            position: Set(0),
            reserved: Set(false),
            assigned_at: Set(None),
            released_at: Set(None),
            created_at: Set(now),
            free_since: Set(0),
            mac: Set(None),
        });
        let conflict = sea_orm::sea_query::OnConflict::column(Column::Address).do_nothing().to_owned();
        added += Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(tx).await?;
    }
    Ok(added)
}

/// Keeps addresses of a block from being given, or lets them be given again; answers how many it has of them. Those
/// that a server has stay with it.
pub async fn set_reserved(tx: &Tx, block_id: i64, addresses: &[i64], reserved: bool) -> Result<u64, StoreError> {
    let row = ActiveModel { reserved: Set(reserved), ..Default::default() };
    let changed = Entity::update_many()
        .set(row)
        .filter(Column::BlockId.eq(block_id))
        .filter(Column::Address.is_in(addresses.iter().copied()))
        .exec(tx)
        .await?;
    Ok(changed.rows_affected)
}

/// Takes free addresses out of a block; answers how many there were.
pub async fn remove(tx: &Tx, block_id: i64, addresses: &[i64]) -> Result<u64, StoreError> {
    let gone = Entity::delete_many()
        .filter(Column::BlockId.eq(block_id))
        .filter(Column::InterfaceId.is_null())
        .filter(Column::Address.is_in(addresses.iter().copied()))
        .exec(tx)
        .await?;
    Ok(gone.rows_affected)
}
