//! Joins of [`crate::openvswitch`], made and taken away: look, compare, act, look again.
//!
//! A join's port is in the switch's database before its Linux bridge is made, and leaves it after that: whatever was
//! killed in between is found there.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{
    agent::Agent,
    cmd::{Cmd, CmdError, Output},
    net::{self, BridgeSpec, NetError},
    netns::Netns,
    openvswitch::{self, Join, Port},
    vm::VmError,
};

/// How long the switch may take for a change, in its own words.
const LIMIT: &str = "--timeout=10";
/// What `ovs-vsctl br-exists` ends with where there is no such bridge.
const NO_BRIDGE: i32 = 2;

/// A node's Open vSwitch, and the network that it works in.
#[derive(Debug, Clone)]
pub struct Switch {
    netns: Netns,
    /// Where its sockets are, if it is not the host's own.
    run_dir: Option<PathBuf>,
}

impl Switch {
    pub fn of(netns: &Netns) -> Switch {
        Switch { netns: netns.clone(), run_dir: None }
    }

    pub fn beside(netns: Netns, run_dir: PathBuf) -> Switch {
        Switch { netns, run_dir: Some(run_dir) }
    }

    fn cmd(&self, program: &str) -> Cmd {
        match &self.run_dir {
            None => self.netns.cmd(program),
            Some(dir) => self.netns.cmd("env").arg(format!("OVS_RUNDIR={}", dir.display())).arg(program),
        }
    }

    async fn vsctl(&self, words: Vec<String>) -> Result<Output, CmdError> {
        self.cmd("ovs-vsctl").arg(LIMIT).args(words).run().await
    }

    async fn ports(&self, instance: &str) -> Result<Vec<Port>, NetError> {
        let output = self.vsctl(openvswitch::find_ports(instance)).await?;
        openvswitch::read_ports(&output.stdout)
            .ok_or_else(|| NetError::Refused("ovs-vsctl gave an answer that is not understood".to_owned()))
    }
}

/// Whether guests can be on this bridge: a sentence why not.
pub async fn probe(switch: &Switch, bridge: &str) -> Result<(), String> {
    net::check_name(bridge).map_err(|error| error.to_string())?;
    let asked = switch.vsctl(["br-exists", bridge].map(str::to_owned).into()).await;
    match asked {
        Ok(_) => {}
        Err(CmdError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err("Open vSwitch is not installed; it comes with Debian's openvswitch-switch".to_owned());
        }
        Err(CmdError::Exit { code: Some(NO_BRIDGE), .. }) => {
            return Err(format!("Open vSwitch has no bridge {bridge}; `ovs-vsctl add-br {bridge}` makes it"));
        }
        Err(error) => return Err(format!("the database of Open vSwitch does not answer: {error}")),
    }
    match switch.cmd("ovs-appctl").args([LIMIT, "version"]).run().await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("ovs-vswitchd does not answer: {error}")),
    }
}

