//! Plans by which servers are to be backed up; what a server was built from, which its template may no longer have.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, partial_index, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            table("backup_plans")
                .col(id())
                .col(col("name").text().not_null().unique_key())
                .col(col("days").json().not_null())
                .col(col("minute").integer().not_null())
                .col(col("keep").integer().not_null())
                .col(col("created_at").big_integer().not_null())
                .col(col("updated_at").big_integer().not_null())
                .take(),
        )
        .await?;
        // Few servers have one.
        partial_index(m, false, "servers", &["backup_plan_id"], "backup_plan_id IS NOT NULL").await?;
        origins(m).await
    }
}

/// Until now a server's template said it.
async fn origins(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    for column in ["image_digest", "os_type"] {
        let mut new = col(column).text().not_null().default("").take();
        m.alter_table(Table::alter().table(Alias::new("servers")).add_column(&mut new).take()).await?;
        let sql = format!(
            "UPDATE servers SET {column} = (SELECT t.{column} FROM templates t WHERE t.id = servers.template_id) \
             WHERE template_id IS NOT NULL"
        );
        m.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}
