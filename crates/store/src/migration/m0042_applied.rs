//! What nodes said that they carried out: the generation of each server's specification that is in force.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // 0 is none: of servers that are there, the next comparison with their nodes tells.
        let applied = col("applied_generation").big_integer().not_null().default(0).take();
        m.alter_table(Table::alter().table(Alias::new("servers")).add_column(applied).take()).await
    }
}
