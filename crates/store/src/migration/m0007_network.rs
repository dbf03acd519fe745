//! Addresses: how long each has been free, and who held it when; what filters let through besides; firewalls;
//! traffic.

use sea_orm_migration::prelude::*;

use super::columns::{col, id, index, partial_index, references, table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        rest(m).await?;
        history(m).await?;
        whitelist(m).await?;
        firewall(m).await?;
        traffic(m).await
    }
}

/// The next address is the one that has been free for the longest, found in an index whatever the block's size.
async fn rest(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    for table in ["ipv4_addresses", "ipv6_subnets"] {
        let column = col("free_since").big_integer().not_null().default(0).take();
        m.alter_table(Table::alter().table(Alias::new(table)).add_column(column).take()).await?;
    }
    drop_index(m, "ipv4_addresses", "ixp_ipv4_addresses_block_id_address").await?;
    let free = "interface_id IS NULL AND NOT reserved";
    partial_index(m, false, "ipv4_addresses", &["block_id", "free_since", "address"], free).await?;
    // What a block holds, in order.
    m.create_index(index("ipv4_addresses", &["block_id", "address"])).await?;
    drop_index(m, "ipv6_subnets", "ixp_ipv6_subnets_block_id_subnet_index").await?;
    partial_index(m, false, "ipv6_subnets", &["block_id", "free_since", "subnet_index"], "interface_id IS NULL").await
}

async fn drop_index(m: &SchemaManager<'_>, table: &str, name: &str) -> Result<(), DbErr> {
    m.drop_index(Index::drop().name(name).table(Alias::new(table)).to_owned()).await
}

/// Without foreign keys: it outlives servers, users and blocks.
async fn history(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("address_history")
            .col(id())
            .col(col("ipv4").big_integer().null())
            .col(col("ipv6").text().null())
            .col(col("prefix_len").integer().not_null())
            .col(col("server_id").big_integer().not_null())
            .col(col("server_uuid").uuid().not_null())
            .col(col("user_id").big_integer().not_null())
            .col(col("interface_id").big_integer().not_null())
            .col(col("assigned_at").big_integer().not_null())
            .col(col("released_at").big_integer().null())
            .take(),
    )
    .await?;
    m.create_index(index("address_history", &["ipv4", "assigned_at"])).await?;
    m.create_index(index("address_history", &["ipv6", "assigned_at"])).await?;
    partial_index(m, false, "address_history", &["interface_id"], "released_at IS NULL").await
}

async fn whitelist(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("ip_whitelist")
            .col(id())
            .col(col("interface_id").big_integer().not_null())
            .col(col("family").integer().not_null())
            .col(col("address").text().not_null())
            .col(col("prefix_len").integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("ip_whitelist", "interface_id", "server_interfaces"))
            .take(),
    )
    .await?;
    unique(m, "ip_whitelist", &["interface_id", "address", "prefix_len"]).await
}

async fn firewall(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    for name in ["firewall_enabled", "quarantined"] {
        let column = col(name).boolean().not_null().default(false).take();
        m.alter_table(Table::alter().table(Alias::new("server_interfaces")).add_column(column).take()).await?;
    }
    m.create_table(
        table("firewall_rulesets")
            .col(id())
            .col(col("name").text().not_null().unique_key())
            .col(col("description").text().not_null())
            .col(col("is_default").boolean().not_null())
            .col(col("created_at").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_table(
        table("firewall_rules")
            .col(id())
            .col(col("ruleset_id").big_integer().null())
            .col(col("interface_id").big_integer().null())
            .col(col("priority").integer().not_null())
            .col(col("inbound").boolean().not_null())
            .col(col("accept").boolean().not_null())
            .col(col("family").integer().not_null())
            .col(col("protocol").integer().not_null())
            .col(col("source").text().not_null())
            .col(col("destination").text().not_null())
            .col(col("source_ports").text().not_null())
            .col(col("destination_ports").text().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("firewall_rules", "ruleset_id", "firewall_rulesets"))
            .foreign_key(&mut references("firewall_rules", "interface_id", "server_interfaces"))
            .take(),
    )
    .await?;
    m.create_index(index("firewall_rules", &["ruleset_id"])).await?;
    m.create_index(index("firewall_rules", &["interface_id"])).await?;
    // Without a foreign key, and with ids that are never used again: whoever removes a package need not know of it.
    m.create_table(
        table("package_firewalls")
            .col(id())
            .col(col("package_id").big_integer().not_null().unique_key())
            .col(col("rulesets").json().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    outbound_mail_is_closed(m).await
}

/// What every hoster wants until a customer has shown otherwise; staff changes it as it likes.
async fn outbound_mail_is_closed(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = m.get_connection();
    db.execute_unprepared(
        "INSERT INTO firewall_rulesets (name, description, is_default, created_at, updated_at) VALUES \
         ('Outbound mail closed', 'TCP port 25 to the outside is closed.', TRUE, 0, 0)",
    )
    .await?;
    for family in [4, 6] {
        db.execute_unprepared(&format!(
            "INSERT INTO firewall_rules (ruleset_id, priority, inbound, accept, family, protocol, source, destination, \
             source_ports, destination_ports, created_at) SELECT id, 100, FALSE, FALSE, {family}, 6, '', '', '', '25', 0 \
             FROM firewall_rulesets WHERE name = 'Outbound mail closed'"
        ))
        .await?;
    }
    Ok(())
}

/// Days begin at midnight UTC, as periods do: a period is the sum of its days.
async fn traffic(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        table("traffic_counters")
            .col(col("interface_id").big_integer().not_null().primary_key())
            .col(col("epoch").text().not_null())
            .col(col("rx_bytes").big_integer().not_null())
            .col(col("tx_bytes").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    for name in ["traffic_days", "traffic_hours"] {
        m.create_table(
            table(name)
                .col(id())
                .col(col("server_id").big_integer().not_null())
                .col(col("interface_id").big_integer().not_null())
                .col(col("starts_at").big_integer().not_null())
                .col(col("rx_bytes").big_integer().not_null())
                .col(col("tx_bytes").big_integer().not_null())
                .take(),
        )
        .await?;
        unique(m, name, &["interface_id", "starts_at"]).await?;
        m.create_index(index(name, &["server_id", "starts_at"])).await?;
        m.create_index(index(name, &["starts_at"])).await?;
    }
    m.create_table(
        table("traffic_blocks")
            .col(id())
            .col(col("server_id").big_integer().not_null())
            .col(col("month").integer().not_null())
            .col(col("traffic_gb").big_integer().not_null())
            .col(col("created_at").big_integer().not_null())
            .foreign_key(&mut references("traffic_blocks", "server_id", "servers"))
            .take(),
    )
    .await?;
    m.create_index(index("traffic_blocks", &["server_id"])).await?;
    m.create_table(
        table("package_traffic")
            .col(col("package_id").big_integer().not_null().primary_key())
            .col(col("policy").text().not_null())
            .col(col("throttle_kbs").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await?;
    m.create_table(
        table("traffic_states")
            .col(col("server_id").big_integer().not_null().primary_key())
            .col(col("month").integer().not_null())
            .col(col("noticed").integer().not_null())
            .col(col("throttled").boolean().not_null())
            .col(col("in_average_kbs").big_integer().not_null())
            .col(col("out_average_kbs").big_integer().not_null())
            .col(col("updated_at").big_integer().not_null())
            .take(),
    )
    .await
}
