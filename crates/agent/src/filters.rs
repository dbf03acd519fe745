//! Makes the anti-spoofing rules as nftables text: pure, for golden files.
//!
//! One table of the bridge family for each instance. It fails closed: what comes from a tap with the instance's
//! prefix is dropped unless the tap is in the map, and nothing goes to such a tap either. Each tap has a chain of its
//! own, so that a change of one server replaces that chain in one transaction and touches nothing else:
//!
//! ```text
//! prerouting ─ iifname in @taps ─► tap_<name>: own MAC? never list? ARP, IPv4, IPv6, ND of its own?
//!            │                     (further MACs each have their own addresses, before the interface's own)
//!            │                     ─► drop, accept, or for packets of IPv4 and IPv6 the firewall, if there is one
//!            └ <instance>0* … <instance>9* ─► drop
//! forward ─ iifname and oifname in @isolated ─► drop
//! forward, output ─ oifname in @rates ─► over the rate? drop; the firewall, if there is one;
//!                   in @listed ─► accept; else <instance>0* … ─► drop
//! ```
//!
//! A chain of its own, and few sets: with each set the kernel goes over all sets of the table, so that a full node's
//! filters would take minutes. Single values are compared, and what passed is counted beside the elements of two sets.
//!
//! The firewall of [`crate::firewall`] only ever sees what the anti-spoofing rules let through, and comes and goes in
//! the same transaction.
//!
//! Only values of types that can't hold nftables syntax get into the text. No connection tracking and no `reject`:
//! the bridge family has neither on every kernel.
//!
//! Reference: nft(8); ARP probes RFC 5227; duplicate address detection RFC 4862; neighbour discovery RFC 4861.

mod rules;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use berth_proto::{ExtraMac, InterfaceSpec};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sha2::{Digest, Sha256};

use self::rules::{chain_rules, in_rules};
use crate::firewall::{self, Rule};
use crate::{names, vlans};

/// Before everything else that looks at frames on a bridge.
const PRIORITY: i32 = -300;
/// What begins the comment by which a chain says which rules it holds.
pub const HASH_COMMENT: &str = "berth:";
/// Bytes that may pass at once when a rate is policed, at least.
const BURST_MIN_KBYTES: u32 = 64;
/// Packets that may pass at once when they are counted, at least.
const BURST_MIN_PACKETS: u32 = 64;
const QUARANTINE: &str = "counter drop";
/// Sets of taps that count, beside each element, what passed towards the guest and from it, within its rates.
pub(crate) const GOT: &str = "got";
pub(crate) const SENT: &str = "sent";
/// Maps and sets that each tap is in.
pub(crate) const TAPS: &str = "taps";
pub(crate) const RATES: &str = "rates";
pub(crate) const LISTED: &str = "listed";
/// The set of taps that reach no other one of it.
pub(crate) const ISOLATED: &str = "isolated";

/// What may leave one interface of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceFilter {
    tap: String,
    own: Own,
    /// Under further MAC addresses, each with what is used under it alone.
    extra: Vec<Own>,
    /// False: everything may leave.
    filtered: bool,
    /// Gateways inside of what it may use: nobody but the router speaks as them.
    gateways4: Vec<Ipv4Addr>,
    gateways: Vec<Ipv6Addr>,
    in_rate: Rate,
    out_rate: Rate,
    isolated: bool,
    /// Frames may come back to the tap that they came from, for ports of the node that lead to whoever asks at them.
    turns_back: bool,
    /// VLANs whose frames carry a tag: they are judged as all others are.
    tags: Vec<u32>,
    /// Addresses are told by DHCP, whatever the firewall says.
    dhcp: bool,
    /// In order; none where the firewall is off.
    firewall: Option<Vec<Rule>>,
    quarantined: bool,
}

/// A MAC address and what may be used under it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    mac: [u8; 6],
    ipv4: Vec<Ipv4Net>,
    ipv6: Vec<Ipv6Net>,
}

impl Own {
    fn new(mac: [u8; 6], ipv4: &[Ipv4Net], mut ipv6: Vec<Ipv6Net>) -> Own {
        ipv6.push(Ipv6Net::from(link_local(mac)));
        // An interval set takes no overlaps.
        Own { mac, ipv4: Ipv4Net::aggregate(&ipv4.to_vec()), ipv6: Ipv6Net::aggregate(&ipv6) }
    }

