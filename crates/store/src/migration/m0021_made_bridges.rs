//! Networks whose bridges nodes make for the control server.

use sea_orm_migration::prelude::*;

use super::columns::col;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let made = col("made").boolean().not_null().default(false).take();
        m.alter_table(Table::alter().table(Alias::new("hypervisor_networks")).add_column(made).take()).await
    }
}
