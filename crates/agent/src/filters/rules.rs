//! The rules of one tap: what may leave it, and what is judged on its way to it. Pure, as all of the filters.

use ipnet::{Ipv4Net, Ipv6Net};

use super::{BURST_MIN_KBYTES, BURST_MIN_PACKETS, GOT, InterfaceFilter, Own, QUARANTINE, Rate, SENT, never};
use crate::firewall;

/// Values that are compared one after the other. With each set, named or not, the kernel goes over all sets of the
/// table, which is what takes the time of a full node's filters.
const MOST_WITHOUT_A_SET: usize = 8;

/// What is judged on its way to the guest.
pub(super) fn in_rules(filter: &InterfaceFilter) -> Vec<String> {
    if filter.quarantined {
        return vec![QUARANTINE.into()];
    }
    let mut rules = Vec::new();
    if filter.turns_back {
        // Nothing of its own but what is for it: a guest that hears its own probes takes its address for another's.
        let others = none_of("ether daddr", macs(filter));
        rules.push(format!("iifname \"{}\" {others} counter drop", filter.tap));
    }
    rules.extend(rate_rules(filter.in_rate));
    // Counts beside the element, and judges nothing.
    rules.push(format!("oifname @{GOT}"));
    if filter.dhcp && filter.firewall.is_some() {
        rules.push("ether type ip udp sport 67 udp dport 68 accept".into());
        rules.push("ether type ip6 udp sport 547 udp dport 546 accept".into());
    }
    rules.extend(filter.firewall.as_ref().map(|_| firewall::jump_in(&filter.tap)));
    rules
}

/// Drops what is over the rate; senders slow down. 0: no limit.
fn rate_rules(rate: Rate) -> Vec<String> {
    let Rate { kbytes_s, burst_kbytes, packets_s } = rate;
    let mut rules = Vec::new();
    if packets_s != 0 {
        let burst = BURST_MIN_PACKETS.max(packets_s / 4);
        rules.push(format!("limit rate over {packets_s}/second burst {burst} packets counter drop"));
    }
    if kbytes_s != 0 {
        let burst = if burst_kbytes == 0 { BURST_MIN_KBYTES.max(kbytes_s / 4) } else { burst_kbytes };
        rules.push(format!("limit rate over {kbytes_s} kbytes/second burst {burst} kbytes counter drop"));
    }
    rules
}

/// The rules of a tap. The last one carries the comment.
pub(super) fn chain_rules(filter: &InterfaceFilter, comment: &str) -> Vec<String> {
    if filter.quarantined {
        return vec![format!("{QUARANTINE}{comment}")];
    }
    let mut rules = rate_rules(filter.out_rate);
    rules.push(format!("iifname @{SENT}"));
    // Where packets go on that are the guest's own.
    let own_packets = filter.firewall.as_ref().map_or("accept".to_owned(), |_| firewall::goto_out(&filter.tap));
    if !filter.filtered {
        if filter.firewall.is_some() {
            rules.extend(["ip", "ip6"].map(|family| format!("ether type {family} {own_packets}")));
        }
        rules.push(format!("counter accept{comment}"));
        return rules;
    }
    rules.push(format!("{} counter drop", none_of("ether saddr", macs(filter))));
    if !filter.tags.is_empty() {
        rules.extend(tagged_rules(filter));
    }
    rules.push("jump never".into());
    rules.extend(all_own_rules(filter, &own_packets));
    rules.push(format!("counter drop{comment}"));
    rules
}

/// The same of frames that carry the tag of a VLAN that the interface has; all others with a tag are dropped.
fn tagged_rules(filter: &InterfaceFilter) -> Vec<String> {
    let in_tag = |rule: &str| {
        let inner = rule
            .replace("ether type", "vlan type")
            .replace("icmpv6 type { nd-router", "vlan type ip6 icmpv6 type { nd-router");
        format!("ether type 8021q {inner}")
    };
    let mut rules = vec![format!("ether type 8021q {} counter drop", none_of("vlan id", &filter.tags))];
    // A second tag is never one's own.
    rules.extend(never().iter().map(|rule| in_tag(rule)));
    rules.extend(all_own_rules(filter, "accept").iter().map(|rule| in_tag(rule)));
    rules.push("ether type 8021q counter drop".into());
    rules
}

