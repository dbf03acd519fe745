//! Logins of staff by OpenID Connect: those that have begun, and who is who at the provider.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("oidc_attempts")
                .col(id())
                .col(col("uuid").uuid().not_null().unique_key())
                .col(col("state_hash").text().not_null().unique_key())
                .col(col("browser_hash").text().not_null())
                .col(col("secrets_enc").text().not_null())
                .col(col("next").text().null())
                // No foreign key: the session may end meanwhile.
                .col(col("session_id").big_integer().null())
                .col(col("expires_at").big_integer().not_null())
                .col(col("used_at").big_integer().null())
                .col(col("created_at").big_integer().not_null())
                .take(),
        )
        .await?;
        m.create_index(index("oidc_attempts", &["expires_at"])).await?;
        m.create_table(
            table("user_identities")
                .col(id())
                .col(col("user_id").big_integer().not_null())
                .col(col("issuer").text().not_null())
                .col(col("subject").text().not_null())
                .col(col("used_at").big_integer().not_null())
                .col(col("created_at").big_integer().not_null())
                .foreign_key(&mut references("user_identities", "user_id", "users"))
                .take(),
        )
        .await?;
        unique(m, "user_identities", &["issuer", "subject"]).await?;
        unique(m, "user_identities", &["user_id", "issuer"]).await
    }
}
