//! Names of addresses: the DNS servers that keep them, the zones that they are in, and the names themselves.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        services(m).await?;
        zones(m).await?;
        records(m).await
    }
}

async fn services(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("dns_services")
            .col(id())
            .col(col("uuid").uuid().not_null().unique_key())
            .col(col("name").text().not_null().unique_key())
            .col(col("url").text().not_null())
            .col(col("server_name").text().not_null())
            .col(col("api_key_enc").text().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await
}

async fn zones(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("rdns_zones")
            .col(id())
            .col(col("service_id").big_integer().not_null())
            .col(col("name").text().not_null().unique_key())
            .col(col("network").text().not_null().unique_key())
            .col(col("ttl_s").integer().not_null())
            .col(col("enabled").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("rdns_zones", "service_id", "dns_services"))
            .take(),
    )
    .await?;
    m.create_index(index("rdns_zones", &["service_id"])).await
}

async fn records(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("ptr_records")
            .col(id())
            .col(col("zone_id").big_integer().not_null())
            .col(col("server_id").big_integer().not_null())
            .col(col("address").text().not_null().unique_key())
            .col(col("ptr").text().null())
            .col(col("revision").big_integer().not_null())
            .col(col("state").text().not_null())
            .col(col("error").text().null())
            .col(col("forward_confirmed").boolean().null())
            .col(col("checked_at").big_integer().null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .foreign_key(&mut references("ptr_records", "zone_id", "rdns_zones"))
            .take(),
    )
    .await?;
    // An address is looked up by the subnet that it is in.
    m.create_index(index("ipv6_subnets", &["subnet"])).await?;
    m.create_index(index("ptr_records", &["zone_id"])).await?;
    m.create_index(index("ptr_records", &["server_id"])).await
}
