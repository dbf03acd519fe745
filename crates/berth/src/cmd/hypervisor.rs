//! `berth hypervisor`: nodes, and the tokens with which new ones are enrolled.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct HypervisorArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List hypervisors
    List,
    /// Show one hypervisor
    Show { id: i64 },
    /// Make a token that enrols one new hypervisor: `berth agent enrol` takes it
    Token {
        /// Group (id) that the new hypervisor joins
        #[arg(long)]
        group: i64,
    },
}

const COLUMNS: [Column; 8] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("ADDRESS", "ip"),
    column("PORT", "port"),
    column("GROUP", "group.name"),
    column("ENABLED", "enabled"),
    column("MAINTENANCE", "maintenance"),
    column("CREATED", "created"),
];

const FIELDS: [Column; 13] = [
    column("Id", "id"),
    column("Name", "name"),
    column("Address", "ip"),
    column("Port", "port"),
    column("Host name", "hostname"),
    column("Group", "group.name"),
    column("Enabled", "enabled"),
    column("Maintenance", "maintenance"),
    column("Servers at most", "maxServers"),
    column("CPU cores", "maxCpu"),
    column("Memory (MiB)", "maxMemory"),
    column("Bridge", "networks.0.bridge"),
    column("Created", "created"),
];

const TOKEN: [Column; 3] = [column("Token", "token"), column("Expires", "expires"), column("Command", "command")];

pub async fn run(args: HypervisorArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let printed = match args.command {
        Command::List => format.rows(&COLUMNS, &client.list("/compute/hypervisors", &[]).await?),
        Command::Show { id } => {
            format.fields(&FIELDS, &client.get(&format!("/compute/hypervisors/{id}")).await?["data"])
        }
        Command::Token { group } => {
            let body = json!({"groupId": group});
            format.fields(&TOKEN, &client.post("/compute/hypervisors/enrolmentTokens", &body).await?["data"])
        }
    };
    print!("{printed}");
    Ok(())
}
