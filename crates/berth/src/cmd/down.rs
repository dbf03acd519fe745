//! `berth down`: ends `berth up` and stops this machine's servers. The next `berth up` starts them again.

use std::fs::File;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use berth_agent::config::AgentConfig;
use berth_agent::libvirt::{Libvirt, State};
use berth_agent::pid_lock;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::up::{Places, PlacesArgs};

/// `berth up` gives its children 30 s.
const STOP_LIMIT_S: u64 = 60;
/// A guest that has not gone down by then is switched off.
const GUEST_LIMIT_S: u64 = 60;
const PAUSE_MS: u64 = 200;

pub async fn run(args: PlacesArgs) -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "stopping servers needs root: call `berth down` with sudo");
    let places = Places::new(&args)?;
    let _lock = stop_up(&places).await?;
    stop_guests(&places).await?;
    println!("Berth is down.");
    Ok(())
}

/// Returns when no `berth up` runs; none begins while the answer is held.
pub async fn stop_up(places: &Places) -> anyhow::Result<File> {
    stop(|| places.lock(), "`berth up`").await
}

/// Returns when no agent works in this node's data folder, whoever started it; none begins while the answer is held.
pub async fn stop_agent(config: &AgentConfig) -> anyhow::Result<File> {
    stop(|| pid_lock::take(&config.lock_file()), "the agent").await
}

/// Asks whoever holds a lock to end, and waits for that.
async fn stop(lock: impl Fn() -> anyhow::Result<Result<File, Pid>>, what: &str) -> anyhow::Result<File> {
    let until = Instant::now() + Duration::from_secs(STOP_LIMIT_S);
    let mut told = false;
    loop {
        let pid = match lock()? {
            Ok(lock) => return Ok(lock),
            Err(pid) => pid,
        };
        if !told {
            println!("Ending {what} (process {}).", pid.as_raw_nonzero());
            kill_process(pid, Signal::TERM).with_context(|| format!("ending {what}"))?;
            told = true;
        }
        ensure!(Instant::now() < until, "{what} did not end within {STOP_LIMIT_S} s");
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[tokio::test]
    async fn who_holds_a_lock_is_asked_to_end_and_waited_for() {
        let other = RefCell::new(std::process::Command::new("sleep").arg("600").spawn().unwrap());
        let ended = RefCell::new(None);
        let lock = || -> anyhow::Result<Result<File, Pid>> {
            let mut other = other.borrow_mut();
            *ended.borrow_mut() = other.try_wait()?;
            Ok(match *ended.borrow() {
                Some(_) => Ok(File::open("/dev/null")?),
                None => Err(Pid::from_child(&other)),
            })
        };
        stop(lock, "the agent").await.unwrap();
        assert_eq!(ended.borrow().unwrap().signal(), Some(Signal::TERM.as_raw()));
    }
}
