//! Makes the anti-spoofing rules as nftables text: pure, for golden files.
//!
//! One table of the bridge family for each instance. It fails closed: what comes from a tap with the instance's
//! prefix is dropped unless the tap is in the map, and nothing goes to such a tap either. Each tap has a chain of its
//! own, so that a change of one server replaces that chain in one transaction and touches nothing else:
//!
//! ```text
//! prerouting ─ iifname in @taps ─► tap_<name>: own MAC? never list? ARP, IPv4, IPv6, ND of its own? ─► accept / drop
//!            └ <instance>0* … <instance>9* ─► drop
//! forward, output ─ oifname in @rates ─► over the rate? drop; in @listed ─► accept; else <instance>0* … ─► drop
//! ```
//!
//! Only values of types that can't hold nftables syntax get into the text. No connection tracking and no `reject`:
//! the bridge family has neither on every kernel.
//!
//! Reference: nft(8); ARP probes RFC 5227; duplicate address detection RFC 4862; neighbour discovery RFC 4861.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use berth_proto::InterfaceSpec;
use ipnet::Ipv6Net;
use sha2::{Digest, Sha256};

use crate::names;

/// Before everything else that looks at frames on a bridge.
const PRIORITY: i32 = -300;
/// What begins the comment by which a chain says which rules it holds.
pub const HASH_COMMENT: &str = "berth:";
/// Bytes that may pass at once when a rate is policed, at least.
const BURST_MIN_KBYTES: u32 = 64;

/// What may leave one interface of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceFilter {
    tap: String,
    mac: [u8; 6],
    /// False: everything may leave.
    filtered: bool,
    ipv4: Vec<Ipv4Addr>,
    ipv6: Vec<Ipv6Net>,
    /// Gateways inside of the subnets: nobody but the router speaks as them.
    gateways: Vec<Ipv6Addr>,
    in_kbytes_s: u32,
    out_kbytes_s: u32,
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
        let mut ipv4 = Vec::new();
        for address in &interface.ipv4 {
            let wrong = || format!("{:?} is not an IPv4 address", address.address);
            ipv4.push(address.address.parse::<Ipv4Addr>().map_err(|_| wrong())?);
        }
        let mut ipv6 = vec![Ipv6Net::from(link_local(mac))];
        for subnet in &interface.ipv6 {
            let wrong = || format!("{:?}/{} is not an IPv6 subnet", subnet.subnet, subnet.prefix_len);
            let base: Ipv6Addr = subnet.subnet.parse().map_err(|_| wrong())?;
            let prefix_len = u8::try_from(subnet.prefix_len).map_err(|_| wrong())?;
            ipv6.push(Ipv6Net::new(base, prefix_len).map_err(|_| wrong())?.trunc());
        }
        let gateways = interface.ipv6.iter().filter_map(|subnet| subnet.gateway.parse().ok());
        let mut gateways: Vec<Ipv6Addr> =
            gateways.filter(|gateway| ipv6.iter().any(|net| net.contains(gateway))).collect();
        gateways.sort_unstable();
        gateways.dedup();
        ipv4.sort_unstable();
        ipv4.dedup();
        ipv6.sort_unstable();
        ipv6.dedup();
        // An interval set takes no overlaps.
        let ipv6 = Ipv6Net::aggregate(&ipv6);
        Ok(InterfaceFilter {
            tap,
            mac,
            filtered: interface.ip_filter,
            ipv4,
            ipv6,
            gateways,
            in_kbytes_s: interface.in_average_kbs,
            out_kbytes_s: interface.out_average_kbs,
        })
    }

    /// The interface's name on the host.
    pub fn tap(&self) -> &str {
        &self.tap
    }

    /// By which rules in force are told from rules to be made.
    pub fn hash(&self) -> String {
        let rules = [chain_rules(self, ""), rate_rules(self.in_kbytes_s)].concat();
        let hash = Sha256::digest(rules.join("\n"));
        hex::encode(&hash[..8])
    }
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
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

