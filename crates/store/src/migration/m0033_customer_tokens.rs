//! Customers' own tokens, for the customer API.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("customer_tokens")
                .col(id())
                .col(col("user_id").big_integer().not_null())
                .col(col("name").text().not_null())
                .col(col("token_hash").text().not_null().unique_key())
                .col(col("scopes").json().not_null())
                .col(col("allow_list").json().not_null())
                .col(col("expires_at").big_integer().null())
                .col(col("used_at").big_integer().null())
                .col(col("created_at").big_integer().not_null())
                .foreign_key(&mut references("customer_tokens", "user_id", "users"))
                .take(),
        )
        .await?;
        m.create_index(index("customer_tokens", &["user_id"])).await
    }
}
