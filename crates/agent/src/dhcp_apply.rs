//! Keeps a dnsmasq for each bridge on which guests are told their addresses: look, compare, act, look again.
//!
//! It runs on by itself while the agent is away, and is known again by its process id and its arguments. With another
//! configuration it is started anew: it remembers nothing, since everybody always gets the same.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    agent::Agent,
    cmd::CmdError,
    config::AgentConfig,
    dhcp::{self, Lease},
    ledger::file::replace,
    net,
    netns::Netns,
    vm::VmError,
};

const END_LIMIT: Duration = Duration::from_secs(3);
const END_POLL: Duration = Duration::from_millis(20);

/// Why guests are not told their addresses, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum DhcpError {
    #[error("the DHCP server could not be started: {0}")]
    Tool(#[from] CmdError),
    #[error("the DHCP server's files: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Net(#[from] net::NetError),
    #[error("the DHCP server of {0} does not stay; its reason is in the node's log")]
    Gone(String),
}

/// Makes the servers of all bridges what they should be; one whose bridge has no leases ends. True where something was
/// changed.
pub async fn ensure_servers(
    netns: &Netns,
    dir: &Path,
    wanted: &BTreeMap<String, Vec<Lease>>,
) -> Result<bool, DhcpError> {
    fs::create_dir_all(dir)?;
    let mut changed = false;
    for bridge in served(dir)?.into_iter().filter(|bridge| !wanted.contains_key(bridge)) {
        end(dir, &bridge).await?;
        fs::remove_file(config_file(dir, &bridge))?;
        changed = true;
    }
    for (bridge, leases) in wanted {
        let own: Vec<IpNet> = net::addresses(netns, bridge).await?;
        changed |= ensure_server(netns, dir, bridge, &dhcp::config(bridge, &own, leases)).await?;
    }
    Ok(changed)
}

async fn ensure_server(netns: &Netns, dir: &Path, bridge: &str, text: &str) -> Result<bool, DhcpError> {
    let file = config_file(dir, bridge);
    let is_right = fs::read(&file).is_ok_and(|bytes| bytes == text.as_bytes());
    if is_right && running(dir, bridge).is_some() {
        return Ok(false);
    }
    end(dir, bridge).await?;
    replace(dir, &format!("{bridge}.conf"), text.as_bytes())?;
    let (config, pid) = (format!("--conf-file={}", file.display()), pid_file(dir, bridge));
    netns.cmd("dnsmasq").arg(config).arg(format!("--pid-file={}", pid.display())).run().await?;
    if running(dir, bridge).is_none() {
        return Err(DhcpError::Gone(bridge.to_owned()));
    }
    Ok(true)
}

/// Bridges that have a server, as the folder says.
fn served(dir: &Path) -> io::Result<Vec<String>> {
    let mut bridges = Vec::new();
    for file in fs::read_dir(dir)? {
        let name = file?.file_name().to_string_lossy().into_owned();
        bridges.extend(name.strip_suffix(".conf").map(str::to_owned));
    }
    bridges.sort_unstable();
    Ok(bridges)
}

fn config_file(dir: &Path, bridge: &str) -> PathBuf {
    dir.join(format!("{bridge}.conf"))
}

fn pid_file(dir: &Path, bridge: &str) -> PathBuf {
    dir.join(format!("{bridge}.pid"))
}

/// The bridge's server, if it runs: a number that another process was given since is not its.
fn running(dir: &Path, bridge: &str) -> Option<Pid> {
    let number: i32 = fs::read_to_string(pid_file(dir, bridge)).ok()?.trim().parse().ok()?;
    let arguments = fs::read(format!("/proc/{number}/cmdline")).ok()?;
    let config = format!("--conf-file={}", config_file(dir, bridge).display());
    let is_its = arguments.split(|byte| *byte == 0).any(|argument| argument == config.as_bytes());
    is_its.then(|| Pid::from_raw(number)).flatten()
}

async fn end(dir: &Path, bridge: &str) -> io::Result<()> {
    let Some(pid) = running(dir, bridge) else { return Ok(()) };
    kill_process(pid, Signal::TERM)?;
    let ended = tokio::time::timeout(END_LIMIT, async {
        while running(dir, bridge).is_some() {
            tokio::time::sleep(END_POLL).await;
        }
    });
    match ended.await {
        Ok(()) => Ok(()),
        Err(_) => Ok(kill_process(pid, Signal::KILL)?),
    }
}

/// The servers for all guests on this node that are not in quarantine.
pub async fn ensure_all(agent: &Agent) -> Result<(), VmError> {
    // A specification is in the ledger before it comes here, so that whoever is last in turn has all of them.
    let _turn = agent.dhcp.lock().await;
    let mut wanted: BTreeMap<String, Vec<Lease>> = BTreeMap::new();
    for entry in agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none()) {
        let Some(spec) = entry.spec() else { continue };
        for interface in spec.interfaces.iter().filter(|interface| !interface.quarantined && !interface.dhcp.is_empty())
        {
            let leases = interface.dhcp.iter().filter_map(|lease| Lease::of(lease).ok());
            wanted.entry(interface.bridge.clone()).or_default().extend(leases);
        }
    }
    ensure_servers(&agent.netns, &dir(&agent.config), &wanted)
        .await
        .map_err(|error| VmError::Refused(error.to_string()))?;
    Ok(())
}

/// What of this interface's addresses can't be told on its bridge, as a sentence.
pub async fn check(agent: &Agent, interface: &berth_proto::InterfaceSpec) -> Result<(), String> {
    let leases = interface.dhcp.iter().map(Lease::of).collect::<Result<Vec<_>, _>>()?;
    if leases.is_empty() {
        return Ok(());
    }
    let own = net::addresses(&agent.netns, &interface.bridge).await.map_err(|error| error.to_string())?;
    let routed = |v4: bool| own.iter().any(|own| own.addr().is_ipv4() == v4 && !is_link_local_v6(own));
    for (v4, family, example) in [(true, "IPv4", "169.254.77.1/32"), (false, "IPv6", "fd77::1/128")] {
        if leases.iter().any(|lease| lease.is_ipv4() == v4) && !routed(v4) {
            return Err(format!(
                "DHCP can't be offered on {}, which has no {family} address on this node: give it one, such as {example}",
                interface.bridge
            ));
        }
    }
    Ok(())
}

fn is_link_local_v6(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(v6) if v6.addr().is_unicast_link_local())
}

/// Where the servers' files are.
pub fn dir(config: &AgentConfig) -> PathBuf {
    config.data_dir.join("dhcp")
}
