//! Puts the routes of [`crate::routes`] into the kernel, all that differs in one batch: look, compare, act, look again.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::{
    agent::Agent,
    config::AgentConfig,
    net::{self, NetError},
    netns::Netns,
    routes::{self, Line, Routed},
    vm::VmError,
};

/// Makes what is routed by these bridges what it should be. True where something was changed.
pub async fn ensure_routes(
    netns: &Netns,
    instance: &str,
    bridges: &[Routed],
    wanted: &BTreeSet<Line>,
) -> Result<bool, NetError> {
    let protocol = routes::protocol(instance);
    let devices: BTreeSet<&str> = bridges.iter().flat_map(|of| [of.bridge.as_str(), of.uplink.as_str()]).collect();
    let mut changed = false;
    for (bridge, uplink) in bridges.iter().map(|of| (&of.bridge, &of.uplink)) {
        // The gateway of guests is beyond the uplink; on the uplink only guests' own addresses are answered for.
        changed |= net::ensure_setting(netns, &format!("net/ipv4/conf/{bridge}/proxy_arp"), "1").await?;
        for device in [bridge, uplink] {
            changed |= net::ensure_setting(netns, &format!("net/ipv6/conf/{device}/proxy_ndp"), "1").await?;
        }
        net::ensure_forwarding_of_both(netns, bridge).await?;
    }
    let now = in_force(netns, protocol, &devices).await?;
    let batch = routes::batch(protocol, &now, wanted);
    if batch.is_empty() {
        return Ok(changed);
    }
    netns.cmd("ip").args(["-batch", "-"]).stdin(batch).run().await?;
    match in_force(netns, protocol, &devices).await? == *wanted {
        true => Ok(true),
        false => Err(NetError::Refused(
            "the routes to guests were set and are not there; something else changes them".into(),
        )),
    }
}

/// The routes of all guests on this node that are not in quarantine, on the bridges that its owner lets be routed.
pub async fn ensure_all(agent: &Agent) -> Result<(), VmError> {
    let bridges = routed(&agent.config, &agent.netns).await?;
    if bridges.is_empty() {
        return Ok(());
    }
    // A specification is in the ledger before it comes here, so that whoever is last in turn has all of them.
    let _turn = agent.routes.lock().await;
    let mut wanted = BTreeSet::new();
    for entry in agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none()) {
        let Some(spec) = entry.spec() else { continue };
        for interface in spec.interfaces.iter().filter(|interface| !interface.quarantined) {
            let Some(routed) = bridges.iter().find(|of| of.bridge == interface.bridge) else { continue };
            wanted.extend(routes::of_interface(routed, interface).map_err(VmError::Refused)?);
        }
    }
    ensure_routes(&agent.netns, &agent.config.instance, &bridges, &wanted).await?;
    Ok(())
}

/// Takes everything away that the instance routes.
pub async fn remove_routes(netns: &Netns, config: &AgentConfig) -> Result<(), NetError> {
    let bridges = routed(config, netns).await?;
    if !bridges.is_empty() {
        ensure_routes(netns, &config.instance, &bridges, &BTreeSet::new()).await?;
    }
    Ok(())
}

/// Bridges that the node's owner lets be routed; the uplink is the one that is named, else that of the default route.
async fn routed(config: &AgentConfig, netns: &Netns) -> Result<Vec<Routed>, NetError> {
    let mut all = Vec::new();
    for network in config.networks.iter().filter(|network| network.routed) {
        let uplink = match &network.uplink {
            Some(uplink) => uplink.clone(),
            None => net::default_uplink(netns).await?.ok_or_else(|| {
                NetError::Refused(format!(
                    "{} is to be routed, and this node has no default route: name its uplink",
                    network.bridge
                ))
            })?,
        };
        all.push(Routed { bridge: network.bridge.clone(), uplink });
    }
    Ok(all)
}

/// Lines with the instance's protocol number, on these devices.
async fn in_force(netns: &Netns, protocol: u8, devices: &BTreeSet<&str>) -> Result<BTreeSet<Line>, NetError> {
    let protocol = protocol.to_string();
    let mut lines = BTreeSet::new();
    for family in ["-4", "-6"] {
        let listing = netns.cmd("ip").args([family, "-j", "route", "show", "proto", &protocol]).run().await?;
        for found in objects(&listing.stdout) {
            let to = found["dst"]
                .as_str()
                .and_then(|text| text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?))));
            let Some((to, dev)) = to.zip(found["dev"].as_str()) else { continue };
            let dev = dev.to_owned();
            lines.insert(match found["gateway"].as_str().and_then(|text| text.parse().ok()) {
                Some(via) => Line::Through { to, via, dev },
                None => Line::Route { to, dev },
            });
        }
        let listing =
            netns.cmd("ip").args([family, "-j", "neigh", "show", "proxy", "protocol", &protocol]).run().await?;
        for found in objects(&listing.stdout) {
            let address = found["dst"].as_str().and_then(|text| text.parse().ok());
            let Some((address, dev)) = address.zip(found["dev"].as_str()) else { continue };
            lines.insert(Line::Proxy { address, dev: dev.to_owned() });
        }
    }
    lines.retain(|line| match line {
        Line::Route { dev, .. } | Line::Through { dev, .. } | Line::Proxy { dev, .. } => devices.contains(dev.as_str()),
    });
    Ok(lines)
}

fn objects(json: &[u8]) -> Vec<Value> {
    serde_json::from_slice(json).unwrap_or_default()
}
