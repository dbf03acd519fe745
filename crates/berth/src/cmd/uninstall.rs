//! `berth uninstall`: takes Berth off this machine: servers with their disks, filters, bridges, data, the control
//! server's account, and on a node that was made by the pasted command the agent's unit and the program. What stays is
//! said at the end.

mod installed;
mod stays;

use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::{Context as _, ensure};
use berth_agent::config::AgentConfig;
use berth_agent::node;
use clap::Args;

use super::down;
use super::up::{Places, PlacesArgs, remove_account};
use crate::recipe;
use installed::Installed;

#[derive(Debug, Args)]
pub struct UninstallArgs {
    #[command(flatten)]
    places: PlacesArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub async fn run(args: UninstallArgs) -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "removing Berth needs root: call `berth uninstall` with sudo");
    let places = Places::new(&args.places)?;
    let installed = Installed::find(Path::new("/"), &places.agent_config)?;
    if !args.yes && !agreed(&places, &installed)? {
        println!("Nothing was removed.");
        return Ok(());
    }
    // Before anything is removed nobody is left who would make it anew.
    installed.stop().await?;
    let _up = down::stop_up(&places).await?;
    if places.agent_config.exists() {
        let config = AgentConfig::load(&places.agent_config)?;
        let _agent = if config.data_dir.is_dir() { Some(down::stop_agent(&config).await?) } else { None };
        node::uninstall(&config).await.context("clearing the host")?;
    }
    installed.remove().await?;
    for path in places.of_control().into_iter().chain([places.agent_dir.as_path()]) {
        remove(path).with_context(|| path.display().to_string())?;
    }
    remove(&places.ssh_key.with_extension("pub"))?;
    places.forget_lock();
    // A second Berth beside this one still needs what they share.
    if places.instance == "berth" {
        remove(Path::new(recipe::DEFAULT_CACHE))?;
        remove_account().await?;
    }
    let of_agents = places.agent_dir.parent().map(Path::to_path_buf);
    for shared in [places.data.join("ssh"), places.data.clone()].into_iter().chain(of_agents) {
        // Only where it is empty now.
        std::fs::remove_dir(shared).ok();
    }
    println!("Berth is gone from this machine.");
    for sentence in stays::sentences(Path::new("/")) {
        println!("{sentence}");
    }
    Ok(())
}

fn agreed(places: &Places, installed: &Installed) -> anyhow::Result<bool> {
    println!("This deletes every server of Berth on this machine with its disks, and the control server's data:");
    for path in places.of_control().into_iter().chain([places.agent_dir.as_path()]).filter(|path| path.exists()) {
        println!("  {}", path.display());
    }
    for path in installed.paths() {
        println!("  {}", path.display());
    }
    print!("Type \"yes\" to delete all of it: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn remove(path: &Path) -> std::io::Result<()> {
    let outcome = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    outcome.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