    fn extra(extra: &ExtraMac) -> Result<Own, String> {
        let mac = parse_mac(&extra.mac).ok_or_else(|| format!("{:?} is not a MAC address", extra.mac))?;
        let (ipv4, ipv6) = networks(&extra.networks)?;
        Ok(Own::new(mac, &ipv4, ipv6))
    }

    fn mac_text(&self) -> String {
        self.mac.map(|byte| format!("{byte:02x}")).join(":")
    }
}

/// What may pass in one direction; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    kbytes_s: u32,
    /// 0: by the rate.
    burst_kbytes: u32,
    packets_s: u32,
}

impl InterfaceFilter {
    /// From the specification; a sentence where a word of it is not what it should be.
    pub fn of(instance: &str, interface: &InterfaceSpec) -> Result<InterfaceFilter, String> {
        let tap = names::tap(instance, &interface.tag);
        let tag_ok = !interface.tag.is_empty() && interface.tag.bytes().all(|b| b.is_ascii_digit());
        if !names::instance_is_valid(instance) || !tag_ok {
            return Err(format!("{tap:?} is not a tap of this node: its tag is not a number"));
        }
        let mac = parse_mac(&interface.mac).ok_or_else(|| format!("{:?} is not a MAC address", interface.mac))?;
        let extra = interface.macs.iter().map(Own::extra).collect::<Result<Vec<_>, _>>()?;
        let (ipv4, ipv6) = passed(interface)?;
        let told = interface.ipv4.iter().map(|address| &address.gateway);
        let gateways4 = inside(told, |gateway: &Ipv4Addr| ipv4.iter().any(|net| net.contains(gateway)));
        let told = interface.ipv6.iter().map(|subnet| &subnet.gateway);
        let gateways = inside(told, |gateway: &Ipv6Addr| ipv6.iter().any(|net| net.contains(gateway)));
        let is_extra = |net: &IpNet| interface.macs.iter().any(|extra| extra.networks.iter().any(|n| is_net(n, net)));
        let ipv4: Vec<Ipv4Net> = ipv4.into_iter().filter(|net| !is_extra(&IpNet::V4(*net))).collect();
        let ipv6: Vec<Ipv6Net> = ipv6.into_iter().filter(|net| !is_extra(&IpNet::V6(*net))).collect();
        Ok(InterfaceFilter {
            tap,
            own: Own::new(mac, &ipv4, ipv6),
            extra,
            filtered: interface.ip_filter,
            gateways4,
            gateways,
            in_rate: Rate {
                kbytes_s: interface.in_average_kbs,
                burst_kbytes: interface.in_burst_kb,
                packets_s: interface.packets_s,
            },
            out_rate: Rate {
                kbytes_s: interface.out_average_kbs,
                burst_kbytes: interface.out_burst_kb,
                packets_s: interface.packets_s,
            },
            isolated: interface.isolated,
            turns_back: !interface.forwards.is_empty(),
            tags: tags(interface)?,
            dhcp: !interface.dhcp.is_empty(),
            firewall: interface.firewall.as_ref().map(|rules| Rule::all_of(&rules.rules)).transpose()?,
            quarantined: interface.quarantined,
        })
    }

    /// The interface's name on the host.
    pub fn tap(&self) -> &str {
        &self.tap
    }

    /// By which rules in force are told from rules to be made.
    pub fn hash(&self) -> String {
        let mut rules = [chain_rules(self, ""), in_rules(self)].concat();
        if let Some(firewall) = &self.firewall {
            rules.push(firewall::text("", &self.tap, firewall));
        }
        let hash = Sha256::digest(rules.join("\n"));
        hex::encode(&hash[..8])
    }

    /// The hash, and whether the tap is isolated, which its chains do not say.
    pub fn mark(&self) -> String {
        mark(&self.hash(), self.isolated)
    }
}

/// As [`InterfaceFilter::mark`], of what is in force.
pub(crate) fn mark(hash: &str, isolated: bool) -> String {
    if isolated { format!("{hash}-isolated") } else { hash.to_owned() }
}

/// A firewall judges frames without a tag alone.
fn tags(interface: &InterfaceSpec) -> Result<Vec<u32>, String> {
    vlans::of_interface(&interface.vlans)?;
    let tags: Vec<u32> = interface.vlans.iter().filter(|vlan| vlan.tagged).map(|vlan| vlan.id).collect();
    if !tags.is_empty() && interface.firewall.is_some() {
        return Err("an interface with a firewall can't be a trunk of VLANs".to_owned());
    }
    Ok(tags)
}

