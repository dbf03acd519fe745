//! Up to where the ledger is final. The row is there from the beginning, so that whoever books can lock it; 0 is 1970:
//! the meter's next run says which months are final.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let sql = "INSERT INTO settings (name, value, updated_at) VALUES ('ledger_final_until', '0', 0)";
        m.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
