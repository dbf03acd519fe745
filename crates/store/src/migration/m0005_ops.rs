//! Looking after an installation: the queue by the time of its changes, self-tests of nodes, and where nodes and the
//! database differ.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_index(index("jobs", &["updated_at"])).await?;
        selftests(m).await?;
        drift(m).await
    }
}

async fn selftests(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("hypervisor_selftests")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("job_id").big_integer().not_null().unique_key())
            .col(col("passed").boolean().not_null())
            .col(col("checks").json().not_null())
            .col(col("finished_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_index(index("hypervisor_selftests", &["hypervisor_id"])).await?;
    m.create_table(
        table("storage_tests")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("passed").boolean().not_null())
            .col(col("detail").text().not_null())
            .col(col("tested_at").big_integer().not_null())
            .take(),
    )
    .await?;
    unique(m, "storage_tests", &["hypervisor_id", "kind"]).await
}

async fn drift(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("hypervisor_drifts")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("kind").text().not_null())
            .col(col("subject").text().not_null())
            .col(col("server_id").big_integer().null())
            .col(col("first_seen_at").big_integer().not_null())
            .col(col("last_seen_at").big_integer().not_null())
            .take(),
    )
    .await?;
    unique(m, "hypervisor_drifts", &["hypervisor_id", "kind", "subject"]).await?;
    m.create_table(
        table("hypervisor_comparisons")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null().unique_key())
            .col(col("compared_at").big_integer().null())
            .col(col("error").text().null())
            .col(col("tried_at").big_integer().not_null())
            .take(),
    )
    .await
}
