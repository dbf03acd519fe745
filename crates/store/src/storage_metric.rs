//! Figures of nodes' storages over time, bounded as those of the nodes are ([`crate::hypervisor_metric`]).

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict,
};

use crate::{
    Micros, StoreError, Tx,
    entity::storage_metric::{ActiveModel, Column, Entity, Model},
    hypervisor_metric::{BUCKET_S, MINUTE_S, average_table, bucket},
};

/// What is known of one minute of a storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub total_bytes: i64,
    pub used_bytes: i64,
    /// Nothing where the node has no counters of it.
    pub io: Option<Io>,
}

/// What passed the block device of a storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Io {
    pub read_bytes_s: i64,
    pub write_bytes_s: i64,
    /// Hundredths of a request a second.
    pub read_centi_iops: i64,
    pub write_centi_iops: i64,
}

/// Writes a minute of some of a node's storage points, by their ids.
pub async fn insert(tx: &Tx, hypervisor_id: i64, at: Micros, storages: Vec<(i64, Figures)>) -> Result<(), StoreError> {
    let row = |(storage_point_id, figures): (i64, Figures)| {
        let Figures { total_bytes, used_bytes, io } = figures;
        ActiveModel {
            hypervisor_id: Set(hypervisor_id),
            storage_point_id: Set(storage_point_id),
            span_s: Set(MINUTE_S),
            at: Set(at),
            bucket_at: Set(bucket(at)),
            total_bytes: Set(total_bytes),
            used_bytes: Set(used_bytes),
            read_bytes_s: Set(io.map(|io| io.read_bytes_s)),
            write_bytes_s: Set(io.map(|io| io.write_bytes_s)),
            read_centi_iops: Set(io.map(|io| io.read_centi_iops)),
            write_centi_iops: Set(io.map(|io| io.write_centi_iops)),
            ..Default::default()
        }
    };
    let rows: Vec<ActiveModel> = storages.into_iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let claim = OnConflict::columns([Column::StoragePointId, Column::SpanS, Column::At]).do_nothing().to_owned();
    Entity::insert_many(rows).on_conflict(claim).exec_without_returning(tx).await?;
    Ok(())
}

/// Rows of a node's storages from a time on: storage by storage, oldest first.
pub async fn since(db: &impl ConnectionTrait, hypervisor_id: i64, from: Micros) -> Result<Vec<Model>, StoreError> {
    let query = Entity::find().filter(Column::HypervisorId.eq(hypervisor_id)).filter(Column::At.gte(from));
    let ordered = query.order_by_asc(Column::StoragePointId).order_by_asc(Column::At).order_by_asc(Column::SpanS);
    Ok(ordered.all(db).await?)
}

/// Averages the minutes of whole buckets that begin before `before`, which is the beginning of one. Minutes without
/// counters are no part of what passed.
pub async fn average(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    let columns = ["total_bytes", "used_bytes", "read_bytes_s", "write_bytes_s", "read_centi_iops", "write_centi_iops"];
    average_table(tx, "storage_metrics", "hypervisor_id, storage_point_id", &columns, before).await
}

/// Forgets averages that are older than `before`.
pub async fn trim(tx: &Tx, before: Micros) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::SpanS.eq(BUCKET_S)).filter(Column::At.lt(before)).exec(tx).await?;
    Ok(())
}

/// Forgets all of a storage point that goes.
pub async fn forget(tx: &Tx, storage_point_id: i64) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::StoragePointId.eq(storage_point_id)).exec(tx).await?;
    Ok(())
}
