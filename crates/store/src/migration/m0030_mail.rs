//! Mail that is to be sent, and links by which a forgotten password is set anew.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        mails(m).await?;
        password_links(m).await
    }
}

async fn mails(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("mails")
            .col(id())
            .col(col("uuid").uuid().not_null())
            .col(col("user_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("recipient").text().not_null())
            .col(col("subject").text().not_null())
            .col(col("body_enc").text().null())
            .col(col("attempts").integer().not_null())
            .col(col("due_at").big_integer().null())
            .col(col("sent_at").big_integer().null())
            .col(col("error").text().null())
            .col(col("created_at").big_integer().not_null())
            .take(),
    )
    .await?;
    partial_index(m, false, "mails", &["due_at"], "due_at IS NOT NULL").await?;
    m.create_index(index("mails", &["created_at"])).await
}

async fn password_links(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("password_links")
            .col(id())
            .col(col("user_id").big_integer().not_null())
            .col(col("token_hash").text().not_null().unique_key())
            .col(col("expires_at").big_integer().not_null())
            .col(col("used_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("password_links", "user_id", "users"))
            .take(),
    )
    .await?;
    m.create_index(index("password_links", &["user_id"])).await?;
    m.create_index(index("password_links", &["expires_at"])).await
}
