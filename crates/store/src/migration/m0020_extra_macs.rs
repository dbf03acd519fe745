//! Further MAC addresses of servers, each for addresses of its own.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ipv4_addresses", "ipv6_subnets"] {
            let mut table = Table::alter();
            m.alter_table(table.table(Alias::new(name)).add_column(col("mac").text().null().take()).take()).await?;
        }
        // An address names its MAC address; here each stands once, with the one interface that may use it.
        m.create_table(
            table("extra_macs")
                .col(id())
                .col(col("mac").text().not_null())
                .col(col("interface_id").big_integer().not_null())
                .col(col("created_at").big_integer().not_null())
                .foreign_key(&mut references("extra_macs", "interface_id", "server_interfaces"))
                .take(),
        )
        .await?;
        m.create_index(index("extra_macs", &["interface_id"])).await?;
        unique(m, "extra_macs", &["mac"]).await
    }
}
