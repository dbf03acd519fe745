//! The language in which people are written to and shown the panel. Who is there already reads English, as until now.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut language = col("language").text().not_null().default("en").take();
        m.alter_table(Table::alter().table(Alias::new("users")).add_column(&mut language).take()).await
    }
}