/// What may be sent under each of the MAC addresses behind the tap.
fn all_own_rules(filter: &InterfaceFilter, own_packets: &str) -> Vec<String> {
    let mut rules = Vec::new();
    let gateways4: Vec<Ipv4Net> = filter.gateways4.iter().copied().map(Ipv4Net::from).collect();
    let gateways6: Vec<Ipv6Net> = filter.gateways.iter().copied().map(Ipv6Net::from).collect();
    for extra in &filter.extra {
        let mac = extra.mac_text();
        let own_rules = own_rules(extra, (&gateways4, &gateways6), own_packets);
        rules.extend(own_rules.into_iter().map(|rule| format!("ether saddr {mac} {rule}")));
        rules.push(format!("ether saddr {mac} counter drop"));
    }
    // What has a MAC address of its own may lie in a network that the interface is let through besides.
    let others4: Vec<Ipv4Net> = filter.extra.iter().flat_map(|extra| &extra.ipv4).chain(&gateways4).copied().collect();
    let others6: Vec<Ipv6Net> = filter.extra.iter().flat_map(|extra| &extra.ipv6).chain(&gateways6).copied().collect();
    let others = (Ipv4Net::aggregate(&others4), Ipv6Net::aggregate(&others6));
    rules.extend(own_rules(&filter.own, (&others.0, &others.1), own_packets));
    rules
}

/// All MAC addresses behind the tap.
fn macs(filter: &InterfaceFilter) -> Vec<String> {
    std::iter::once(&filter.own).chain(&filter.extra).map(Own::mac_text).collect()
}

/// What may be sent under one MAC address. `others` are nobody's or another's, also where they lie inside of its own.
fn own_rules(own: &Own, others: (&[Ipv4Net], &[Ipv6Net]), own_packets: &str) -> Vec<String> {
    let mut rules = Vec::new();
    let mac = own.mac_text();
    let arp = format!("ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether {mac}");
    // A probe before an address is taken; it changes nobody's table.
    rules.push(format!("{arp} arp operation request arp saddr ip 0.0.0.0 accept"));
    for field in ["ether type arp arp saddr ip", "ether type ip ip saddr"] {
        rules.extend(each_of(field, others.0.iter().map(network_text)).map(|other| format!("{other} counter drop")));
    }
    // Requests and replies.
    let arp = format!("{arp} arp operation 1-2 arp saddr ip");
    rules.extend(each_of(&arp, own.ipv4.iter().map(network_text)).map(|own| format!("{own} accept")));
    rules.push("ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept".into());
    if !own.ipv4.is_empty() {
        let false_ones = none_of("ip saddr", own.ipv4.iter().map(network_text));
        rules.push(format!("ether type ip {false_ones} counter drop"));
        rules.push(format!("ether type ip {own_packets}"));
    }
    ipv6_rules(&own.ipv6, others.1, own_packets, &mut rules);
    rules
}

/// Neighbour advertisements, and solicitations without a source address, only for addresses of one's own: their
/// target stands 8 bytes into the ICMPv6 message, for which older nft has no name.
fn ipv6_rules(own: &[Ipv6Net], others: &[Ipv6Net], own_packets: &str, rules: &mut Vec<String>) {
    let others_text = others.iter().map(network6_text);
    rules.extend(each_of("ether type ip6 ip6 saddr", others_text).map(|other| format!("{other} counter drop")));
    for other in others {
        let target = target_in(other);
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-advert {target} counter drop"));
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-solicit ip6 saddr :: {target} counter drop"));
    }
    for net in own {
        let target = target_in(net);
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-solicit ip6 saddr :: {target} accept"));
    }
    // Groups are reported before the first address is settled (RFC 3590).
    for report in ["mld-listener-report", "mld2-listener-report"] {
        rules.push(format!("ether type ip6 ip6 saddr :: icmpv6 type {report} accept"));
    }
    let false_ones = none_of("ip6 saddr", own.iter().map(network6_text));
    rules.push(format!("ether type ip6 {false_ones} counter drop"));
    for net in own {
        rules.push(format!("ether type ip6 icmpv6 type nd-neighbor-advert {} accept", target_in(net)));
    }
    rules.push("ether type ip6 icmpv6 type nd-neighbor-advert counter drop".into());
    rules.push(format!("ether type ip6 {own_packets}"));
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

/// A single address without its length.
fn network_text(net: &Ipv4Net) -> String {
    if net.prefix_len() == 32 { net.addr().to_string() } else { net.to_string() }
}

fn network6_text(net: &Ipv6Net) -> String {
    if net.prefix_len() == 128 { net.addr().to_string() } else { net.to_string() }
}

/// A match of whatever is none of these.
fn none_of(field: &str, items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.len() > MOST_WITHOUT_A_SET {
        return format!("{field} != {}", braces(items));
    }
    items.iter().map(|item| format!("{field} != {item}")).collect::<Vec<_>>().join(" ")
}

/// Matches that together fit each of these and nothing else.
fn each_of(field: &str, items: impl IntoIterator<Item = impl ToString>) -> impl Iterator<Item = String> {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.len() > MOST_WITHOUT_A_SET {
        items = vec![braces(items)];
    }
    let field = field.to_owned();
    items.into_iter().map(move |item| format!("{field} {item}"))
}

fn braces(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("{{ {} }}", items.join(", "))
}
