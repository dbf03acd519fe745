//! The most packets a second that a package gives to interfaces of its servers.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let packets = col("packets_s").big_integer().not_null().default(0).take();
        m.alter_table(Table::alter().table(Alias::new("packages")).add_column(packets).take()).await
    }
}