/// Makes these joins what they should be. One that fails keeps none of the others. True where something was changed.
pub async fn ensure_joins(switch: &Switch, instance: &str, wanted: &BTreeSet<Join>) -> Result<bool, NetError> {
    let bridges: BTreeSet<&str> = wanted.iter().map(|join| join.bridge.as_str()).collect();
    let (mut changed, mut failed, mut works) = (false, None, BTreeSet::new());
    for bridge in bridges {
        match probe(switch, bridge).await {
            Ok(()) => {
                works.insert(bridge);
            }
            Err(why) => failed = Some(NetError::Refused(why)),
        }
    }
    if works.is_empty() {
        return failed.map_or(Ok(false), Err);
    }
    let has = switch.ports(instance).await?;
    for join in wanted.iter().filter(|join| works.contains(join.bridge.as_str())) {
        match ensure_join(switch, instance, join, &has).await {
            Ok(did) => changed |= did,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(changed), Err)
}

/// Takes away the joins of the instance that are not among these and that no guest is plugged into. True where something
/// was changed.
pub async fn remove_strays(switch: &Switch, instance: &str, wanted: &BTreeSet<Join>) -> Result<bool, NetError> {
    let names: BTreeSet<String> = wanted.iter().map(|join| join.port(instance)).collect();
    let mut changed = false;
    for port in switch.ports(instance).await?.iter().filter(|port| !names.contains(&port.name)) {
        changed |= remove_join(switch, instance, &port.name).await?;
    }
    Ok(changed)
}

async fn ensure_join(switch: &Switch, instance: &str, join: &Join, has: &[Port]) -> Result<bool, NetError> {
    let (port, plug) = (join.wanted(instance), join.plug(instance));
    let mut changed = false;
    if !has.contains(&port) {
        switch.vsctl(openvswitch::add_port(instance, &join.bridge, &port)).await?;
        changed = true;
    }
    // Guests get the MTU of what they are plugged into.
    let mtu = net::bridge_mtu(&switch.netns, &join.bridge).await?.unwrap_or(0);
    let bridge = BridgeSpec { name: plug.clone(), addresses: Vec::new(), nat: false, mtu };
    changed |= net::ensure_bridge(&switch.netns, instance, &bridge).await?;
    net::keep_out(&switch.netns, &plug).await?;
    changed |= net::without_snooping(&switch.netns, &plug).await?;
    net::without_ipv6(&switch.netns, &port.name).await?;
    changed |= net::ensure_port(&switch.netns, &plug, &port.name).await?;
    match is_joined(&switch.netns, instance, join).await? && switch.ports(instance).await?.contains(&port) {
        true => Ok(changed),
        false => Err(NetError::Refused(format!(
            "guests of {} were joined to it and are not; something else changes {plug} or {}",
            join.bridge, port.name
        ))),
    }
}

/// Whether the way from a guest's plug into the switch is there, as far as the kernel shows it.
pub async fn is_joined(netns: &Netns, instance: &str, join: &Join) -> Result<bool, NetError> {
    let plug = join.plug(instance);
    if net::bridge_mtu(netns, &plug).await?.is_none() {
        return Ok(false);
    }
    Ok(net::ports(netns, &plug).await?.contains(&join.port(instance)))
}

/// What a guest is still plugged into stays until the next look.
async fn remove_join(switch: &Switch, instance: &str, port: &str) -> Result<bool, NetError> {
    let plug = openvswitch::plug_of(instance, port);
    if let Some(plug) = &plug {
        if net::bridge_mtu(&switch.netns, plug).await?.is_some() {
            if net::ports(&switch.netns, plug).await?.iter().any(|of| of != port) {
                return Ok(false);
            }
            net::remove_bridge(&switch.netns, instance, plug).await?;
        }
        switch.vsctl(openvswitch::del_port(port)).await?;
    }
    Ok(plug.is_some())
}

/// The joins of all guests on this node. Nothing is asked of a node whose owner lists no bridge of Open vSwitch.
pub async fn ensure_all(agent: &Agent) -> Result<(), VmError> {
    if agent.host.switches.is_empty() {
        return Ok(());
    }
    // A specification is in the ledger before it comes here, so that whoever is last in turn has all of them.
    let _turn = agent.joins.lock().await;
    let (mut wanted, mut all_known) = (BTreeSet::new(), true);
    for entry in agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none()) {
        let Some(spec) = entry.spec() else {
            // What an adopted server needs is not known until it is applied again.
            all_known = false;
            continue;
        };
        let on_switches = spec.interfaces.iter().filter(|of| agent.host.switches.contains(&of.bridge));
        wanted.extend(on_switches.filter_map(|interface| Join::of(interface).ok()));
    }
    let (switch, instance) = (Switch::of(&agent.netns), &agent.config.instance);
    ensure_joins(&switch, instance, &wanted).await?;
    if all_known {
        remove_strays(&switch, instance, &wanted).await?;
    }
    Ok(())
}

/// A server's own, before its guest is plugged in; `is_new`: its specification was not applied yet.
pub async fn ensure_of(agent: &Agent, spec: &berth_proto::ServerSpec, is_new: bool) -> Result<(), VmError> {
    let mut wanted = Vec::new();
    for interface in spec.interfaces.iter().filter(|of| agent.host.switches.contains(&of.bridge)) {
        wanted.push(Join::of(interface).map_err(VmError::Refused)?);
    }
    let mut lacks = is_new && !agent.host.switches.is_empty();
    for join in &wanted {
        lacks |= !is_joined(&agent.netns, &agent.config.instance, join).await?;
    }
    if !lacks {
        return Ok(());
    }
    let outcome = ensure_all(agent).await;
    for join in &wanted {
        if !is_joined(&agent.netns, &agent.config.instance, join).await? {
            return Err(outcome.err().unwrap_or_else(|| {
                VmError::Refused(format!("guests of {} were joined to it and are not", join.bridge))
            }));
        }
    }
    // That another server's is not as it should be is said there.
    Ok(())
}

/// Takes away all joins of the instance. The guests are gone; where Open vSwitch is, too, so are its ports.
pub async fn remove_joins(switch: &Switch, instance: &str) -> Result<(), NetError> {
    match remove_strays(switch, instance, &BTreeSet::new()).await {
        Err(NetError::Tool(CmdError::Start { source, .. })) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.map(drop),
    }
}