/// What an interface may use: its own addresses and subnets, and what is on its whitelist.
fn passed(interface: &InterfaceSpec) -> Result<(Vec<Ipv4Net>, Vec<Ipv6Net>), String> {
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for address in &interface.ipv4 {
        let wrong = |_| format!("{:?} is not an IPv4 address", address.address);
        ipv4.push(Ipv4Net::from(address.address.parse::<Ipv4Addr>().map_err(wrong)?));
    }
    for subnet in &interface.ipv6 {
        let wrong = || format!("{:?}/{} is not an IPv6 subnet", subnet.subnet, subnet.prefix_len);
        let base: Ipv6Addr = subnet.subnet.parse().map_err(|_| wrong())?;
        let prefix_len = u8::try_from(subnet.prefix_len).map_err(|_| wrong())?;
        ipv6.push(Ipv6Net::new(base, prefix_len).map_err(|_| wrong())?.trunc());
    }
    let (more4, more6) = networks(&interface.whitelist)?;
    ipv4.extend(more4);
    ipv6.extend(more6);
    Ok((ipv4, ipv6))
}

fn networks(texts: &[String]) -> Result<(Vec<Ipv4Net>, Vec<Ipv6Net>), String> {
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for text in texts {
        match text.parse::<IpNet>().map_err(|_| format!("{text:?} is not a network"))? {
            IpNet::V4(net) => ipv4.push(net.trunc()),
            IpNet::V6(net) => ipv6.push(net.trunc()),
        }
    }
    Ok((ipv4, ipv6))
}

fn is_net(text: &str, net: &IpNet) -> bool {
    text.parse::<IpNet>().is_ok_and(|parsed| parsed.trunc() == *net)
}

/// Those of the gateways that are `within`, each once.
fn inside<'a, A: std::str::FromStr + Ord>(
    gateways: impl Iterator<Item = &'a String>,
    within: impl Fn(&A) -> bool,
) -> Vec<A> {
    let mut found: Vec<A> = gateways.filter_map(|gateway| gateway.parse().ok()).filter(within).collect();
    found.sort_unstable();
    found.dedup();
    found
}

pub(crate) fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    // A group address is nobody's own.
    (parts.next().is_none() && mac[0] & 1 == 0).then_some(mac)
}

/// The link-local address that Linux derives from the MAC address (RFC 4291, appendix A). Other link-local addresses
/// are not passed: a guest could take the gateway's.
fn link_local(mac: [u8; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f))
}

/// Chains that are the whole table's.
pub(crate) const BASE_CHAINS: [&str; 6] =
    ["never", "always_out", "always_in", "from_guests", "to_guests", "to_guests_from_host"];

/// The table with its base chains; applied again it puts them right and leaves the taps' chains as they are.
pub fn table(instance: &str) -> String {
    let table = names::filter_table(instance);
    let mut text = format!(
        "table bridge {table} {{\n\
         \tmap taps {{ type ifname : verdict; }}\n\
         \tmap rates {{ type ifname : verdict; }}\n\
         \tset listed {{ type ifname; }}\n\
         \tset isolated {{ type ifname; }}\n\
         \tset got {{ type ifname; counter; }}\n\
         \tset sent {{ type ifname; counter; }}\n\
         \tchain never {{ }}\n\
         \tchain always_out {{ }}\n\
         \tchain always_in {{ }}\n\
         \tchain from_guests {{ type filter hook prerouting priority {PRIORITY}; policy accept; }}\n\
         \tchain to_guests {{ type filter hook forward priority {PRIORITY}; policy accept; }}\n\
         \tchain to_guests_from_host {{ type filter hook output priority {PRIORITY}; policy accept; }}\n\
         }}\n"
    );
    let mut chain = |name: &str, rules: &[String]| {
        let _ = writeln!(text, "flush chain bridge {table} {name}");
        for rule in rules {
            let _ = writeln!(text, "add rule bridge {table} {name} {rule}");
        }
    };
    chain("never", &never());
    for (name, rules) in firewall::always() {
        chain(name, &rules.map(String::from));
    }
    let unlisted = |meta: &'static str| (0..10).map(move |digit| format!("{meta} \"{instance}{digit}*\" counter drop"));
    let from: Vec<String> = std::iter::once("iifname vmap @taps".into()).chain(unlisted("iifname")).collect();
    let listed = ["oifname vmap @rates", "oifname @listed accept"].map(String::from);
    let to: Vec<String> = listed.into_iter().chain(unlisted("oifname")).collect();
    chain("from_guests", &from);
    let between = "iifname @isolated oifname @isolated counter drop".to_owned();
    chain("to_guests", &[&[between], &to[..]].concat());
    chain("to_guests_from_host", &to);
    text
}

