//! IPv6 blocks whose subnets nodes lead to their guests' addresses. Those that are there lie on the link, as until now.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut routed = col("route_block").boolean().not_null().default(false).take();
        m.alter_table(Table::alter().table(Alias::new("ip_blocks")).add_column(&mut routed).take()).await
    }
}
