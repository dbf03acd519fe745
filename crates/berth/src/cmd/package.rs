//! `berth package`: the sizes that servers are sold in.

use clap::{Args, Subcommand};
use serde_json::json;

use super::change::{confirm, field, fields, nullable};
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
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        memory_mib: u64,
        #[arg(long)]
        storage_gib: u64,
        #[arg(long, default_value_t = 1)]
        cpu_cores: u32,
        /// Traffic a month in GB; 0 is unmetered
        #[arg(long, default_value_t = 0)]
        traffic_gb: u64,
        /// Packets a second in each direction; 0 is unlimited
        #[arg(long, default_value_t = 0)]
        packets_per_second: u64,
    },
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
        Command::Create { name, memory_mib, storage_gib, cpu_cores, traffic_gb, packets_per_second } => {
            let body = json!({
                "name": name,
                "memory": memory_mib,
                "primaryStorage": storage_gib,
                "cpuCores": cpu_cores,
                "traffic": traffic_gb,
                "primaryNetworkPacketsPerSecond": packets_per_second,
            });
            format.fields(&COLUMNS, &client.post("/packages", &body).await?["data"])
        }
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

fn changes(args: UpdateArgs) -> anyhow::Result<serde_json::Value> {
    let UpdateArgs {
        id: _,
        name,
        description,
        enabled,
        memory_mib,
        storage_gib,
        cpu_cores,
        traffic_gb,
        speed_in_kbs,
        speed_out_kbs,
        packets_per_second,
        disk_type,
    } = args;
    fields([
        field("name", name),
        nullable("description", description),
        field("enabled", enabled),
        field("memory", memory_mib),
        field("primaryStorage", storage_gib),
        field("cpuCores", cpu_cores),
        field("traffic", traffic_gb),
        field("primaryNetworkSpeedIn", speed_in_kbs),
        field("primaryNetworkSpeedOut", speed_out_kbs),
        field("primaryNetworkPacketsPerSecond", packets_per_second),
        field("primaryDiskType", disk_type),
    ])
}
