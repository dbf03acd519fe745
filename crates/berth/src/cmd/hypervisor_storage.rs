//! `berth hypervisor storage`: where a node keeps disks.

use clap::{Args, Subcommand};
use serde_json::json;

use super::change::{confirm, field, fields};
use crate::client::Client;
use crate::output::{Column, Format, column};

#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// List a hypervisor's storage points; 0 is its own folder
    List { hypervisor: i64 },
    /// Add a storage point that the node's agent.toml lists; it takes disks after a self-test of the hypervisor
    Add(AddArgs),
    /// Change what is named
    Set(SetArgs),
    /// Forget a storage point that has no disks
    Remove {
        hypervisor: i64,
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct AddArgs {
    hypervisor: i64,
    #[arg(long)]
    name: String,
    /// directory, mountpoint, nfs, lvm-thin, zfs or ceph-rbd
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Of a directory, a mount point or an NFS mount
    #[arg(long)]
    path: Option<String>,
    /// Of LVM (group/pool), ZFS (a data set) or Ceph
    #[arg(long)]
    pool: Option<String>,
    /// GiB that may be given out; 0 is unlimited
    #[arg(long)]
    capacity_gib: Option<i64>,
    /// Percent in use from where on it takes no new disks; 0 is never
    #[arg(long)]
    alert_percent: Option<i64>,
    #[arg(long)]
    enabled: Option<bool>,
    /// Of new disks: inherit, qcow2 or raw
    #[arg(long)]
    disk_type: Option<String>,
}

#[derive(Debug, Args)]
pub struct SetArgs {
    hypervisor: i64,
    /// 0 is the hypervisor's own folder
    id: i64,
    #[arg(long)]
    name: Option<String>,
    /// GiB that may be given out; 0 is unlimited
    #[arg(long)]
    capacity_gib: Option<i64>,
    /// Percent in use from where on it takes no new disks; 0 is never
    #[arg(long)]
    alert_percent: Option<i64>,
    #[arg(long)]
    enabled: Option<bool>,
    /// Of new disks: inherit, qcow2 or raw
    #[arg(long)]
    disk_type: Option<String>,
}

const COLUMNS: [Column; 10] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("TYPE", "type"),
    column("PATH", "path"),
    column("POOL", "pool"),
    column("ENABLED", "enabled"),
    column("MAX (GiB)", "max"),
    column("ALLOCATED", "allocated"),
    column("USED (%)", "usage.percent"),
    column("TESTED", "selftest.passed"),
];

const FIELDS: [Column; 16] = [
    column("Id", "id"),
    column("Name", "name"),
    column("Type", "type"),
    column("Profile", "storageType"),
    column("Path", "path"),
    column("Pool", "pool"),
    column("Enabled", "enabled"),
    column("Capacity (GiB)", "capacity"),
    column("With over-commit", "max"),
    column("Allocated (GiB)", "allocated"),
    column("Alert at (%)", "alertPercent"),
    column("Above it since", "alerted"),
    column("Disk type", "diskType"),
    column("Used (%)", "usage.percent"),
    column("Trouble", "trouble"),
    column("Self-test passed", "selftest.passed"),
];

fn path(hypervisor: i64) -> String {
    format!("/compute/hypervisors/{hypervisor}/storage")
}

/// What is printed.
pub async fn run(client: &Client, format: Format, command: StorageCommand) -> anyhow::Result<String> {
    Ok(match command {
        StorageCommand::List { hypervisor } => {
            let found = client.get(&path(hypervisor)).await?;
            format.rows(&COLUMNS, found["data"].as_array().map_or(&[][..], Vec::as_slice))
        }
        StorageCommand::Add(args) => {
            let AddArgs { hypervisor, name, kind, path: folder, pool, capacity_gib, alert_percent, enabled, disk_type } =
                args;
            let body = fields([
                field("name", Some(name)),
                field("type", Some(kind)),
                field("path", folder),
                field("pool", pool),
                field("capacity", capacity_gib),
                field("alertPercent", alert_percent),
                field("enabled", enabled),
                field("diskType", disk_type),
            ])?;
            format.fields(&FIELDS, &client.post(&path(hypervisor), &body).await?["data"])
        }
        StorageCommand::Set(args) => {
            let SetArgs { hypervisor, id, name, capacity_gib, alert_percent, enabled, disk_type } = args;
            let body = fields([
                field("name", name),
                field("capacity", capacity_gib),
                field("alertPercent", alert_percent),
                field("enabled", enabled),
                field("diskType", disk_type),
            ])?;
            format.fields(&FIELDS, &client.put(&format!("{}/{id}", path(hypervisor)), &body).await?["data"])
        }
        StorageCommand::Remove { hypervisor, id, yes } => {
            confirm(&format!("storage point {id} of hypervisor {hypervisor}"), yes)?;
            client.delete(&format!("{}/{id}", path(hypervisor)), &[]).await?;
            format.done("The storage point is removed; what is on the node is left as it is.", &json!({"id": id}))
        }
    })
}
