//! Passkeys of people, and the challenges that browsers are to answer with them.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("passkeys")
                .col(id())
                .col(col("user_id").big_integer().not_null())
                .col(col("credential_id").text().not_null().unique_key())
                .col(col("credential").json().not_null())
                .col(col("counter").big_integer().not_null())
                .col(col("name").text().not_null())
                .col(col("used_at").big_integer().null())
                .col(col("created_at").big_integer().not_null())
                .foreign_key(&mut references("passkeys", "user_id", "users"))
                .take(),
        )
        .await?;
        m.create_index(index("passkeys", &["user_id"])).await?;
        m.create_table(
            table("passkey_challenges")
                .col(id())
                .col(col("holder_hash").text().not_null().unique_key())
                .col(col("state").json().not_null())
                .col(col("address").text().not_null())
                .col(col("expires_at").big_integer().not_null())
                .take(),
        )
        .await?;
        m.create_index(index("passkey_challenges", &["address"])).await?;
        m.create_index(index("passkey_challenges", &["expires_at"])).await
    }
}
