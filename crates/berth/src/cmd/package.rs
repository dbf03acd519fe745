//! `berth package`: the sizes that servers are sold in.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change::{Field, confirm, field, fields, nullable};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct PackageArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List packages
    List,
    /// Create a package
    Create(Box<CreateArgs>),
    /// Change what is named; servers that exist keep what they have
    Update(Box<UpdateArgs>),
    /// Remove a package that no server is of
    Remove {
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct CreateArgs {
    #[arg(long)]
    name: String,
    #[arg(long)]
    description: Option<String>,
    #[arg(long)]
    memory_mib: u64,
    #[arg(long)]
    storage_gib: u64,
    #[arg(long, default_value_t = 1)]
    cpu_cores: u32,
    /// Do not sell it yet
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    more: More,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    id: i64,
    #[arg(long)]
    name: Option<String>,
    /// An empty one is taken away
    #[arg(long)]
    description: Option<String>,
    /// Whether it is sold
    #[arg(long)]
    enabled: Option<bool>,
    #[arg(long)]
    memory_mib: Option<u64>,
    #[arg(long)]
    storage_gib: Option<u64>,
    #[arg(long)]
    cpu_cores: Option<u32>,
    #[command(flatten)]
    more: More,
}

/// What a package need not have.
#[derive(Debug, Args)]
struct More {
    /// Traffic a month in GB; 0 is unmetered
    #[arg(long)]
    traffic_gb: Option<u64>,
    /// kB/s towards the server; 0 is unlimited
    #[arg(long)]
    speed_in_kbs: Option<u64>,
    /// kB/s from the server; 0 is unlimited
    #[arg(long)]
    speed_out_kbs: Option<u64>,
    /// Packets a second in each direction; 0 is unlimited
    #[arg(long)]
    packets_per_second: Option<u64>,
    /// inherit, qcow2 or raw
    #[arg(long)]
    disk_type: Option<String>,
    /// Bytes a second that are read of the primary disk; 0 is unlimited, as with the three below
    #[arg(long)]
    read_bytes_s: Option<u64>,
    /// Bytes a second that are written to it
    #[arg(long)]
    write_bytes_s: Option<u64>,
    /// Reads a second
    #[arg(long)]
    read_iops: Option<u64>,
    /// Writes a second
    #[arg(long)]
    write_iops: Option<u64>,
    /// Kind of storage (code) of the primary disk; 0 is any
    #[arg(long)]
    storage_profile: Option<i32>,
    /// Networks whose IP blocks have this profile; 0 is any
    #[arg(long)]
    network_profile: Option<i32>,
    /// Backup plan (id); 0 is none
    #[arg(long)]
    backup_plan: Option<i64>,
}

impl More {
    fn fields(self) -> [Field; 12] {
        let More {
            traffic_gb,
            speed_in_kbs,
            speed_out_kbs,
            packets_per_second,
            disk_type,
            read_bytes_s,
            write_bytes_s,
            read_iops,
            write_iops,
            storage_profile,
            network_profile,
            backup_plan,
        } = self;
        // The API says null for what has no limit.
        let limit = |name: &'static str, value: Option<u64>| {
            (name, value.map(|value| if value == 0 { Value::Null } else { Value::from(value) }))
        };
        [
            field("traffic", traffic_gb),
            field("primaryNetworkSpeedIn", speed_in_kbs),
            field("primaryNetworkSpeedOut", speed_out_kbs),
            field("primaryNetworkPacketsPerSecond", packets_per_second),
            field("primaryDiskType", disk_type),
            limit("primaryStorageReadBytesSec", read_bytes_s),
            limit("primaryStorageWriteBytesSec", write_bytes_s),
            limit("primaryStorageReadIopsSec", read_iops),
            limit("primaryStorageWriteIopsSec", write_iops),
            field("primaryStorageProfile", storage_profile),
            field("primaryNetworkProfile", network_profile),
            field("backupPlanId", backup_plan),
        ]
    }
}

const COLUMNS: [Column; 7] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("CPU CORES", "cpuCores"),
    column("MEMORY (MiB)", "memory"),
    column("DISK (GiB)", "primaryStorage"),
    column("TRAFFIC (GB)", "traffic"),
    column("ENABLED", "enabled"),
];

pub async fn run(args: PackageArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::List => format.rows(&COLUMNS, &client.list("/packages", &[]).await?),
        Command::Create(args) => format.fields(&COLUMNS, &client.post("/packages", &order(*args)?).await?["data"]),
        Command::Update(args) => {
            let path = format!("/packages/{}", args.id);
            format.fields(&COLUMNS, &client.put(&path, &changes(*args)?).await?["data"])
        }
        Command::Remove { id, yes } => {
            confirm(&format!("package {id}"), yes)?;
            client.remove(&format!("/packages/{id}")).await?;
            format.done("The package is removed.", &json!({"id": id}))
        }
    };
    print!("{printed}");
    Ok(())
}

fn order(args: CreateArgs) -> anyhow::Result<Value> {
    let CreateArgs { name, description, memory_mib, storage_gib, cpu_cores, disabled, more } = args;
    let own = [
        field("name", Some(name)),
        field("description", description),
        field("memory", Some(memory_mib)),
        field("primaryStorage", Some(storage_gib)),
        field("cpuCores", Some(cpu_cores)),
        field("enabled", Some(!disabled)),
    ];
    fields(own.into_iter().chain(more.fields()))
}

fn changes(args: UpdateArgs) -> anyhow::Result<Value> {
    let UpdateArgs { id: _, name, description, enabled, memory_mib, storage_gib, cpu_cores, more } = args;
    let own = [
        field("name", name),
        nullable("description", description),
        field("enabled", enabled),
        field("memory", memory_mib),
        field("primaryStorage", storage_gib),
        field("cpuCores", cpu_cores),
    ];
    fields(own.into_iter().chain(more.fields()))
}
