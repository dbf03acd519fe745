//! People who are logged in to the panel, one-time logins from other sites, and logins that failed.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        sessions(m).await?;
        login_tokens(m).await?;
        login_failures(m).await
    }
}

async fn sessions(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("sessions")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("token_hash").text().not_null().unique_key())
            .col(col("csrf").text().not_null())
            .col(col("address").text().null())
            .col(col("user_agent").text().not_null())
            .col(col("expires_at").big_integer().not_null())
            .col(col("seen_at").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("sessions", "user_id", "users"))
            .take(),
    )
    .await?;
    m.create_index(index("sessions", &["user_id"])).await?;
    m.create_index(index("sessions", &["expires_at"])).await
}

async fn login_tokens(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("login_tokens")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("server_id").big_integer().null())
            .col(col("first_hash").text().not_null().unique_key())
            .col(col("second_hash").text().not_null())
            .col(col("expires_at").big_integer().not_null())
            .col(col("used_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("login_tokens", "user_id", "users"))
            .take(),
    )
    .await?;
    m.create_index(index("login_tokens", &["user_id"])).await?;
    m.create_index(index("login_tokens", &["expires_at"])).await
}

async fn login_failures(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("login_failures")
            .col(id())
            .col(col("account").text().not_null())
            .col(col("address").text().not_null())
            .col(col("at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_index(index("login_failures", &["account", "at"])).await?;
    m.create_index(index("login_failures", &["address", "at"])).await?;
    m.create_index(index("login_failures", &["at"])).await
}
