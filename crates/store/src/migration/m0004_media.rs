//! ISO images, the disc in a server's drive, and an administrator's own XML, virtual hardware.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("isos")
                .col(id())
                .col(col("uuid").uuid().not_null().unique_key())
                .col(col("name").text().not_null())
                .col(col("description").text().null())
                .col(col("arch").integer().not_null())
                .col(col("url").text().null())
                .col(col("filename").text().not_null())
                .col(col("enabled").boolean().not_null())
                .col(col("global").boolean().not_null())
                .col(col("users").json().not_null())
                .col(col("in_library").boolean().not_null())
                .col(col("digest").text().not_null())
                .col(col("size_bytes").big_integer().not_null())
                .col(col("created_at").big_integer().not_null())
                .col(col("updated_at").big_integer().not_null())
                .take(),
        )
        .await?;
        m.create_index(index("isos", &["in_library", "id"])).await?;
        // One column a statement: SQLite takes no more, and no foreign key to a table either.
        for mut column in [
            col("iso_id").big_integer().null().take(),
            col("iso_hypervisor_id").big_integer().null().take(),
            col("custom_xml").json().not_null().default("{}").take(),
            col("machine_type").text().not_null().default("inherit").take(),
            col("tpm_type").integer().not_null().default(0).take(),
        ] {
            m.alter_table(Table::alter().table(Alias::new("servers")).add_column(&mut column).take()).await?;
        }
        m.create_index(index("servers", &["iso_id"])).await
    }
}