/// What no filtered guest sends, whatever its addresses: router advertisements and redirects, answers of a DHCP
/// server, frames of a VLAN.
fn never() -> Vec<String> {
    [
        "ether type { 8021q, 8021ad } counter drop",
        "icmpv6 type { nd-router-advert, nd-redirect } counter drop",
        "ether type ip udp sport 67 counter drop",
        "ether type ip6 udp sport 547 counter drop",
    ]
    .map(String::from)
    .into()
}

/// Makes or replaces the rules of these interfaces in one transaction. The table is there already.
pub fn set(instance: &str, interfaces: &[InterfaceFilter]) -> String {
    let table = names::filter_table(instance);
    let mut text = String::new();
    for filter in interfaces {
        let (tap, chain) = (&filter.tap, chain_name(&filter.tap));
        // Its chains are there before a rule leads to them. Those of a firewall that was switched off stay, led to by none.
        if let Some(rules) = &filter.firewall {
            text += &firewall::text(&table, tap, rules);
        }
        let _ = writeln!(text, "add chain bridge {table} {chain}");
        let _ = writeln!(text, "flush chain bridge {table} {chain}");
        let comment = format!(" comment \"{HASH_COMMENT}{}\"", filter.hash());
        for rule in chain_rules(filter, &comment) {
            let _ = writeln!(text, "add rule bridge {table} {chain} {rule}");
        }
        let rates = rates_name(tap);
        let _ = writeln!(text, "add chain bridge {table} {rates}");
        let _ = writeln!(text, "flush chain bridge {table} {rates}");
        for rule in in_rules(filter) {
            let _ = writeln!(text, "add rule bridge {table} {rates} {rule}");
        }
        let _ = writeln!(text, "add element bridge {table} rates {{ \"{tap}\" : jump {rates} }}");
        let _ = writeln!(text, "add element bridge {table} taps {{ \"{tap}\" : goto {chain} }}");
        // What is counted outlives a change of the rules, and the tap: an element that is there stays as it is.
        for set in [LISTED, GOT, SENT] {
            let _ = writeln!(text, "add element bridge {table} {set} {{ \"{tap}\" }}");
        }
        // Deleting what is not in a set is an error, adding what is in it is none.
        let _ = writeln!(text, "add element bridge {table} isolated {{ \"{tap}\" }}");
        if !filter.isolated {
            let _ = writeln!(text, "delete element bridge {table} isolated {{ \"{tap}\" }}");
        }
    }
    text
}

/// Takes the taps out: from then on they are dropped. The taps are there, see [`crate::filters_apply`].
pub fn unset(instance: &str, taps: &[String]) -> String {
    let table = names::filter_table(instance);
    let mut text = String::new();
    for tap in taps {
        let _ = writeln!(text, "delete element bridge {table} rates {{ \"{tap}\" }}");
        let _ = writeln!(text, "delete element bridge {table} taps {{ \"{tap}\" }}");
        let _ = writeln!(text, "delete element bridge {table} listed {{ \"{tap}\" }}");
        for set in [ISOLATED, GOT, SENT] {
            let _ = writeln!(text, "add element bridge {table} {set} {{ \"{tap}\" }}");
            let _ = writeln!(text, "delete element bridge {table} {set} {{ \"{tap}\" }}");
        }
        for chain in [chain_name(tap), rates_name(tap)] {
            let _ = writeln!(text, "flush chain bridge {table} {chain}");
            let _ = writeln!(text, "delete chain bridge {table} {chain}");
        }
        text += &firewall::removal(&table, tap);
    }
    text
}

/// Removes the table, and with it the filters of every guest of the instance.
pub fn remove_table(instance: &str) -> String {
    let table = names::filter_table(instance);
    // Deleting what is not there is an error, adding what is there is none.
    format!("add table bridge {table}\ndelete table bridge {table}\n")
}

pub(crate) fn chain_name(tap: &str) -> String {
    format!("tap_{tap}")
}

/// The chain through which frames go to the guest, for its rate.
fn rates_name(tap: &str) -> String {
    format!("rate_{tap}")
}

#[cfg(test)]
mod tests;
