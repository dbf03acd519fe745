//! Addresses that guests are told by DHCP: of which blocks, and on which interfaces.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for (table, name, default) in [
            ("ip_blocks", "dhcp", true),
            ("server_interfaces", "dhcp_v4", false),
            ("server_interfaces", "dhcp_v6", false),
        ] {
            let column = col(name).boolean().not_null().default(default).take();
            m.alter_table(Table::alter().table(Alias::new(table)).add_column(column).take()).await?;
        }
        Ok(())
    }
}
