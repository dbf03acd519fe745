//! Traffic of servers by day, hour and five minutes, what nodes told last, and blocks that were added to a period.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        hypervisor_network, server_interface,
        traffic_block::{self, Model as Block},
        traffic_counter, traffic_day, traffic_hour, traffic_rate, traffic_state,
    },
    joined,
};

/// Totals of an interface as its node tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub tag: i64,
    pub rx_bytes: i64,
    pub tx_bytes: i64,
}

/// Of what rates are made: as coarse as a graph of a day may be.
pub const SPAN_S: i64 = 300;

/// When something passed: the beginnings of its day, its hour and its five minutes.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub day_at: Micros,
    pub hour_at: Micros,
    pub span_at: Micros,
    pub now: Micros,
}

/// Bytes of an interface since the reading before.
struct Passed {
    server_id: i64,
    interface_id: i64,
    rx_bytes: i64,
    tx_bytes: i64,
}

/// Counts what is new of these readings; interfaces of other nodes are left out. Answers the servers that had traffic.
pub async fn count(
    tx: &Tx,
    hypervisor_id: i64,
    epoch: &str,
    readings: &[Reading],
    when: When,
) -> Result<Vec<i64>, StoreError> {
    let networks: Vec<i64> = hypervisor_network::Entity::find()
        .select_only()
        .column(hypervisor_network::Column::Id)
        .filter(hypervisor_network::Column::HypervisorId.eq(hypervisor_id))
        .into_tuple()
        .all(tx)
        .await?;
    let interfaces = server_interface::Entity::find()
        .filter(server_interface::Column::Tag.is_in(readings.iter().map(|reading| reading.tag)))
        .filter(server_interface::Column::NetworkId.is_in(networks))
        .all(tx)
        .await?;
    let ids = interfaces.iter().map(|interface| interface.id);
    let before =
        traffic_counter::Entity::find().filter(traffic_counter::Column::InterfaceId.is_in(ids)).all(tx).await?;
    let (mut counters, mut passed) = (Vec::new(), Vec::new());
    for interface in &interfaces {
        let Some(reading) = readings.iter().find(|reading| reading.tag == interface.tag) else { continue };
        let last = before.iter().find(|row| row.interface_id == interface.id && row.epoch == epoch);
        let (rx, tx_) = last.map_or((0, 0), |last| (last.rx_bytes, last.tx_bytes));
        // Totals only grow within an epoch; an older one that is told late adds nothing.
        let more = |now: i64, before: i64| Ord::max(now.saturating_sub(before), 0);
        let new = (more(reading.rx_bytes, rx), more(reading.tx_bytes, tx_));
        if new == (0, 0) {
            continue;
        }
        counters.push(traffic_counter::ActiveModel {
            interface_id: Set(interface.id),
            epoch: Set(epoch.to_owned()),
            rx_bytes: Set(Ord::max(reading.rx_bytes, rx)),
            tx_bytes: Set(Ord::max(reading.tx_bytes, tx_)),
            updated_at: Set(when.now),
        });
        passed.push(Passed {
            server_id: interface.server_id,
            interface_id: interface.id,
            rx_bytes: new.0,
            tx_bytes: new.1,
        });
    }
    if passed.is_empty() {
        return Ok(Vec::new());
    }
    let columns = [
        traffic_counter::Column::Epoch,
        traffic_counter::Column::RxBytes,
        traffic_counter::Column::TxBytes,
        traffic_counter::Column::UpdatedAt,
    ];
    let conflict = OnConflict::column(traffic_counter::Column::InterfaceId).update_columns(columns).to_owned();
    traffic_counter::Entity::insert_many(counters).on_conflict(conflict).exec_without_returning(tx).await?;
    add(tx, &passed, when).await?;
    let mut servers: Vec<i64> = passed.iter().map(|passed| passed.server_id).collect();
    servers.sort_unstable();
    servers.dedup();
    Ok(servers)
}

/// To the day, to the hour and to the five minutes: a statement each, however many interfaces a node tells of.
async fn add(tx: &Tx, passed: &[Passed], when: When) -> Result<(), StoreError> {
    let days = passed.iter().map(|passed| traffic_day::ActiveModel {
        id: NotSet,
        server_id: Set(passed.server_id),
        interface_id: Set(passed.interface_id),
        starts_at: Set(when.day_at),
        rx_bytes: Set(passed.rx_bytes),
        tx_bytes: Set(passed.tx_bytes),
    });
    let more =
        |table: &'static str, column: &'static str| Expr::col((table, column)).add(Expr::col(("excluded", column)));
    let conflict = |table: &'static str| {
        OnConflict::columns(["interface_id", "starts_at"])
            .value("rx_bytes", more(table, "rx_bytes"))
            .value("tx_bytes", more(table, "tx_bytes"))
            .to_owned()
    };
    traffic_day::Entity::insert_many(days).on_conflict(conflict("traffic_days")).exec_without_returning(tx).await?;
    let hours = passed.iter().map(|passed| traffic_hour::ActiveModel {
        id: NotSet,
        server_id: Set(passed.server_id),
        interface_id: Set(passed.interface_id),
        starts_at: Set(when.hour_at),
        rx_bytes: Set(passed.rx_bytes),
        tx_bytes: Set(passed.tx_bytes),
    });
    traffic_hour::Entity::insert_many(hours).on_conflict(conflict("traffic_hours")).exec_without_returning(tx).await?;
    let rates = passed.iter().map(|passed| traffic_rate::ActiveModel {
        id: NotSet,
        interface_id: Set(passed.interface_id),
        starts_at: Set(when.span_at),
        rx_bytes: Set(passed.rx_bytes),
        tx_bytes: Set(passed.tx_bytes),
    });
    traffic_rate::Entity::insert_many(rates).on_conflict(conflict("traffic_rates")).exec_without_returning(tx).await?;
    Ok(())
}

