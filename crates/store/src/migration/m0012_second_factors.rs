//! Second factors of logins to the panel, and the codes that stand in for one that is lost.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("second_factors")
                .col(id())
                .col(col("uuid").uuid().not_null())
                .col(col("user_id").big_integer().not_null())
                .col(col("secret_enc").text().not_null())
                .col(col("last_step").big_integer().not_null())
                .col(col("confirmed_at").big_integer().null())
                .col(col("created_at").big_integer().not_null())
                .foreign_key(&mut references("second_factors", "user_id", "users"))
                .take(),
        )
        .await?;
        unique(m, "second_factors", &["user_id"]).await?;
        m.create_table(
            table("recovery_codes")
                .col(id())
                .col(col("user_id").big_integer().not_null())
                .col(col("code_hash").text().not_null())
                .col(col("used_at").big_integer().null())
                .foreign_key(&mut references("recovery_codes", "user_id", "users"))
                .take(),
        )
        .await?;
        unique(m, "recovery_codes", &["user_id", "code_hash"]).await
    }
}
