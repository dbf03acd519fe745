//! When a session last proved who is behind it, and logins from other sites that wait for a second factor.

use sea_orm_migration::prelude::*;

use super::columns::{col, partial_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        add(m, "sessions", col("proved_at").big_integer().null().take()).await?;
        add(m, "login_tokens", col("wait_hash").text().null().take()).await?;
        add(m, "login_tokens", col("waits_until").big_integer().null().take()).await?;
        partial_index(m, true, "login_tokens", &["wait_hash"], "wait_hash IS NOT NULL").await
    }
}

async fn add(m: &SchemaManager<'_>, table: &'static str, mut column: ColumnDef) -> Result<(), DbErr> {
    m.alter_table(Table::alter().table(Alias::new(table)).add_column(&mut column).take()).await
}
