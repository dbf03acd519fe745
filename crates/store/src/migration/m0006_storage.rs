//! Storage points, and on which of them disks are.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        points(m).await?;
        // Null is the node's own folder. SQLite adds no foreign key to a table.
        let mut point = col("storage_point_id").big_integer().null().take();
        m.alter_table(Table::alter().table(Alias::new("server_disks")).add_column(&mut point).take()).await?;
        // Sums of what is given out are read off an index.
        m.create_index(index("server_disks", &["server_id", "storage_point_id", "capacity_gib"])).await?;
        m.drop_index(
            Index::drop().name("ix_server_disks_server_id_capacity_gib").table(Alias::new("server_disks")).to_owned(),
        )
        .await?;
        partial_index(m, false, "server_disks", &["storage_point_id", "capacity_gib"], "storage_point_id IS NOT NULL")
            .await
    }
}

async fn points(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("storage_points")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("is_local").boolean().not_null())
            .col(col("name").text().not_null())
            .col(col("kind").text().not_null())
            .col(col("location").text().not_null())
            .col(col("capacity_gib").big_integer().not_null())
            .col(col("alert_percent").big_integer().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("disk_format").text().not_null())
            .col(col("total_bytes").big_integer().null())
            .col(col("used_bytes").big_integer().null())
            .col(col("trouble").text().not_null())
            .col(col("reported_at").big_integer().null())
            .col(col("alerted_at").big_integer().null())
            .col(col("test_passed").boolean().null())
            .col(col("test_detail").text().not_null())
            .col(col("tested_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("storage_points", "hypervisor_id", "hypervisors"))
            .take(),
    )
    .await?;
    unique(m, "storage_points", &["hypervisor_id", "kind", "location"]).await?;
    unique(m, "storage_points", &["hypervisor_id", "name"]).await?;
    // Every node has a folder of its own.
    let local = "INSERT INTO storage_points (hypervisor_id, is_local, name, kind, location, capacity_gib, \
                 alert_percent, enabled, disk_format, trouble, test_detail, created_at, updated_at) \
                 SELECT id, TRUE, 'Local (Default mountpoint)', 'directory', '', 0, 95, TRUE, 'inherit', '', '', \
                 created_at, created_at FROM hypervisors";
    m.get_connection().execute_unprepared(local).await.map(|_| ())
}