/// The table with its base chains; applied again it puts them right and leaves the taps' chains as they are.
pub fn table(instance: &str) -> String {
    let table = names::filter_table(instance);
    let mut text = format!(
        "table bridge {table} {{\n\
         \tmap taps {{ type ifname : verdict; }}\n\
         \tmap rates {{ type ifname : verdict; }}\n\
         \tset listed {{ type ifname; }}\n\
         \tchain never {{ }}\n\
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
    let unlisted = |meta: &'static str| (0..10).map(move |digit| format!("{meta} \"{instance}{digit}*\" counter drop"));
    let from: Vec<String> = std::iter::once("iifname vmap @taps".into()).chain(unlisted("iifname")).collect();
    let listed = ["oifname vmap @rates", "oifname @listed accept"].map(String::from);
    let to: Vec<String> = listed.into_iter().chain(unlisted("oifname")).collect();
    chain("from_guests", &from);
    chain("to_guests", &to);
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
        let _ = writeln!(text, "add chain bridge {table} {chain}");
        let _ = writeln!(text, "flush chain bridge {table} {chain}");
        let comment = format!(" comment \"{HASH_COMMENT}{}\"", filter.hash());
        for rule in chain_rules(filter, &comment) {
            let _ = writeln!(text, "add rule bridge {table} {chain} {rule}");
        }
        let rates = rates_name(tap);
        let _ = writeln!(text, "add chain bridge {table} {rates}");
        let _ = writeln!(text, "flush chain bridge {table} {rates}");
        for rule in rate_rules(filter.in_kbytes_s) {
            let _ = writeln!(text, "add rule bridge {table} {rates} {rule}");
        }
        let _ = writeln!(text, "add element bridge {table} rates {{ \"{tap}\" : jump {rates} }}");
        let _ = writeln!(text, "add element bridge {table} taps {{ \"{tap}\" : goto {chain} }}");
        let _ = writeln!(text, "add element bridge {table} listed {{ \"{tap}\" }}");
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
        for chain in [chain_name(tap), rates_name(tap)] {
            let _ = writeln!(text, "flush chain bridge {table} {chain}");
            let _ = writeln!(text, "delete chain bridge {table} {chain}");
        }
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

/// Drops what is over the rate; senders slow down. 0: no limit.
fn rate_rules(kbytes_s: u32) -> Vec<String> {
    let burst = BURST_MIN_KBYTES.max(kbytes_s / 4);
    let rule = || format!("limit rate over {kbytes_s} kbytes/second burst {burst} kbytes counter drop");
    (kbytes_s != 0).then(rule).into_iter().collect()
}

/// The rules of a tap. The last one carries the comment.
fn chain_rules(filter: &InterfaceFilter, comment: &str) -> Vec<String> {
    let mut rules = rate_rules(filter.out_kbytes_s);
    if !filter.filtered {
        rules.push(format!("counter accept{comment}"));
        return rules;
    }
    let mac = filter.mac.map(|byte| format!("{byte:02x}")).join(":");
    rules.push(format!("ether saddr != {mac} counter drop"));
    rules.push("jump never".into());
    let arp = format!("ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether {mac}");
    // A probe before an address is taken; it changes nobody's table.
    rules.push(format!("{arp} arp operation request arp saddr ip 0.0.0.0 accept"));
    if !filter.ipv4.is_empty() {
        let own = braces(filter.ipv4.iter().copied().map(IpAddr::from));
        rules.push(format!("{arp} arp operation {{ request, reply }} arp saddr ip {own} accept"));
        rules.push(format!("ether type ip ip saddr {own} accept"));
    }
    rules.push("ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept".into());
    ipv6_rules(&filter.ipv6, &filter.gateways, &mut rules);
    rules.push(format!("counter drop{comment}"));
    rules
}

/// Neighbour advertisements, and solicitations without a source address, only for addresses of one's own: their
/// target stands 8 bytes into the ICMPv6 message, for which older nft has no name.
fn ipv6_rules(own: &[Ipv6Net], gateways: &[Ipv6Addr], rules: &mut Vec<String>) {
    let sources = braces(own);
    if !gateways.is_empty() {
        rules.push(format!("ether type ip6 ip6 saddr {} counter drop", braces(gateways)));
    }
    for gateway in gateways {
        let (target, types) = (target_in(&Ipv6Net::from(*gateway)), "{ nd-neighbor-advert, nd-neighbor-solicit }");
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-advert {target} counter drop"));
        rules.push(format!("ether type ip6 icmpv6 type {types} ip6 saddr :: {target} counter drop"));
    }
    for net in own {
        let target = target_in(net);
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-advert ip6 saddr {sources} {target} accept"));
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-solicit ip6 saddr :: {target} accept"));
    }
    rules.push("ether type ip6 icmpv6 type nd-neighbor-advert counter drop".into());
    // Groups are reported before the first address is settled (RFC 3590).
    rules.push("ether type ip6 ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept".into());
    rules.push(format!("ether type ip6 ip6 saddr {sources} accept"));
}

/// A match of the message's target address against a subnet: whole bytes are compared, a mask cuts the rest.
fn target_in(net: &Ipv6Net) -> String {
    let prefix_len = u32::from(net.prefix_len());
    let bits = prefix_len.next_multiple_of(8).max(8);
    let value = u128::from(net.network()) >> (128 - bits);
    if bits == prefix_len {
        return format!("@th,64,{bits} {value:#x}");
    }
    let all = u128::MAX >> (128 - bits);
    let mask = all & (all << (bits - prefix_len));
    format!("@th,64,{bits} & {mask:#x} == {value:#x}")
}

fn braces(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("{{ {} }}", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_proto::{Ipv4Address, Ipv6Subnet};

    fn interface() -> InterfaceSpec {
        InterfaceSpec {
            tag: "1234567890".into(),
            mac: "52:54:00:00:00:01".into(),
            ip_filter: true,
            ipv4: ["10.7.0.3", "10.7.0.2"]
                .map(|address| Ipv4Address { address: address.into(), prefix_len: 24, gateway: String::new() })
                .into(),
            ipv6: vec![Ipv6Subnet {
                subnet: "fd00:7::".into(),
                prefix_len: 64,
                gateway: "fd00:7::1".into(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn filter(interface: &InterfaceSpec) -> InterfaceFilter {
        InterfaceFilter::of("berth", interface).unwrap()
    }

    #[test]
    fn golden_table() {
        insta::assert_snapshot!(table("berth"));
    }

    #[test]
    fn golden_interfaces() {
        let open = InterfaceSpec { tag: "0000000002".into(), ip_filter: false, ..interface() };
        let bare = InterfaceSpec {
            tag: "0000000003".into(),
            ipv4: vec![],
            ipv6: vec![Ipv6Subnet { subnet: "2001:db8:0:10::".into(), prefix_len: 60, ..Default::default() }],
            in_average_kbs: 2000,
            out_average_kbs: 1000,
            ..interface()
        };
        insta::assert_snapshot!(set("berth", &[filter(&interface()), filter(&open), filter(&bare)]));
    }

    #[test]
    fn golden_removal() {
        insta::assert_snapshot!(unset("berth", &["berth1234567890".into()]) + &remove_table("berth"));
    }

    #[test]
    fn the_hash_changes_with_each_rule_and_not_with_the_order_of_addresses() {
        let mut turned = interface();
        turned.ipv4.reverse();
        assert_eq!(filter(&turned).hash(), filter(&interface()).hash());
        turned.ipv4.pop();
        assert_ne!(filter(&turned).hash(), filter(&interface()).hash());
        assert_ne!(filter(&InterfaceSpec { ip_filter: false, ..interface() }).hash(), filter(&interface()).hash());
    }

    #[test]
    fn t14_words_that_are_no_addresses_never_get_into_the_rules() {
        let hostile = "1; add rule bridge x y accept\n";
        let wrong: [fn(&mut InterfaceSpec, &str); 4] = [
            |interface, text| interface.tag = text.into(),
            |interface, text| interface.mac = text.into(),
            |interface, text| interface.ipv4[0].address = text.into(),
            |interface, text| interface.ipv6[0].subnet = text.into(),
        ];
        for spoil in wrong {
            let mut interface = interface();
            spoil(&mut interface, hostile);
            assert!(InterfaceFilter::of("berth", &interface).is_err());
        }
        assert!(InterfaceFilter::of("be\"rt", &interface()).is_err());
        for mac in ["", "52:54:00:00:00", "52:54:00:00:00:01:02", "53:54:00:00:00:01", "+1:54:00:00:00:01"] {
            assert!(InterfaceFilter::of("berth", &InterfaceSpec { mac: mac.into(), ..interface() }).is_err(), "{mac}");
        }
    }
}
