//! Groups of IP blocks, which serve networks together; traffic by five minutes.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        groups(m).await?;
        rates(m).await
    }
}

async fn groups(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("ip_block_groups")
            .col(id())
            .col(col("name").text().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    unique(m, "ip_block_groups", &["name"]).await?;
    m.create_table(
        table("ip_block_group_members")
            .col(id())
            .col(col("group_id").big_integer().not_null())
            .col(col("block_id").big_integer().not_null())
            .col(col("position").integer().not_null())
            .foreign_key(&mut references("ip_block_group_members", "group_id", "ip_block_groups"))
            .foreign_key(&mut references("ip_block_group_members", "block_id", "ip_blocks"))
            .take(),
    )
    .await?;
    unique(m, "ip_block_group_members", &["group_id", "block_id"]).await?;
    m.create_index(index("ip_block_group_members", &["block_id"])).await?;
    // Without a foreign key, which SQLite can't add to a table; a group that networks name is not removed.
    add(m, "hypervisor_networks", col("ip_block_group_id").big_integer().null().take()).await?;
    m.create_index(index("hypervisor_networks", &["ip_block_group_id"])).await
}

/// The most rows of all tables of traffic: no more columns and indexes than are read. What is of an interface that is
/// gone ages away.
async fn rates(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("traffic_rates")
            .col(id())
            .col(col("interface_id").big_integer().not_null())
            .col(col("starts_at").big_integer().not_null())
            .col(col("rx_bytes").big_integer().not_null())
            .col(col("tx_bytes").big_integer().not_null())
            .take(),
    )
    .await?;
    unique(m, "traffic_rates", &["interface_id", "starts_at"]).await?;
    m.create_index(index("traffic_rates", &["starts_at"])).await
}

async fn add(m: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    m.alter_table(Table::alter().table(Alias::new(table)).add_column(column).take()).await
}
