//! Figures of nodes' storages over time: a row a minute, and averages of older ones.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "storage_metrics")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    pub storage_point_id: i64,
    /// How long a time the row is the average of, from `at` on.
    pub span_s: i32,
    pub at: i64,
    /// The beginning of the longer span that the row will be averaged into.
    pub bucket_at: i64,
    pub total_bytes: i64,
    pub used_bytes: i64,
    /// Of the block device that it is on; null where the node has no counters of it.
    pub read_bytes_s: Option<i64>,
    pub write_bytes_s: Option<i64>,
    /// Hundredths of a request a second.
    pub read_centi_iops: Option<i64>,
    pub write_centi_iops: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
