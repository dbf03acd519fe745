//! `berth server disk`: the disks of a server.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::cmd::change::{confirm, field, fields, nullable};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct DiskArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List a server's disks; a is the primary one
    List {
        /// Id, UUID or name
        server: String,
    },
    /// Add a disk; a server that runs has it at once, as far as it can
    Add(Box<AddArgs>),
    /// Change what is named
    Change(Box<ChangeArgs>),
    /// Remove a disk with what is on it
    Remove {
        /// Id, UUID or name
        server: String,
        /// Its letter or id
        disk: String,
        /// At the next power change, not now
        #[arg(long)]
        later: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Id, UUID or name
    server: String,
    #[arg(long)]
    size_gib: i64,
    /// A storage point of its hypervisor, 0 for its own folder; by default as placement chooses
    #[arg(long)]
    storage_point: Option<i64>,
    /// ext4, xfs, btrfs or ntfs; by default none
    #[arg(long)]
    filesystem: Option<String>,
    /// qcow2 or raw
    #[arg(long)]
    format: Option<String>,
    #[command(flatten)]
    hardware: HardwareArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// At the next start, not now
    #[arg(long)]
    later: bool,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Id, UUID or name
    server: String,
    /// Its letter or id
    disk: String,
    /// Disks only grow
    #[arg(long)]
    size_gib: Option<i64>,
    #[command(flatten)]
    hardware: HardwareArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// At the next start, not now
    #[arg(long)]
    later: bool,
}

/// From the next start on; an empty value is the default.
#[derive(Debug, Args)]
struct HardwareArgs {
    /// virtio, scsi or sata
    #[arg(long)]
    bus: Option<String>,
    /// none, writethrough, writeback, directsync or unsafe
    #[arg(long)]
    cache: Option<String>,
    /// threads or native
    #[arg(long)]
    io: Option<String>,
}

/// A second; 0 is unlimited.
#[derive(Debug, Args)]
struct LimitArgs {
    #[arg(long)]
    read_iops: Option<i64>,
    #[arg(long)]
    write_iops: Option<i64>,
    #[arg(long)]
    read_bytes: Option<i64>,
    #[arg(long)]
    write_bytes: Option<i64>,
}

const COLUMNS: [Column; 8] = [
    column("ID", "id"),
    column("DRIVE", "drive"),
    column("SIZE (GiB)", "sizeGb"),
    column("FORMAT", "format"),
    column("BUS", "bus"),
    column("STORAGE", "storagePointId"),
    column("STATUS", "status"),
    column("PENDING", "pending.0.action"),
];

const FIELDS: [Column; 15] = [
    column("Id", "id"),
    column("Drive", "drive"),
    column("Size (GiB)", "sizeGb"),
    column("Format", "format"),
    column("File system", "filesystem"),
    column("Storage point", "storagePointId"),
    column("Bus", "bus"),
    column("Cache", "cache"),
    column("Input and output", "io"),
    column("Read IOPS", "qos.readIops"),
    column("Write IOPS", "qos.writeIops"),
    column("Read bytes/s", "qos.readBytes"),
    column("Write bytes/s", "qos.writeBytes"),
    column("Status", "status"),
    column("Pending", "pending.0.action"),
];

impl HardwareArgs {
    fn fields(self) -> [(&'static str, Option<Value>); 3] {
        [nullable("bus", self.bus), nullable("cache", self.cache), nullable("io", self.io)]
    }
}

impl LimitArgs {
    fn field(self) -> (&'static str, Option<Value>) {
        let Self { read_iops, write_iops, read_bytes, write_bytes } = self;
        let named = [
            field("readIops", read_iops),
            field("writeIops", write_iops),
            field("readBytes", read_bytes),
            field("writeBytes", write_bytes),
        ];
        // None that is named is no object at all.
        ("qos", fields(named).ok())
    }
}

pub async fn disk(client: &Client, format: Format, args: DiskArgs) -> anyhow::Result<()> {
    let path = async |server: &str| super::find(client, server).await.map(|id| format!("/servers/{id}/disks"));
    let printed = match args.command {
        Command::List { server } => {
            let found = client.get(&path(&server).await?).await?;
            format.rows(&COLUMNS, found["data"].as_array().map_or(&[][..], Vec::as_slice))
        }
        Command::Add(args) => {
            let AddArgs { server, size_gib, storage_point, filesystem, format: kind, hardware, limits, later } = *args;
            let named = [
                field("sizeGb", Some(size_gib)),
                field("storagePointId", storage_point),
                field("filesystem", filesystem),
                field("format", kind),
                limits.field(),
                field("apply", Some(!later)),
            ];
            let body = fields(named.into_iter().chain(hardware.fields()))?;
            format.fields(&FIELDS, &client.post(&path(&server).await?, &body).await?["data"])
        }
        Command::Change(args) => {
            let ChangeArgs { server, disk, size_gib, hardware, limits, later } = *args;
            let named = [field("sizeGb", size_gib), limits.field()];
            let mut body = fields(named.into_iter().chain(hardware.fields()))?;
            body["apply"] = json!(!later);
            format.fields(&FIELDS, &client.put(&format!("{}/{disk}", path(&server).await?), &body).await?["data"])
        }
        Command::Remove { server, disk, later, yes } => {
            confirm(&format!("disk {disk} of {server}"), yes)?;
            let body = json!({ "confirm": true, "apply": !later });
            client.call(Method::DELETE, &format!("{}/{disk}", path(&server).await?), &[], Some(&body)).await?;
            format.done("The disk is removed once the server has given it up.", &Value::Null)
        }
    };
    print!("{printed}");
    Ok(())
}
