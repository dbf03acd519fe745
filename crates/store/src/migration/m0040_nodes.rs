//! Looking after nodes: figures of their storages over time, and the newest work on a node itself read off an index.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("storage_metrics")
                .col(id())
                .col(col("hypervisor_id").big_integer().not_null())
                .col(col("storage_point_id").big_integer().not_null())
                .col(col("span_s").integer().not_null())
                .col(col("at").big_integer().not_null())
                .col(col("bucket_at").big_integer().not_null())
                .col(col("total_bytes").big_integer().not_null())
                .col(col("used_bytes").big_integer().not_null())
                // Null where the node has no counters of it.
                .col(col("read_bytes_s").big_integer().null())
                .col(col("write_bytes_s").big_integer().null())
                .col(col("read_centi_iops").big_integer().null())
                .col(col("write_centi_iops").big_integer().null())
                .foreign_key(&mut references("storage_metrics", "hypervisor_id", "hypervisors"))
                .foreign_key(&mut references("storage_metrics", "storage_point_id", "storage_points"))
                .take(),
        )
        .await?;
        unique(m, "storage_metrics", &["storage_point_id", "span_s", "at"]).await?;
        m.create_index(index("storage_metrics", &["hypervisor_id", "at"])).await?;
        m.create_index(index("storage_metrics", &["span_s", "at"])).await?;
        partial_index(m, false, "jobs", &["hypervisor_id", "kind"], "server_id IS NULL").await
    }
}
