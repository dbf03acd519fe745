//! Makes a customer's firewall as nftables text: pure, for golden files. It judges only what the anti-spoofing rules of
//! [`crate::filters`] let through, so it can close doors and never open one.
//!
//! ```text
//! from the guest ─► fwo_<tap>: neighbour discovery, error messages, flows that are known ─► accept
//!                   its rules in order, the first that fits: drop, or ─► fwp_<tap>: remember the flow, accept
//!                   what no rule fits ─► fwp_<tap>
//! to the guest   ─► fwi_<tap>: neighbour discovery, error messages, flows that are known ─► accept
//!                   its rules in order ─► drop, or ─► fwq_<tap>: remember the flow, accept
//! ```
//!
//! It is stateful without connection tracking, which the bridge family has not on every kernel: sets whose elements
//! time out hold the flows that were let through, seen from the guest's side. They outlive a change of the rules, as
//! tracked connections do.
//!
//! Reference: nft(8), "Set statement"; which ICMPv6 must pass: RFC 4890.

use std::fmt::Write;

use berth_proto::{FirewallRule, PortRange};
use ipnet::IpNet;

/// Flows that are remembered for one interface, of each kind and family; further ones pass one way only.
///
/// The kernel makes room for all of them with the set: a table of 32,768 places, of which three quarters are used.
pub const MOST_FLOWS: u32 = 24_576;
pub const TCP_TIMEOUT_S: u32 = 3_600;
pub const UDP_TIMEOUT_S: u32 = 180;
pub const OTHER_TIMEOUT_S: u32 = 60;
/// Rules of one interface.
pub const MOST_RULES: usize = 500;
/// Ports and ranges of one rule.
pub const MOST_PORTS: usize = 32;

const TCP: u32 = 6;
const UDP: u32 = 17;

/// A rule whose words are what they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    inbound: bool,
    accept: bool,
    v6: bool,
    /// 0: any.
    protocol: u8,
    source: Option<IpNet>,
    destination: Option<IpNet>,
    source_ports: Vec<(u16, u16)>,
    destination_ports: Vec<(u16, u16)>,
}

impl Rule {
    /// From the specification; a sentence where a word of it is not what it should be.
    pub fn all_of(rules: &[FirewallRule]) -> Result<Vec<Rule>, String> {
        if rules.len() > MOST_RULES {
            return Err(format!("a firewall has at most {MOST_RULES} rules"));
        }
        rules.iter().map(Rule::of).collect()
    }

    fn of(rule: &FirewallRule) -> Result<Rule, String> {
        let v6 = match rule.family {
            4 => false,
            6 => true,
            other => return Err(format!("a firewall rule is of IPv4 or IPv6, not of {other}")),
        };
        let protocol = u8::try_from(rule.protocol).map_err(|_| format!("{} is not an IP protocol", rule.protocol))?;
        let network = |text: &str| match text {
            "" => Ok(None),
            text => match text.parse::<IpNet>() {
                Ok(net) if matches!(net, IpNet::V6(_)) == v6 => Ok(Some(net.trunc())),
                _ => Err(format!("{text:?} is not a network of the rule's family")),
            },
        };
        let (source_ports, destination_ports) = (ports(&rule.source_ports)?, ports(&rule.destination_ports)?);
        let has_ports = !source_ports.is_empty() || !destination_ports.is_empty();
        if has_ports && ![TCP, UDP].contains(&rule.protocol) {
            return Err("only TCP and UDP have ports".to_owned());
        }
        let (source, destination) = (network(&rule.source)?, network(&rule.destination)?);
        let (inbound, accept) = (rule.inbound, rule.accept);
        Ok(Rule { inbound, accept, v6, protocol, source, destination, source_ports, destination_ports })
    }

    /// As a match; the verdict follows.
    fn text(&self) -> String {
        let (family, ether) = if self.v6 { ("ip6", "ip6") } else { ("ip", "ip") };
        let mut text = format!("ether type {ether}");
        for (side, net) in [("saddr", self.source), ("daddr", self.destination)] {
            if let Some(net) = net {
                let _ = write!(text, " {family} {side} {net}");
            }
        }
        if self.protocol != 0 {
            let _ = write!(text, " meta l4proto {}", self.protocol);
        }
        for (side, ports) in [("sport", &self.source_ports), ("dport", &self.destination_ports)] {
            if !ports.is_empty() {
                let _ = write!(text, " th {side} {}", ranges(ports));
            }
        }
        text
    }

