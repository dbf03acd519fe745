//! Figures of nodes over time: a row a minute, and averages of older ones.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hypervisor_metrics")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    /// How long a time the row is the average of, from `at` on.
    pub span_s: i32,
    pub at: i64,
    /// The beginning of the longer span that the row will be averaged into.
    pub bucket_at: i64,
    /// Hundredths of a percent of all cores.
    pub cpu_centipercent: i64,
    /// Hundredths of the load of a minute.
    pub load_centi: i64,
    pub memory_total_kib: i64,
    pub memory_used_kib: i64,
    /// Of the file system that disks are on.
    pub storage_total_bytes: i64,
    pub storage_used_bytes: i64,
    /// Over the node's uplinks.
    pub network_in_bytes_s: i64,
    pub network_out_bytes_s: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
