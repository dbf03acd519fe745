//! The cache mode of disks that inherit it, by node.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let cache = col("default_disk_cache_type").text().not_null().default("inherit").take();
        m.alter_table(Table::alter().table(Alias::new("hypervisors")).add_column(cache).take()).await
    }
}
