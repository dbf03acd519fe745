//! `berth down`: ends `berth up` and stops this machine's servers. The next `berth up` starts them again.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use berth_agent::config::AgentConfig;
use berth_agent::libvirt::{Libvirt, State};
use rustix::process::{Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::up::{Places, PlacesArgs};

/// `berth up` gives its children 30 s.
const UP_LIMIT_S: u64 = 60;
/// A guest that has not gone down by then is switched off.
const GUEST_LIMIT_S: u64 = 60;
const PAUSE_MS: u64 = 200;

pub async fn run(args: PlacesArgs) -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "stopping servers needs root: call `berth down` with sudo");
    let places = Places::new(&args)?;
    stop_up(&places).await?;
    stop_guests(&places).await?;
    println!("Berth is down.");
    Ok(())
}

/// Returns when no `berth up` runs.
pub async fn stop_up(places: &Places) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(UP_LIMIT_S);
    let mut told = false;
    loop {
        let Err(pid) = places.lock()? else { return Ok(()) };
        if !told {
            println!("Ending `berth up` (process {}).", pid.as_raw_nonzero());
            kill_process(pid, Signal::TERM).context("ending `berth up`")?;
            told = true;
        }
        ensure!(Instant::now() < until, "`berth up` did not end within {UP_LIMIT_S} s");
        sleep(Duration::from_millis(PAUSE_MS)).await;
    }
}

/// Asks every guest to shut down, and switches off those that do not.
async fn stop_guests(places: &Places) -> anyhow::Result<()> {
    if !places.agent_config.exists() {
        return Ok(());
    }
    let config = AgentConfig::load(&places.agent_config)?;
    let libvirt = Libvirt::new(&config.libvirt_uri);
    let mut running = Vec::new();
    for name in libvirt.names(&format!("{}-", places.instance)).await? {
        if is_active(&libvirt, &name).await? {
            libvirt.shutdown(&name).await?;
            running.push(name);
        }
    }
    if !running.is_empty() {
        println!("Shutting down {} server(s).", running.len());
    }
    let until = Instant::now() + Duration::from_secs(GUEST_LIMIT_S);
    while let Some(name) = running.last() {
        if !is_active(&libvirt, name).await? {
            running.pop();
        } else if Instant::now() >= until {
            println!("{name} did not shut down within {GUEST_LIMIT_S} s: switching it off.");
            libvirt.destroy(name).await?;
        } else {
            sleep(Duration::from_millis(PAUSE_MS)).await;
        }
    }
    Ok(())
}

async fn is_active(libvirt: &Libvirt, name: &str) -> anyhow::Result<bool> {
    match libvirt.state(name).await {
        Ok(state) => Ok(State::is_active(state)),
        Err(error) => bail!("looking at {name}: {error}"),
    }
}
