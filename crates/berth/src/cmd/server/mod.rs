//! `berth server`: virtual servers, over the same API that billing modules use.

mod build;
mod change;
mod console;
mod create;
mod disk;
mod iso;
mod list;
mod power;
mod ssh;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::{Client, ClientError, ProfileArgs};
use crate::output::Format;

#[derive(Debug, Args)]
pub struct ServerArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List servers
    List(list::ListArgs),
    /// Show one server
    Show(list::ShowArgs),
    /// Create a server; `build` then installs an operating system on it
    Create(create::CreateArgs),
    /// Install an operating system, erasing what was there
    Build(build::BuildArgs),
    /// Boot, shut down, restart or power off
    Power(power::PowerArgs),
    /// Give a server another name
    Rename(change::RenameArgs),
    /// Change memory, CPU cores and the size of a disk
    Resize(change::ResizeArgs),
    /// Take processor time from a server
    Throttle(change::ThrottleArgs),
    /// Make a server another package's
    Package(change::PackageArgs),
    /// Give a server to another user
    Owner(change::OwnerArgs),
    /// Refuse rebuilds and deletion, or no longer
    Protect(change::ProtectArgs),
    /// Power a server off and lock it
    Suspend(change::SuspendArgs),
    /// End that; what ran before boots again
    Unsuspend(change::SuspendArgs),
    /// The server's disks
    Disk(disk::DiskArgs),
    /// The disc in the server's drive
    Iso(iso::ServerIsoArgs),
    /// Delete a server with its disks
    Delete(power::DeleteArgs),
    /// Log in by SSH
    Ssh(ssh::SshArgs),
    /// Attach this terminal to the server's serial console
    Console(console::ConsoleArgs),
}

pub async fn run(args: ServerArgs) -> anyhow::Result<()> {
    let client = Client::from_args(&args.profile)?;
    let format = Format::of(args.profile.json);
    match args.command {
        Command::List(args) => list::list(&client, format, &args).await,
        Command::Show(args) => list::show(&client, format, &args).await,
        Command::Create(args) => create::create(&client, format, &args).await,
        Command::Build(args) => build::build(&client, format, &args).await,
        Command::Power(args) => power::power(&client, format, &args).await,
        Command::Rename(args) => change::rename(&client, format, &args).await,
        Command::Resize(args) => change::resize(&client, format, &args).await,
        Command::Throttle(args) => change::throttle(&client, format, &args).await,
        Command::Package(args) => change::package(&client, format, &args).await,
        Command::Owner(args) => change::owner(&client, format, &args).await,
        Command::Protect(args) => change::protect(&client, format, &args).await,
        Command::Suspend(args) => change::suspend(&client, format, &args, true).await,
        Command::Unsuspend(args) => change::suspend(&client, format, &args, false).await,
        Command::Disk(args) => disk::disk(&client, format, args).await,
        Command::Iso(args) => iso::iso(&client, format, &args).await,
        Command::Delete(args) => power::delete(&client, format, &args).await,
        Command::Ssh(args) => ssh::ssh(&client, args).await,
        Command::Console(args) => console::console(&client, &args).await,
    }
}

/// A server by id, UUID or name. A name that several servers have is refused.
async fn find(client: &Client, reference: &str) -> Result<i64, ClientError> {
    if let Ok(id) = reference.parse() {
        return Ok(id);
    }
    let rows = client.list("/servers", &[]).await?;
    let mut ids = rows.iter().filter(|s| s["uuid"] == reference || s["name"] == reference).map(|s| s["id"].as_i64());
    match (ids.next().flatten(), ids.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => {
            Err(ClientError::Settings(format!("Several servers are called {reference:?}: give the id.")))
        }
        (None, _) => Err(ClientError::Settings(format!("There is no server {reference:?}."))),
    }
}

async fn fetch(client: &Client, reference: &str) -> Result<Value, ClientError> {
    let id = find(client, reference).await?;
    Ok(client.get(&format!("/servers/{id}")).await?["data"].take())
}
