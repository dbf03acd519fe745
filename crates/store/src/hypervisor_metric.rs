//! Figures of nodes over time, bounded: a row a minute for a while, then averages, then nothing.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Statement,
    sea_query::OnConflict,
};

use crate::{
    Micros, StoreError, Tx,
    entity::hypervisor_metric::{ActiveModel, Column, Entity, Model},
};

/// Of a row as nodes' figures are first written.
pub const MINUTE_S: i32 = 60;
/// Of a row that older ones are averaged into.
pub const BUCKET_S: i32 = 900;

/// What is known of one minute of a node; units as in the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub cpu_centipercent: i64,
    pub load_centi: i64,
    pub memory_total_kib: i64,
    pub memory_used_kib: i64,
    pub storage_total_bytes: i64,
    pub storage_used_bytes: i64,
    pub network_in_bytes_s: i64,
    pub network_out_bytes_s: i64,
}

/// The beginning of the bucket that a time is in.
pub fn bucket(at: Micros) -> Micros {
    at - at.rem_euclid(i64::from(BUCKET_S) * 1_000_000)
}

/// Writes a minute of a node, unless another control server has; answers whether it did.
pub async fn insert(tx: &Tx, hypervisor_id: i64, at: Micros, figures: Figures) -> Result<bool, StoreError> {
    let row = ActiveModel {
        hypervisor_id: Set(hypervisor_id),
        span_s: Set(MINUTE_S),
        at: Set(at),
        bucket_at: Set(bucket(at)),
        cpu_centipercent: Set(figures.cpu_centipercent),
        load_centi: Set(figures.load_centi),
        memory_total_kib: Set(figures.memory_total_kib),
        memory_used_kib: Set(figures.memory_used_kib),
        storage_total_bytes: Set(figures.storage_total_bytes),
        storage_used_bytes: Set(figures.storage_used_bytes),
        network_in_bytes_s: Set(figures.network_in_bytes_s),
        network_out_bytes_s: Set(figures.network_out_bytes_s),
        ..Default::default()
    };
    let claim = OnConflict::columns([Column::HypervisorId, Column::SpanS, Column::At]).do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(claim).exec_without_returning(tx).await? == 1)
}

/// Rows of a node from a time on, oldest first.
pub async fn since(db: &impl ConnectionTrait, hypervisor_id: i64, from: Micros) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::HypervisorId.eq(hypervisor_id)).filter(Column::At.gte(from));
    Ok(query.order_by_asc(Column::At).order_by_asc(Column::SpanS).all(db).await?)
}

/// Averages the minutes of whole buckets that begin before `before`, which is the beginning of one.
pub async fn average(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    let columns = [
        "cpu_centipercent",
        "load_centi",
        "memory_total_kib",
        "memory_used_kib",
        "storage_total_bytes",
        "storage_used_bytes",
        "network_in_bytes_s",
        "network_out_bytes_s",
    ];
    average_table(tx, "hypervisor_metrics", "hypervisor_id", &columns, before).await
}

/// The same of any table of minutes and buckets. `keys` are the columns, separated by commas, that say whose a row is.
/// Nothing is no part of an average.
pub(crate) async fn average_table(
    tx: &Tx,
    table: &str,
    keys: &str,
    columns: &[&str],
    before: Micros,
) -> Result<(), StoreError> {
    let averages: Vec<_> = columns.iter().map(|column| format!("CAST(ROUND(AVG({column})) AS BIGINT)")).collect();
    let minutes = format!("FROM {table} WHERE span_s = {MINUTE_S} AND at < $1");
    let insert = format!(
        "INSERT INTO {table} ({keys}, span_s, at, bucket_at, {}) SELECT {keys}, {BUCKET_S}, bucket_at, bucket_at, {} \
         {minutes} GROUP BY {keys}, bucket_at ON CONFLICT DO NOTHING",
        columns.join(", "),
        averages.join(", ")
    );
    for sql in [insert, format!("DELETE {minutes}")] {
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [before.into()])).await?;
    }
    Ok(())
}

/// Forgets averages that are older than `before`.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::SpanS.eq(BUCKET_S)).filter(Column::At.lt(before)).exec(tx).await?;
    Ok(())
}
