//! What a disk of a server is attached by, and what it was made with.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // Null is what the node chooses, and no file system.
        for column in ["bus", "cache", "io", "filesystem"] {
            let mut new = col(column).text().null().take();
            m.alter_table(Table::alter().table(Alias::new("server_disks")).add_column(&mut new).take()).await?;
        }
        Ok(())
    }
}
