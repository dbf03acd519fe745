//! Migrations, in order. They run at start, expand first, and drop only what the release before no longer reads.

mod columns;
mod m0001_first;
mod m0002_changes;
mod m0003_inventory;
mod m0004_media;
mod m0005_ops;
mod m0006_storage;
mod m0007_network;
mod m0008_reverse_dns;
mod m0009_networks;
mod m0010_plans;
mod m0011_sessions;
mod m0012_second_factors;
mod m0013_disks;
mod m0014_self_service;
mod m0020_extra_macs;
mod m0021_made_bridges;
mod m0022_dhcp;
mod m0023_vlans;
mod m0030_mail;
mod m0031_roles;
mod m0032_shares;
mod m0033_customer_tokens;
mod m0034_proofs;
mod m0035_passkeys;
mod m0036_oidc;
mod m0038_package_packets;
mod m0039_disk_caches;
mod m0040_nodes;
mod m0041_network;
mod m0042_applied;
mod m0043_language;
mod m0044_routed_blocks;
mod m0045_final_months;

use sea_orm_migration::prelude::*;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_changes::Migration),
            Box::new(m0003_inventory::Migration),
            Box::new(m0004_media::Migration),
            Box::new(m0005_ops::Migration),
            Box::new(m0006_storage::Migration),
            Box::new(m0007_network::Migration),
            Box::new(m0008_reverse_dns::Migration),
            Box::new(m0009_networks::Migration),
            Box::new(m0010_plans::Migration),
            Box::new(m0011_sessions::Migration),
            Box::new(m0012_second_factors::Migration),
            Box::new(m0013_disks::Migration),
            Box::new(m0014_self_service::Migration),
            Box::new(m0020_extra_macs::Migration),
            Box::new(m0021_made_bridges::Migration),
            Box::new(m0022_dhcp::Migration),
            Box::new(m0023_vlans::Migration),
            Box::new(m0030_mail::Migration),
            Box::new(m0031_roles::Migration),
            Box::new(m0032_shares::Migration),
            Box::new(m0033_customer_tokens::Migration),
            Box::new(m0034_proofs::Migration),
            Box::new(m0035_passkeys::Migration),
            Box::new(m0036_oidc::Migration),
            Box::new(m0038_package_packets::Migration),
            Box::new(m0039_disk_caches::Migration),
            Box::new(m0040_nodes::Migration),
            Box::new(m0041_network::Migration),
            Box::new(m0042_applied::Migration),
            Box::new(m0043_language::Migration),
            Box::new(m0044_routed_blocks::Migration),
            Box::new(m0045_final_months::Migration),
        ]
    }
}
