//! `berth network`: networks of hypervisors, which servers' interfaces are attached to.

use clap::{Args, Subcommand};

use super::change::{confirm, field, fields, nullable};
use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct NetworkArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the networks of a hypervisor
    List { hypervisor: i64 },
    /// Make a bridge that the hypervisor's agent lists a network
    Create {
        hypervisor: i64,
        #[arg(long)]
        name: String,
        #[arg(long)]
        bridge: String,
        /// simpleBridge, lvNatv1 where the hypervisor translates addresses, lvNetwork where it routes to single ones,
        /// or lvBridgeOVS of Open vSwitch
        #[arg(long = "type")]
        kind: Option<String>,
        /// By default the bridge's
        #[arg(long)]
        mtu: Option<i64>,
        /// Its blocks give addresses after those that are bound to the network
        #[arg(long)]
        ip_block_group: Option<i64>,
    },
    /// Change what is named
    Update {
        hypervisor: i64,
        id: i64,
        #[arg(long)]
        name: Option<String>,
        /// Another bridge, while no interface is attached
        #[arg(long)]
        bridge: Option<String>,
        #[arg(long = "type")]
        kind: Option<String>,
        /// An empty value is the bridge's
        #[arg(long)]
        mtu: Option<String>,
        /// An empty value takes the group away
        #[arg(long)]
        ip_block_group: Option<String>,
        /// New servers are attached to it
        #[arg(long)]
        default: bool,
    },
    /// Remove a network that nothing is attached to
    Remove {
        hypervisor: i64,
        id: i64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 7] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("TYPE", "type"),
    column("BRIDGE", "bridge"),
    column("MTU", "mtu"),
    column("PRIMARY", "primary"),
    column("DEFAULT", "default"),
];

const FIELDS: [Column; 8] = [
    column("Id", "id"),
    column("Name", "name"),
    column("Type", "type"),
    column("Bridge", "bridge"),
    column("MTU", "mtu"),
    column("Primary", "primary"),
    column("Default", "default"),
    column("IP block group", "ipBlockGroupId"),
];

pub async fn run(args: NetworkArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    let path = |hypervisor: i64| format!("/compute/hypervisors/{hypervisor}/networks");
    let printed = match args.command {
        Command::List { hypervisor } => format.rows(&COLUMNS, &client.list(&path(hypervisor), &[]).await?),
        Command::Create { hypervisor, name, bridge, kind, mtu, ip_block_group } => {
            let named = [field("name", Some(name)), field("bridge", Some(bridge)), field("type", kind)];
            let numbers = [field("mtu", mtu), field("ipBlockGroupId", ip_block_group)];
            let body = fields(named.into_iter().chain(numbers))?;
            format.fields(&FIELDS, &client.post(&path(hypervisor), &body).await?["data"])
        }
        Command::Update { hypervisor, id, name, bridge, kind, mtu, ip_block_group, default } => {
            let body = fields([
                field("name", name),
                field("bridge", bridge),
                field("type", kind),
                nullable("mtu", mtu),
                nullable("ipBlockGroupId", ip_block_group),
                field("default", default.then_some(true)),
            ])?;
            format.fields(&FIELDS, &client.put(&format!("{}/{id}", path(hypervisor)), &body).await?["data"])
        }
        Command::Remove { hypervisor, id, yes } => {
            confirm(&format!("network {id}"), yes)?;
            client.remove(&format!("{}/{id}", path(hypervisor))).await?;
            format.done("The network is removed.", &serde_json::json!({"id": id}))
        }
    };
    print!("{printed}");
    Ok(())
}
