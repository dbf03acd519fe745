//! Puts the port forwards of [`crate::forwards`] into the kernel, all of them in one transaction: look, compare, act,
//! look again.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::filters_apply::FilterError;
use crate::forwards::{self, Forward, HASH_COMMENT};
use crate::names;
use crate::netns::Netns;
use crate::vm::VmError;

/// Makes the instance's forwards what they should be, and takes the table away where there are none. True where
/// something was changed.
pub async fn ensure_forwards(
    netns: &Netns,
    instance: &str,
    networks: &[Ipv4Net],
    wanted: &[Forward],
) -> Result<bool, FilterError> {
    let now = in_force(netns, instance).await?;
    if wanted.is_empty() {
        return match now {
            None => Ok(false),
            Some(_) => remove_forwards(netns, instance).await.map(|()| true),
        };
    }
    let should = InForce::of(networks, wanted);
    if now.as_ref() == Some(&should) {
        return Ok(false);
    }
    apply(netns, forwards::table(instance, networks, wanted)).await?;
    match in_force(netns, instance).await? {
        Some(then) if then == should => Ok(true),
        _ => Err(FilterError::NotInForce(names::forwards_table(instance))),
    }
}

pub async fn remove_forwards(netns: &Netns, instance: &str) -> Result<(), FilterError> {
    apply(netns, forwards::remove_table(instance)).await
}

/// The forwards of all servers on this node that are not in quarantine, in the networks that its owner translates.
pub async fn ensure_all(agent: &Agent) -> Result<(), VmError> {
    // A specification is in the ledger before it comes here, so that whoever is last in turn has all of them.
    let _turn = agent.forwards.lock().await;
    let mut wanted = Vec::new();
    for entry in agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none()) {
        let Some(spec) = entry.spec() else { continue };
        for interface in spec.interfaces.iter().filter(|interface| !interface.quarantined) {
            wanted.extend(interface.forwards.iter().filter_map(|forward| Forward::of(forward).ok()));
        }
    }
    let networks = translated(&agent.config);
    wanted.retain(|forward| networks.iter().any(|net| net.contains(&forward.address())));
    ensure_forwards(&agent.netns, &agent.config.instance, &networks, &wanted).await?;
    Ok(())
}

/// What of a server's forwards this node can't give, as a sentence.
pub fn check(config: &AgentConfig, interface: &berth_proto::InterfaceSpec) -> Result<(), String> {
    let networks = translated(config);
    for forward in &interface.forwards {
        let forward = Forward::of(forward)?;
        let address: Ipv4Addr = forward.address();
        if forward.public_port() == config.listen.port() {
            return Err(format!("port {} of this node is the agent's own", forward.public_port()));
        }
        if interface.ipv4.iter().all(|own| own.address.parse() != Ok(address)) {
            return Err(format!("a port can't be forwarded to {address}, which is not the server's"));
        }
        if !networks.iter().any(|net| net.contains(&address)) {
            return Err(format!("a port can't be forwarded to {address}: this node does not translate its network"));
        }
    }
    Ok(())
}

/// Networks behind the address translation that the node's owner switched on.
fn translated(config: &AgentConfig) -> Vec<Ipv4Net> {
    let nat = config.networks.iter().filter(|network| network.nat);
    nat.filter_map(|network| network.ipv4_cidr.as_deref()?.parse().ok()).collect()
}

async fn apply(netns: &Netns, text: String) -> Result<(), FilterError> {
    netns.cmd("nft").args(["-f", "-"]).stdin(text).run().await.map(drop).map_err(FilterError::Tool)
}

#[derive(Debug, PartialEq, Eq)]
struct InForce {
    hash: String,
    rules: usize,
    forwards: usize,
}

impl InForce {
    fn of(networks: &[Ipv4Net], wanted: &[Forward]) -> InForce {
        let (rules, count) = forwards::sizes(networks, wanted);
        InForce { hash: forwards::hash(networks, wanted), rules, forwards: count }
    }
}

/// None where there is no table.
async fn in_force(netns: &Netns, instance: &str) -> Result<Option<InForce>, FilterError> {
    let table = names::forwards_table(instance);
    let listing = match netns.cmd("nft").args(["-j", "list", "table", "inet", &table]).run().await {
        Ok(listing) => listing,
        Err(error) if error.stderr().contains("No such file or directory") => return Ok(None),
        Err(error) => return Err(FilterError::Tool(error)),
    };
    let listing: Value =
        serde_json::from_slice(&listing.stdout).map_err(|error| FilterError::NotUnderstood(error.to_string()))?;
    let objects = listing["nftables"].as_array().ok_or_else(|| FilterError::NotUnderstood("no list".into()))?;
    let rules = objects.iter().filter(|object| object["rule"].is_object());
    let hash = rules.clone().find_map(|object| object["rule"]["comment"].as_str()?.strip_prefix(HASH_COMMENT));
    let maps = objects.iter().filter_map(|object| object["map"]["elem"].as_array());
    Ok(Some(InForce {
        hash: hash.unwrap_or_default().to_owned(),
        rules: rules.count(),
        forwards: maps.map(Vec::len).sum(),
    }))
}
