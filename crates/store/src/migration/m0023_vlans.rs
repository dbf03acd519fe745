//! VLANs of interfaces.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("interface_vlans")
                .col(id())
                .col(col("interface_id").big_integer().not_null())
                .col(col("vlan").integer().not_null())
                .col(col("native_mode").text().not_null())
                .col(col("trunk").boolean().not_null())
                .col(col("created_at").big_integer().not_null())
                .foreign_key(&mut references("interface_vlans", "interface_id", "server_interfaces"))
                .take(),
        )
        .await?;
        unique(m, "interface_vlans", &["interface_id", "vlan"]).await
    }
}
