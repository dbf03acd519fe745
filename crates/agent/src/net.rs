//! The bridges that guests are attached to, where the node's configuration leaves them to the agent: the bridge with
//! its addresses, forwarding, and address translation for private ranges.
//!
//! Look, compare, act, look again: a bridge that is right is left alone, and what others added to it stays.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::cmd::CmdError;
use crate::names;
use crate::netns::Netns;

/// Linux' limit for names of interfaces.
const NAME_LIMIT_CHARS: usize = 15;

/// A bridge as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSpec {
    pub name: String,
    /// The host's own addresses on it, the guests' gateways: "10.77.0.1/24", "fd77::1/64".
    pub addresses: Vec<IpNet>,
    /// Guests reach other networks under the host's address.
    pub nat: bool,
    /// 0: the kernel's.
    pub mtu: u32,
}

/// Why a bridge is not as it should be, as a sentence.
#[derive(Debug)]
pub enum NetError {
    Tool(CmdError),
    Refused(String),
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetError::Tool(error) => write!(f, "the network of the guests could not be set up: {error}"),
            NetError::Refused(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for NetError {}

impl From<CmdError> for NetError {
    fn from(error: CmdError) -> NetError {
        NetError::Tool(error)
    }
}

/// Of `ip -j -d link` and `ip -j addr`.
#[derive(Debug, Deserialize)]
struct Link {
    #[serde(default)]
    mtu: u32,
    #[serde(default)]
    flags: Vec<String>,
    master: Option<String>,
    linkinfo: Option<LinkInfo>,
    #[serde(default)]
    addr_info: Vec<AddrInfo>,
}

#[derive(Debug, Deserialize)]
struct LinkInfo {
    info_kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AddrInfo {
    local: IpAddr,
    prefixlen: u8,
}

/// Makes the bridge, its addresses, forwarding and address translation what they should be. True where something
/// was changed.
pub async fn ensure_bridge(netns: &Netns, instance: &str, bridge: &BridgeSpec) -> Result<bool, NetError> {
    check(bridge)?;
    let mut changed = false;
    let link = match link(netns, &bridge.name).await? {
        Some(link) => link,
        None => {
            ip(netns, ["link", "add", "name", &bridge.name, "type", "bridge", "stp_state", "0", "forward_delay", "0"])
                .await?;
            changed = true;
            link(netns, &bridge.name).await?.ok_or_else(|| gone(bridge))?
        }
    };
    if link.linkinfo.as_ref().and_then(|info| info.info_kind.as_deref()) != Some("bridge") {
        return Err(NetError::Refused(format!("{} exists and is not a bridge", bridge.name)));
    }
    if bridge.mtu != 0 && link.mtu != bridge.mtu {
        ip(netns, ["link", "set", "dev", &bridge.name, "mtu", &bridge.mtu.to_string()]).await?;
        changed = true;
    }
    for address in &bridge.addresses {
        let has = |found: &AddrInfo| found.local == address.addr() && found.prefixlen == address.prefix_len();
        if !link.addr_info.iter().any(has) {
            let address = address.to_string();
            let add = ["addr", "add", &address, "dev", &bridge.name];
            // Guests' gateway must answer at once; there is nobody else on the bridge who could have the address.
            let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
            ip(netns, add.iter().chain(nodad).copied()).await?;
            changed = true;
        }
    }
    if !link.flags.iter().any(|flag| flag == "UP") {
        ip(netns, ["link", "set", "dev", &bridge.name, "up"]).await?;
        changed = true;
    }
    changed |= ensure_forwarding(netns, bridge).await?;
    if bridge.nat {
        changed |= ensure_nat(netns, instance, bridge).await?;
    }
    match link_is_right(netns, bridge).await? {
        true => Ok(changed),
        false => Err(gone(bridge)),
    }
}

fn gone(bridge: &BridgeSpec) -> NetError {
    NetError::Refused(format!(
        "the bridge {} was set up and is not as it should be; something else changes it",
        bridge.name
    ))
}

async fn link_is_right(netns: &Netns, bridge: &BridgeSpec) -> Result<bool, NetError> {
    let Some(link) = link(netns, &bridge.name).await? else { return Ok(false) };
    let has = |address: &IpNet| {
        link.addr_info.iter().any(|found| found.local == address.addr() && found.prefixlen == address.prefix_len())
    };
    Ok(link.flags.iter().any(|flag| flag == "UP") && bridge.addresses.iter().all(has))
}

/// Removes the bridge and its address translation; what is not there is no error.
pub async fn remove_bridge(netns: &Netns, instance: &str, name: &str) -> Result<bool, NetError> {
    check_name(name)?;
    let table = names::nat_table(instance);
    let text = format!(
        "add table inet {table}\nadd chain inet {table} {chain}\nflush chain inet {table} {chain}\n\
         delete chain inet {table} {chain}\n",
        chain = nat_chain(name)
    );
    let had_table = netns.cmd("nft").args(["-j", "list", "table", "inet", &table]).run().await.is_ok();
    if had_table {
        netns.cmd("nft").args(["-f", "-"]).stdin(text).run().await?;
    }
    if link(netns, name).await?.is_none() {
        return Ok(false);
    }
    ip(netns, ["link", "del", "dev", name]).await?;
    Ok(true)
}

/// Removes the instance's address translation altogether.
pub async fn remove_nat_table(netns: &Netns, instance: &str) -> Result<(), NetError> {
    let table = names::nat_table(instance);
    let text = format!("add table inet {table}\ndelete table inet {table}\n");
    netns.cmd("nft").args(["-f", "-"]).stdin(text).run().await?;
    Ok(())
}

fn check(bridge: &BridgeSpec) -> Result<(), NetError> {
    check_name(&bridge.name)?;
    match bridge.addresses.iter().find(|net| net.addr().is_unspecified() || net.addr().is_loopback()) {
        Some(net) => Err(NetError::Refused(format!("{net} can't be an address of a bridge"))),
        None => Ok(()),
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), NetError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if name.is_empty() || name.len() > NAME_LIMIT_CHARS || !name.chars().all(plain) || name.starts_with(['-', '.']) {
        return Err(NetError::Refused(format!("{name:?} can't be the name of a bridge")));
    }
    Ok(())
}

async fn ip<'a>(netns: &Netns, args: impl IntoIterator<Item = &'a str>) -> Result<(), NetError> {
    netns.cmd("ip").args(args).run().await?;
    Ok(())
}

/// The interface with its addresses, none where there is no such interface.
async fn link(netns: &Netns, name: &str) -> Result<Option<Link>, NetError> {
    let output = match netns.cmd("ip").args(["-j", "-d", "addr", "show", "dev", name]).run().await {
        Ok(output) => output,
        Err(error) if error.stderr().contains("does not exist") => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Older iproute2 prints empty objects for what a filter left out.
    let links: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)
        .map_err(|error| NetError::Refused(format!("ip gave an answer that is not understood: {error}")))?;
    Ok(links.into_iter().filter_map(|link| serde_json::from_value(link).ok()).find(|link: &Link| link.mtu != 0))
}

/// Whether the bridge `name` exists, and its MTU.
pub async fn bridge_mtu(netns: &Netns, name: &str) -> Result<Option<u32>, NetError> {
    check_name(name)?;
    Ok(link(netns, name).await?.map(|link| link.mtu))
}

/// Makes an interface a port of a bridge, and takes it up. True where something was changed.
pub async fn ensure_port(netns: &Netns, bridge: &str, port: &str) -> Result<bool, NetError> {
    let is_port = |link: &Link| link.master.as_deref() == Some(bridge) && link.flags.iter().any(|flag| flag == "UP");
    if link(netns, port).await?.as_ref().is_some_and(is_port) {
        return Ok(false);
    }
    ip(netns, ["link", "set", "dev", port, "master", bridge, "up"]).await?;
    Ok(true)
}

/// The node itself is no neighbour of the servers on such a bridge: it has no address there, answers for none that it has
/// elsewhere, takes nothing in and forwards nothing.
pub async fn keep_out(netns: &Netns, bridge: &str) -> Result<(), NetError> {
    for (key, value) in [("arp_ignore", "8"), ("rp_filter", "1"), ("forwarding", "0")] {
        ensure_setting(netns, &format!("net/ipv4/conf/{bridge}/{key}"), value).await?;
    }
    without_ipv6(netns, bridge).await
}

/// No address by itself, and nothing that is sent for one.
pub async fn without_ipv6(netns: &Netns, device: &str) -> Result<(), NetError> {
    match ensure_setting(netns, &format!("net/ipv6/conf/{device}/disable_ipv6"), "1").await {
        // A kernel without IPv6.
        Err(NetError::Tool(error)) if error.stderr().contains("No such file or directory") => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Whether frames may leave a bridge by the port by which they came. Where `br_netfilter` is loaded, a connection that a
/// port of the node leads back to whoever asked never leaves the bridge. True where something was changed; a port that is
/// not there is left alone.
pub async fn ensure_hairpin(netns: &Netns, port: &str, on: bool) -> Result<bool, NetError> {
    check_name(port)?;
    let listing = match netns.cmd("bridge").args(["-j", "-d", "link", "show", "dev", port]).run().await {
        Ok(listing) => listing,
        Err(error) if error.stderr().contains("does not exist") || error.stderr().contains("Cannot find") => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    let ports: Vec<serde_json::Value> = serde_json::from_slice(&listing.stdout).unwrap_or_default();
    let is_on = ports.iter().find(|of| of["ifname"] == port).and_then(|of| of["hairpin"].as_bool());
    match is_on {
        Some(is_on) if is_on != on => {
            let word = if on { "on" } else { "off" };
            netns.cmd("bridge").args(["link", "set", "dev", port, "hairpin", word]).run().await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Packets of guests are forwarded only where the host forwards, for each family that the bridge has.
async fn ensure_forwarding(netns: &Netns, bridge: &BridgeSpec) -> Result<bool, NetError> {
    let v4 = bridge.addresses.iter().any(|net| net.addr().is_ipv4());
    let v6 = bridge.addresses.iter().any(|net| net.addr().is_ipv6());
    let mut wanted: Vec<(String, &str)> = Vec::new();
    if v4 {
        wanted.push(("net/ipv4/ip_forward".into(), "1"));
    }
    if v6 {
        // A host that learns its own route from router advertisements would stop doing so when it forwards; 2 keeps
        // it listening. The bridge itself listens to no guest's advertisements.
        wanted.extend(accept_ra_keepers(netns).await?);
        wanted.push((format!("net/ipv6/conf/{}/accept_ra", bridge.name), "0"));
        wanted.push(("net/ipv6/conf/all/forwarding".into(), "1"));
    }
    let mut changed = false;
    for (key, value) in wanted {
        changed |= ensure_setting(netns, &key, value).await?;
    }
    Ok(changed)
}

/// Forwarding of both families by a bridge that has no addresses of its own.
pub async fn ensure_forwarding_of_both(netns: &Netns, bridge: &str) -> Result<bool, NetError> {
    let both = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|net| net.parse().ok());
    let bridge = BridgeSpec { name: bridge.to_owned(), addresses: both.collect(), nat: false, mtu: 0 };
    ensure_forwarding(netns, &bridge).await
}

/// A setting of the kernel by its path below `/proc/sys`. True where it was changed.
pub async fn ensure_setting(netns: &Netns, key: &str, value: &str) -> Result<bool, NetError> {
    // As a file, because names of interfaces may hold dots.
    ensure_file(netns, &format!("/proc/sys/{key}"), value).await
}

/// A bridge that joins others passes what guests say of their groups on to whoever listens there.
pub async fn without_snooping(netns: &Netns, bridge: &str) -> Result<bool, NetError> {
    ensure_file(netns, &format!("/sys/class/net/{bridge}/bridge/multicast_snooping"), "0").await
}

/// Read and written where the bridge is.
async fn ensure_file(netns: &Netns, file: &str, value: &str) -> Result<bool, NetError> {
    let now = netns.cmd("cat").arg(file).run().await?.text();
    if now.trim() == value {
        return Ok(false);
    }
    netns.cmd("tee").arg(file).stdin(value).run().await?;
    Ok(true)
}

/// The device by which this node reaches the world, by IPv4 if it does.
pub async fn default_uplink(netns: &Netns) -> Result<Option<String>, NetError> {
    for family in ["-4", "-6"] {
        let routes = netns.cmd("ip").args([family, "-j", "route", "show", "default"]).run().await?;
        let routes: Vec<serde_json::Value> = serde_json::from_slice(&routes.stdout).unwrap_or_default();
        if let Some(device) = routes.iter().find_map(|route| route["dev"].as_str()) {
            return Ok(Some(device.to_owned()));
        }
    }
    Ok(None)
}

/// Addresses of an interface of the node; none where there is no such interface.
pub async fn addresses(netns: &Netns, name: &str) -> Result<Vec<IpNet>, NetError> {
    check_name(name)?;
    let found = link(netns, name).await?.map(|link| link.addr_info).unwrap_or_default();
    Ok(found.into_iter().filter_map(|of| IpNet::new(of.local, of.prefixlen).ok()).collect())
}

/// Whether anything is attached to the bridge; one that is not there has nothing.
pub async fn has_ports(netns: &Netns, name: &str) -> Result<bool, NetError> {
    check_name(name)?;
    if link(netns, name).await?.is_none() {
        return Ok(false);
    }
    Ok(!ports(netns, name).await?.is_empty())
}

/// What is attached to a bridge that is there.
pub async fn ports(netns: &Netns, bridge: &str) -> Result<Vec<String>, NetError> {
    let listing = netns.cmd("ip").args(["-j", "link", "show", "master", bridge]).run().await?;
    let ports: Vec<serde_json::Value> = serde_json::from_slice(&listing.stdout).unwrap_or_default();
    Ok(ports.iter().filter_map(|port| port["ifname"].as_str().map(str::to_owned)).collect())
}

async fn accept_ra_keepers(netns: &Netns) -> Result<Vec<(String, &'static str)>, NetError> {
    let routes = netns.cmd("ip").args(["-6", "-j", "route", "show", "default"]).run().await?;
    let routes: Vec<serde_json::Value> = serde_json::from_slice(&routes.stdout).unwrap_or_default();
    let learned = routes.iter().filter(|route| route["protocol"] == "ra").filter_map(|route| route["dev"].as_str());
    Ok(learned.map(|dev| (format!("net/ipv6/conf/{dev}/accept_ra"), "2")).collect())
}

fn nat_chain(bridge: &str) -> String {
    let plain: String = bridge.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("nat_{plain}")
}

/// Packets from the bridge's networks to elsewhere leave under the host's address.
fn nat_rules(instance: &str, bridge: &BridgeSpec) -> (String, usize) {
    let (table, chain) = (names::nat_table(instance), nat_chain(&bridge.name));
    let mut text = format!(
        "table inet {table} {{\n\tchain {chain} {{ type nat hook postrouting priority 100; policy accept; }}\n}}\n\
         flush chain inet {table} {chain}\n"
    );
    for net in &bridge.addresses {
        let family = if net.addr().is_ipv4() { "ip" } else { "ip6" };
        let net = net.trunc();
        text.push_str(&format!("add rule inet {table} {chain} {family} saddr {net} {family} daddr != {net} "));
        text.push_str(&format!("oifname != \"{}\" masquerade\n", bridge.name));
    }
    (text, bridge.addresses.len())
}

async fn ensure_nat(netns: &Netns, instance: &str, bridge: &BridgeSpec) -> Result<bool, NetError> {
    let (text, rules) = nat_rules(instance, bridge);
    if nat_in_force(netns, instance, bridge, rules).await? {
        return Ok(false);
    }
    netns.cmd("nft").args(["-f", "-"]).stdin(text).run().await?;
    match nat_in_force(netns, instance, bridge, rules).await? {
        true => Ok(true),
        false => Err(NetError::Refused(format!("the address translation of {} does not stay", bridge.name))),
    }
}

/// Whether the chain holds the rules for exactly these networks.
async fn nat_in_force(netns: &Netns, instance: &str, bridge: &BridgeSpec, rules: usize) -> Result<bool, NetError> {
    let (table, chain) = (names::nat_table(instance), nat_chain(&bridge.name));
    let listing = match netns.cmd("nft").args(["list", "chain", "inet", &table, &chain]).run().await {
        Ok(listing) => listing.text(),
        Err(error) if error.stderr().contains("No such file or directory") => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let found = listing.lines().filter(|line| line.contains("masquerade")).count();
    let each = bridge.addresses.iter().all(|net| listing.contains(&format!("saddr {} ", net.trunc())));
    Ok(found == rules && each)
}

#[cfg(test)]
mod tests;
