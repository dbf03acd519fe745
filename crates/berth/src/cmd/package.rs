//! `berth package`: the sizes that servers are sold in.

use clap::{Args, Subcommand};
use serde_json::json;

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
    },
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
        Command::Create { name, memory_mib, storage_gib, cpu_cores, traffic_gb } => {
            let body = json!({
                "name": name,
                "memory": memory_mib,
                "primaryStorage": storage_gib,
                "cpuCores": cpu_cores,
                "traffic": traffic_gb,
            });
            format.fields(&COLUMNS, &client.post("/packages", &body).await?["data"])
        }
    };
    print!("{printed}");
    Ok(())
}
