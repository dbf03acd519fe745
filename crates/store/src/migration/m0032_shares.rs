//! Servers that are shared with other users, and whose console a token opens.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // An invitation names an address; whose it is stands there once it is accepted.
        m.create_table(
            table("server_shares")
                .col(id())
                .col(col("server_id").big_integer().not_null())
                .col(col("email").text().not_null())
                .col(col("email_key").text().not_null())
                .col(col("guest_id").big_integer().null())
                .col(col("rights").json().not_null())
                .col(col("expires_at").big_integer().not_null())
                .col(col("accepted_at").big_integer().null())
                .col(col("created_at").big_integer().not_null())
                .col(col("updated_at").big_integer().not_null())
                .foreign_key(&mut references("server_shares", "server_id", "servers"))
                .foreign_key(&mut references("server_shares", "guest_id", "users"))
                .take(),
        )
        .await?;
        unique(m, "server_shares", &["server_id", "email_key"]).await?;
        partial_index(m, true, "server_shares", &["server_id", "guest_id"], "guest_id IS NOT NULL").await?;
        m.create_index(index("server_shares", &["guest_id"])).await?;
        m.create_index(index("server_shares", &["email_key"])).await?;
        let mut tokens = Table::alter();
        let viewer = col("user_id").big_integer().null().take();
        m.alter_table(tokens.table(Alias::new("console_tokens")).add_column(viewer).take()).await
    }
}