/// Bytes that a server received and sent in one day, hour or five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    pub starts_at: Micros,
    pub rx_bytes: i64,
    pub tx_bytes: i64,
}

/// A server's days from one on, in order. Only its primary interface is public, and counts.
pub async fn days(db: &impl Db, server_id: i64, from: Micros) -> Result<Vec<Sum>, StoreError> {
    sums(db, "traffic_days", "t", server_id, from).await
}

pub async fn hours(db: &impl Db, server_id: i64, from: Micros) -> Result<Vec<Sum>, StoreError> {
    sums(db, "traffic_hours", "t", server_id, from).await
}

/// By five minutes.
pub async fn rates(db: &impl Db, server_id: i64, from: Micros) -> Result<Vec<Sum>, StoreError> {
    sums(db, "traffic_rates", "i", server_id, from).await
}

/// `owned` is the table that the server is looked up in: `t`, or that of interfaces, `i`.
async fn sums(db: &impl Db, table: &str, owned: &str, server_id: i64, from: Micros) -> Result<Vec<Sum>, StoreError> {
    let sql = format!(
        "SELECT t.starts_at, CAST(SUM(t.rx_bytes) AS BIGINT) AS rx, CAST(SUM(t.tx_bytes) AS BIGINT) AS tx FROM {table} t \
         JOIN server_interfaces i ON i.id = t.interface_id AND i.is_primary \
         WHERE {owned}.server_id = $1 AND t.starts_at >= $2 GROUP BY t.starts_at ORDER BY t.starts_at"
    );
    let rows = joined::all(db, &sql, vec![server_id.into(), from.into()]).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Sum, StoreError> {
        Ok(Sum {
            starts_at: row.try_get("", "starts_at")?,
            rx_bytes: row.try_get("", "rx")?,
            tx_bytes: row.try_get("", "tx")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Hours before a time are forgotten. Answers how many rows went.
pub async fn forget_hours(tx: &Tx, before: Micros) -> Result<u64, StoreError> {
    let old = traffic_hour::Entity::delete_many().filter(traffic_hour::Column::StartsAt.lt(before));
    Ok(old.exec(tx).await?.rows_affected)
}

/// Days before a time are forgotten. Answers how many rows went.
pub async fn forget_days(tx: &Tx, before: Micros) -> Result<u64, StoreError> {
    let old = traffic_day::Entity::delete_many().filter(traffic_day::Column::StartsAt.lt(before));
    Ok(old.exec(tx).await?.rows_affected)
}

/// The oldest five minutes are forgotten if they began before a time; answers how many rows went. One at a time, since
/// there are a hundred thousand rows an hour where there are ten thousand servers, and others want to write meanwhile.
pub async fn forget_oldest_rates(tx: &Tx, before: Micros) -> Result<u64, StoreError> {
    let oldest: Option<i64> = traffic_rate::Entity::find()
        .select_only()
        .column(traffic_rate::Column::StartsAt)
        .filter(traffic_rate::Column::StartsAt.lt(before))
        .order_by_asc(traffic_rate::Column::StartsAt)
        .limit(1)
        .into_tuple()
        .one(tx)
        .await?;
    let Some(oldest) = oldest else { return Ok(0) };
    let old = traffic_rate::Entity::delete_many().filter(traffic_rate::Column::StartsAt.lte(oldest));
    Ok(old.exec(tx).await?.rows_affected)
}

pub async fn add_block(tx: &Tx, server_id: i64, month: i32, traffic_gb: i64, now: Micros) -> Result<Block, StoreError> {
    let row = traffic_block::ActiveModel {
        id: NotSet,
        server_id: Set(server_id),
        month: Set(month),
        traffic_gb: Set(traffic_gb),
        created_at: Set(now),
    };
    Ok(traffic_block::Entity::insert(row).exec_with_returning(tx).await?)
}

/// Of a server, in the order in which they were added.
pub async fn blocks(db: &impl Db, server_id: i64) -> Result<Vec<Block>, StoreError> {
    let query = traffic_block::Entity::find().filter(traffic_block::Column::ServerId.eq(server_id));
    Ok(query.order_by_asc(traffic_block::Column::Id).all(db).await?)
}

/// `None` where the server has no such block.
pub async fn remove_block(tx: &Tx, server_id: i64, id: i64) -> Result<Option<Block>, StoreError> {
    let block = blocks(tx, server_id).await?.into_iter().find(|block| block.id == id);
    if block.is_some() {
        traffic_block::Entity::delete_by_id(id).exec(tx).await?;
    }
    Ok(block)
}

/// Everything of a server that goes.
pub(crate) async fn forget(tx: &Tx, server_id: i64, interfaces: &[i64]) -> Result<(), StoreError> {
    let of = || interfaces.iter().copied();
    traffic_counter::Entity::delete_many().filter(traffic_counter::Column::InterfaceId.is_in(of())).exec(tx).await?;
    traffic_rate::Entity::delete_many().filter(traffic_rate::Column::InterfaceId.is_in(of())).exec(tx).await?;
    traffic_day::Entity::delete_many().filter(traffic_day::Column::ServerId.eq(server_id)).exec(tx).await?;
    traffic_hour::Entity::delete_many().filter(traffic_hour::Column::ServerId.eq(server_id)).exec(tx).await?;
    traffic_block::Entity::delete_many().filter(traffic_block::Column::ServerId.eq(server_id)).exec(tx).await?;
    traffic_state::Entity::delete_by_id(server_id).exec(tx).await?;
    Ok(())
}
