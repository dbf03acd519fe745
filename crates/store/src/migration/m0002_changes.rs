//! Changing servers: what a suspended one did before, and which changes a running guest still waits for.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for (table, mut column) in [
            ("servers", col("ran_when_suspended").boolean().not_null().default(false).take()),
            ("pending_actions", col("waits_for").text().not_null().default("").take()),
            ("pending_actions", col("generation").big_integer().not_null().default(0).take()),
        ] {
            m.alter_table(Table::alter().table(Alias::new(table)).add_column(&mut column).take()).await?;
        }
        Ok(())
    }
}
