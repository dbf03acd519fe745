//! What a company changes after it was made: over-commit and disk formats of nodes, icons, packages that a template is
//! kept for, and figures of nodes over time.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            col("cpu_overcommit_percent").big_integer().not_null().default(100),
            col("memory_overcommit_percent").big_integer().not_null().default(100),
            col("storage_overcommit_percent").big_integer().not_null().default(100),
            col("default_disk_type").text().not_null().default("inherit"),
        ] {
            m.alter_table(Table::alter().table(Alias::new("hypervisors")).add_column(column).take()).await?;
        }
        m.create_index(index("servers", &["package_id"])).await?;
        m.create_index(index("servers", &["template_id"])).await?;
        media(m).await?;
        metrics(m).await
    }
}

async fn media(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("icons")
            .col(id())
            .col(col("name").text().not_null().unique_key())
            .col(col("media_type").text().not_null())
            .col(col("picture").binary().not_null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_table(
        table("template_packages")
            .col(id())
            .col(col("template_id").big_integer().not_null())
            .col(col("package_id").big_integer().not_null())
            .foreign_key(&mut references("template_packages", "template_id", "templates"))
            .foreign_key(&mut references("template_packages", "package_id", "packages"))
            .take(),
    )
    .await?;
    unique(m, "template_packages", &["template_id", "package_id"]).await?;
    m.create_index(index("template_packages", &["package_id"])).await
}

async fn metrics(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("hypervisor_metrics")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("span_s").integer().not_null())
            .col(col("at").big_integer().not_null())
            .col(col("bucket_at").big_integer().not_null())
            .col(col("cpu_centipercent").big_integer().not_null())
            .col(col("load_centi").big_integer().not_null())
            .col(col("memory_total_kib").big_integer().not_null())
            .col(col("memory_used_kib").big_integer().not_null())
            .col(col("storage_total_bytes").big_integer().not_null())
            .col(col("storage_used_bytes").big_integer().not_null())
            .col(col("network_in_bytes_s").big_integer().not_null())
            .col(col("network_out_bytes_s").big_integer().not_null())
            .foreign_key(&mut references("hypervisor_metrics", "hypervisor_id", "hypervisors"))
            .take(),
    )
    .await?;
    unique(m, "hypervisor_metrics", &["hypervisor_id", "span_s", "at"]).await?;
    m.create_index(index("hypervisor_metrics", &["span_s", "at"])).await
}