    /// Whether it may drop packets of this family that have ports, or those that have none.
    fn closes(&self, ports: bool, v6: bool) -> bool {
        let fits = match u32::from(self.protocol) {
            0 => true,
            TCP | UDP => ports,
            _ => !ports,
        };
        !self.accept && self.v6 == v6 && fits
    }
}

fn ports(ranges: &[PortRange]) -> Result<Vec<(u16, u16)>, String> {
    if ranges.len() > MOST_PORTS {
        return Err(format!("a firewall rule names at most {MOST_PORTS} ports"));
    }
    let port = |range: &PortRange| {
        let pair = u16::try_from(range.first).ok().zip(u16::try_from(range.last).ok());
        let pair = pair.filter(|(first, last)| first <= last);
        pair.ok_or_else(|| format!("{}-{} is not a range of ports", range.first, range.last))
    };
    let mut ports = ranges.iter().map(port).collect::<Result<Vec<_>, _>>()?;
    ports.sort_unstable();
    // A set takes no overlaps.
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ports {
        match merged.last_mut() {
            Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    Ok(merged)
}

fn ranges(ports: &[(u16, u16)]) -> String {
    let range = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    match ports {
        // Without a set, see [`crate::filters`].
        [one] => range(one),
        ports => format!("{{ {} }}", ports.iter().map(range).collect::<Vec<_>>().join(", ")),
    }
}

/// Chains and sets, by the tap's name: out, pass out, in, pass in; flows of TCP and UDP and of all else.
fn chains(tap: &str) -> [String; 4] {
    ["fwo", "fwp", "fwi", "fwq"].map(|kind| format!("{kind}_{tap}"))
}

/// Flows of one kind and family.
struct Flows {
    set: String,
    /// Of TCP and UDP; else of all other protocols.
    ports: bool,
    v6: bool,
}

impl Flows {
    fn declared(&self, table: &str) -> String {
        let address = if self.v6 { "ipv6_addr" } else { "ipv4_addr" };
        let ports = if self.ports { " . inet_service . inet_service" } else { "" };
        format!(
            "add set bridge {table} {} {{ type {address} . {address} . inet_proto{ports}; flags dynamic,timeout; \
             timeout {TCP_TIMEOUT_S}s; size {MOST_FLOWS}; }}",
            self.set
        )
    }
}

fn all_flows(tap: &str) -> [Flows; 4] {
    [("fl4", true, false), ("fl6", true, true), ("fx4", false, false), ("fx6", false, true)]
        .map(|(kind, ports, v6)| Flows { set: format!("{kind}_{tap}"), ports, v6 })
}

/// Flows that are to be remembered: those of TCP and UDP always, all others where a rule drops any of their family.
fn flows(tap: &str, rules: &[Rule]) -> Vec<Flows> {
    let is_needed = |flows: &Flows| flows.ports || rules.iter().any(|rule| rule.closes(false, flows.v6));
    all_flows(tap).into_iter().filter(is_needed).collect()
}

/// What a packet from the guest is judged by next.
pub fn goto_out(tap: &str) -> String {
    format!("goto {}", chains(tap)[0])
}

/// What a packet to the guest is judged by next. Frames that are not of IP fit none of its rules, and pass.
pub fn jump_in(tap: &str) -> String {
    format!("jump {}", chains(tap)[2])
}

/// Makes or replaces the firewall of a tap; flows that are known stay. No rules: everything passes.
pub fn text(table: &str, tap: &str, rules: &[Rule]) -> String {
    let [out, pass_out, inward, pass_in] = chains(tap);
    let mut text = String::new();
    let flows = flows(tap, rules);
    for of in &flows {
        let _ = writeln!(text, "{}", of.declared(table));
    }
    for chain in [&out, &pass_out, &inward, &pass_in] {
        let _ = writeln!(text, "add chain bridge {table} {chain}\nflush chain bridge {table} {chain}");
    }
    let mut add = |chain: &str, rule: &str| {
        let _ = writeln!(text, "add rule bridge {table} {chain} {rule}");
    };
    add(&out, "jump always_out");
    add(&inward, "jump always_in");
    // Passing renews the time that the flow is remembered for.
    for of in &flows {
        let (known_out, known_in) = known(of);
        // What no rule of its direction drops need not be known.
        let is_closed =
            |inbound: bool| rules.iter().any(|rule| rule.inbound == inbound && rule.closes(of.ports, of.v6));
        if is_closed(false) {
            add(&out, &format!("{known_out} goto {pass_out}"));
        }
        if is_closed(true) {
            add(&inward, &format!("{known_in} goto {pass_in}"));
        }
    }
    for rule in rules {
        let (chain, pass) = if rule.inbound { (&inward, &pass_in) } else { (&out, &pass_out) };
        let verdict = if rule.accept { format!("goto {pass}") } else { "counter drop".to_owned() };
        add(chain, &format!("{} {verdict}", rule.text()));
    }
    add(&out, &format!("goto {pass_out}"));
    add(&inward, &format!("goto {pass_in}"));
    for (remember_out, remember_in) in flows.iter().flat_map(remember) {
        add(&pass_out, &remember_out);
        add(&pass_in, &remember_in);
    }
    add(&pass_out, "accept");
    add(&pass_in, "accept");
    text
}

/// Takes the firewall of a tap away; nothing leads to its chains any more. What is not there is no error.
pub fn removal(table: &str, tap: &str) -> String {
    let mut text = String::new();
    // Emptied first, since they lead to each other.
    for chain in chains(tap) {
        let _ = writeln!(text, "add chain bridge {table} {chain}\nflush chain bridge {table} {chain}");
    }
    for chain in chains(tap) {
        let _ = writeln!(text, "delete chain bridge {table} {chain}");
    }
    for of in all_flows(tap) {
        let _ = writeln!(text, "{}\ndelete set bridge {table} {}", of.declared(table), of.set);
    }
    text
}

/// All that a firewall asks of the kernel, in a table that no packet gets to: rules that drop everything in both directions,
/// and so remember flows of each kind and family.
pub fn trial(table: &str) -> String {
    let mut text = format!("add table bridge {table}\n");
    for (chain, rules) in always() {
        let _ = writeln!(text, "add chain bridge {table} {chain}");
        for rule in rules {
            let _ = writeln!(text, "add rule bridge {table} {chain} {rule}");
        }
    }
    let drops = |inbound: bool, v6: bool| Rule {
        inbound,
        accept: false,
        v6,
        protocol: 0,
        source: None,
        destination: None,
        source_ports: Vec::new(),
        destination_ports: Vec::new(),
    };
    let rules = [drops(true, false), drops(true, true), drops(false, false), drops(false, true)];
    text + &self::text(table, "trial", &rules)
}

/// Chains of the whole table: what passes every firewall from a guest, and to one.
pub fn always() -> [(&'static str, [&'static str; 3]); 2] {
    [("always_out", always_passes(false)), ("always_in", always_passes(true))]
}

/// Without these no network works: how large packets may be, and who is where.
fn always_passes(inbound: bool) -> [&'static str; 3] {
    let neighbours = if inbound {
        "ether type ip6 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } \
         accept"
    } else {
        "ether type ip6 icmpv6 type { nd-router-solicit, nd-neighbor-solicit, mld-listener-report, mld2-listener-report } \
         accept"
    };
    [
        "ether type ip icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
        "ether type ip6 icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept",
        neighbours,
    ]
}

/// Keys of flows as packets from the guest and to the guest have them.
fn keys(v6: bool, ports: bool) -> (String, String) {
    let ip = if v6 { "ip6" } else { "ip" };
    let protocol = if v6 { "ip6 nexthdr" } else { "ip protocol" };
    let key = |own: &str, other: &str, own_port: &str, other_port: &str| {
        let ports = if ports { format!(" . th {own_port} . th {other_port}") } else { String::new() };
        format!("{ip} {own} . {ip} {other} . {protocol}{ports}")
    };
    (key("saddr", "daddr", "sport", "dport"), key("daddr", "saddr", "dport", "sport"))
}

/// Matches of packets whose flow is known, from the guest and to the guest. A set holds its own protocols alone.
fn known(flows: &Flows) -> (String, String) {
    let Flows { set, ports, v6 } = flows;
    let ether = if *v6 { "ip6" } else { "ip" };
    let (out, inward) = keys(*v6, *ports);
    (format!("ether type {ether} {out} @{set}"), format!("ether type {ether} {inward} @{set}"))
}

/// Statements that remember a packet's flow, from the guest and to the guest.
fn remember(flows: &Flows) -> Vec<(String, String)> {
    let Flows { set, ports, v6 } = flows;
    let (out, inward) = keys(*v6, *ports);
    let (ether, protocol) = if *v6 { ("ip6", "ip6 nexthdr") } else { ("ip", "ip protocol") };
    let pair = |which: &str, timeout_s: u32| {
        let update =
            |key: &str| format!("ether type {ether} {protocol} {which} update @{set} {{ {key} timeout {timeout_s}s }}");
        (update(&out), update(&inward))
    };
    if *ports {
        vec![pair(&TCP.to_string(), TCP_TIMEOUT_S), pair(&UDP.to_string(), UDP_TIMEOUT_S)]
    } else {
        vec![pair(&format!("!= {TCP} {protocol} != {UDP}"), OTHER_TIMEOUT_S)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICMP: u32 = 1;
    const ICMPV6: u32 = 58;

    fn rule() -> FirewallRule {
        FirewallRule { inbound: true, family: 4, ..Default::default() }
    }

    fn range(first: u32, last: u32) -> PortRange {
        PortRange { first, last }
    }

    #[test]
    fn golden_firewall() {
        let rules = [
            FirewallRule {
                accept: true,
                protocol: TCP,
                destination_ports: vec![range(443, 443), range(22, 22)],
                ..rule()
            },
            FirewallRule { protocol: UDP, source: "192.0.2.7/24".into(), source_ports: vec![range(1, 1023)], ..rule() },
            FirewallRule { accept: true, protocol: ICMP, ..rule() },
            FirewallRule { family: 6, protocol: ICMPV6, destination: "2001:db8::/32".into(), ..rule() },
            FirewallRule { inbound: false, protocol: TCP, destination_ports: vec![range(25, 25)], ..rule() },
            rule(),
        ];
        let rules = Rule::all_of(&rules).unwrap();
        insta::assert_snapshot!(text("berth_filter", "berth1234567890", &rules));
    }

    #[test]
    fn golden_removal() {
        insta::assert_snapshot!(removal("berth_filter", "berth1234567890"));
    }

    #[test]
    fn the_trial_has_flows_of_each_kind_and_family() {
        let text = trial("berth_trial");
        for set in ["fl4", "fl6", "fx4", "fx6"] {
            assert!(text.contains(&format!("add set bridge berth_trial {set}_trial ")), "{set}: {text}");
            assert!(text.contains(&format!(" update @{set}_trial ")), "{set}: {text}");
        }
        assert!(text.lines().all(|line| line.split(' ').nth(3) == Some("berth_trial")), "in its own table: {text}");
    }

    #[test]
    fn ports_that_overlap_or_touch_are_one_range() {
        let merged = ports(&[range(20, 30), range(25, 26), range(31, 40), range(50, 50), range(65535, 65535)]);
        assert_eq!(merged.unwrap(), [(20, 40), (50, 50), (65535, 65535)]);
    }

    #[test]
    fn t14_words_that_are_no_rules_never_get_into_the_firewall() {
        let hostile = "0.0.0.0/0 accept; flush ruleset";
        for wrong in [
            FirewallRule { family: 0, ..rule() },
            FirewallRule { protocol: 256, ..rule() },
            FirewallRule { source: hostile.into(), ..rule() },
            FirewallRule { destination: hostile.into(), ..rule() },
            FirewallRule { source: "2001:db8::/32".into(), ..rule() },
            FirewallRule { destination_ports: vec![range(1, 2)], ..rule() },
            FirewallRule { protocol: TCP, destination_ports: vec![range(2, 1)], ..rule() },
            FirewallRule { protocol: TCP, source_ports: vec![range(1, 65_536)], ..rule() },
            FirewallRule { protocol: TCP, source_ports: vec![range(1, 2); MOST_PORTS + 1], ..rule() },
        ] {
            assert!(Rule::all_of(std::slice::from_ref(&wrong)).is_err(), "{wrong:?}");
        }
        assert!(Rule::all_of(&vec![rule(); MOST_RULES + 1]).is_err());
    }
}
