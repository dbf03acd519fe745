//! `berth group`: groups of hypervisors, among which a new server is placed.

use clap::{Args, Subcommand};

use crate::client::{Client, ProfileArgs};
use crate::output::{Column, Format, column};

#[derive(Debug, Args)]
pub struct GroupArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List hypervisor groups
    List,
}

const COLUMNS: [Column; 5] = [
    column("ID", "id"),
    column("NAME", "name"),
    column("DESCRIPTION", "description"),
    column("ENABLED", "enabled"),
    column("DEFAULT", "default"),
];

pub async fn run(args: GroupArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let Command::List = args.command;
    let rows = client.list("/compute/hypervisors/groups", &[]).await?;
    print!("{}", Format::of(args.profile.json).rows(&COLUMNS, &rows));
    Ok(())
}
