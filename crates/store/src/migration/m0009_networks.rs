//! Networks of nodes by name; what an interface has besides speeds: isolation, packets, bursts, queues, link, MTU;
//! processors that are used fairly; ports of nodes that lead to servers.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        networks(m).await?;
        interfaces(m).await?;
        fairness(m).await?;
        forwards(m).await?;
        let suspended = col("suspended").boolean().not_null().default(false).take();
        add(m, "traffic_states", suspended).await?;
        // A throttle stands beside the speeds now, and no longer takes their place.
        for name in ["in_average_kbs", "out_average_kbs"] {
            let mut table = Table::alter();
            m.alter_table(table.table(Alias::new("traffic_states")).drop_column(Alias::new(name)).take()).await?;
        }
        Ok(())
    }
}

async fn add(m: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    m.alter_table(Table::alter().table(Alias::new(table)).add_column(column).take()).await
}

async fn networks(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    add(m, "hypervisor_networks", col("name").text().not_null().default("").take()).await?;
    m.get_connection().execute_unprepared("UPDATE hypervisor_networks SET name = bridge").await?;
    unique(m, "hypervisor_networks", &["hypervisor_id", "bridge"]).await
}

async fn interfaces(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "server_interfaces";
    add(m, table, col("process_queues").integer().null().take()).await?;
    add(m, table, col("mtu").integer().null().take()).await?;
    add(m, table, col("port_isolated").boolean().not_null().default(false).take()).await?;
    add(m, table, col("link_up").boolean().not_null().default(true).take()).await?;
    for name in ["in_burst_kb", "out_burst_kb", "packets_s", "throttle_kbs"] {
        add(m, table, col(name).big_integer().not_null().default(0).take()).await?;
    }
    Ok(())
}

/// Without foreign keys, and with ids that are never used again: whoever removes a package need not know of it.
async fn fairness(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    add(m, "servers", col("cpu_fair_percent").integer().not_null().default(0).take()).await?;
    m.create_table(
        table("package_fairness")
            .col(col("package_id").big_integer().not_null().primary_key())
            .col(col("share_percent").integer().not_null())
            .col(col("after_minutes").integer().not_null())
            .col(col("throttle_percent").integer().not_null())
            .col(col("throttle_minutes").integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_table(
        table("cpu_fairness")
            .col(col("server_id").big_integer().not_null().primary_key())
            .col(col("over_since").big_integer().null())
            .col(col("throttled_until").big_integer().null())
            .col(col("used_percent").integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await
}

async fn forwards(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("port_forwards")
            .col(id())
            .col(col("hypervisor_id").big_integer().not_null())
            .col(col("interface_id").big_integer().not_null())
            .col(col("protocol").text().not_null())
            .col(col("public_port").integer().not_null())
            .col(col("address").big_integer().not_null())
            .col(col("port").integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("port_forwards", "hypervisor_id", "hypervisors"))
            .foreign_key(&mut references("port_forwards", "interface_id", "server_interfaces"))
            .take(),
    )
    .await?;
    m.create_index(index("port_forwards", &["interface_id"])).await?;
    unique(m, "port_forwards", &["hypervisor_id", "protocol", "public_port"]).await
}
