//! Makes the rules by which ports of the node lead to guests behind its address translation, as nftables text: pure, for
//! golden files.
//!
//! One table of the inet family for each instance, replaced as a whole in one transaction; flows that are known keep
//! their way through it. A port leads to a guest whichever of the node's addresses it is asked at, from outside, from
//! the node itself, and from other guests:
//!
//! ```text
//! prerouting, output ─ to an address of the node: port in @tcp or @udp ─► to that guest's address and port
//! postrouting        ─ from a guest to a guest of the same network by such a port ─► under the node's address, so that
//!                      the answer comes back through the node
//! ```
//!
//! Only values of types that can't hold nftables syntax get into the text.

use std::fmt::Write;
use std::net::Ipv4Addr;

use berth_proto::PortForward;
use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

use crate::names;

/// Ports of the node that may lead to guests: what it listens on itself lies below, as does what may be asked of it.
pub const PORTS: std::ops::RangeInclusive<u16> = 10_000..=59_999;
/// What begins the comment that says which forwards the table holds.
pub const HASH_COMMENT: &str = "berth:";
/// Rules of the whole table: one for each protocol from outside and from the node itself.
const DNAT_RULES: usize = 4;

/// One port of the node and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forward {
    tcp: bool,
    public_port: u16,
    address: Ipv4Addr,
    port: u16,
}

impl Forward {
    /// From the specification; a sentence where a word of it is not what it should be.
    pub fn of(forward: &PortForward) -> Result<Forward, String> {
        let tcp = match forward.protocol.as_str() {
            "tcp" => true,
            "udp" => false,
            other => return Err(format!("{other:?} is not a protocol of port forwards")),
        };
        let port = |port: u32| u16::try_from(port).ok().filter(|port| *port != 0);
        let public_port = port(forward.public_port).filter(|port| PORTS.contains(port)).ok_or_else(|| {
            format!(
                "port {} of the node can't lead to a guest: {} to {} can",
                forward.public_port,
                PORTS.start(),
                PORTS.end()
            )
        })?;
        let guest_port = port(forward.port).ok_or_else(|| format!("{} is not a port", forward.port))?;
        let address = forward.address.parse().map_err(|_| format!("{:?} is not an IPv4 address", forward.address))?;
        Ok(Forward { tcp, public_port, address, port: guest_port })
    }

    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub fn public_port(&self) -> u16 {
        self.public_port
    }
}

/// The forwards as they are put in force: in order, each port of the node once.
pub fn in_order(forwards: &[Forward]) -> Vec<Forward> {
    let mut sorted = forwards.to_vec();
    sorted.sort_unstable();
    sorted.dedup_by_key(|forward| (forward.tcp, forward.public_port));
    sorted
}

/// By which a table in force is told from one to be made.
pub fn hash(networks: &[Ipv4Net], forwards: &[Forward]) -> String {
    let text = format!("{networks:?} {:?}", in_order(forwards));
    hex::encode(&Sha256::digest(text)[..8])
}

/// How many rules and how many forwards the table holds.
pub fn sizes(networks: &[Ipv4Net], forwards: &[Forward]) -> (usize, usize) {
    (DNAT_RULES + networks.len() + 1, in_order(forwards).len())
}

/// Replaces the table. `networks` are those behind address translation.
pub fn table(instance: &str, networks: &[Ipv4Net], forwards: &[Forward]) -> String {
    let name = names::forwards_table(instance);
    let mut text = remove_table(instance);
    let _ = writeln!(text, "table inet {name} {{");
    for (map, tcp) in [("tcp", true), ("udp", false)] {
        let of_map = in_order(forwards).into_iter().filter(|forward| forward.tcp == tcp);
        let elements: Vec<String> =
            of_map.map(|of| format!("{} : {} . {}", of.public_port, of.address, of.port)).collect();
        let _ = writeln!(text, "\tmap to_{map} {{");
        let _ = writeln!(text, "\t\ttype inet_service : ipv4_addr . inet_service");
        if !elements.is_empty() {
            let _ = writeln!(text, "\t\telements = {{ {} }}", elements.join(", "));
        }
        let _ = writeln!(text, "\t}}");
    }
    for (chain, hook) in [("arriving", "prerouting"), ("own", "output")] {
        let _ = writeln!(text, "\tchain {chain} {{\n\t\ttype nat hook {hook} priority -100; policy accept;");
        for protocol in ["tcp", "udp"] {
            let _ = writeln!(
                text,
                "\t\tmeta nfproto ipv4 ip daddr != 127.0.0.0/8 fib daddr type local dnat ip to {protocol} dport map \
                 @to_{protocol}"
            );
        }
        let _ = writeln!(text, "\t}}");
    }
    let _ = writeln!(text, "\tchain between {{\n\t\ttype nat hook postrouting priority 100; policy accept;");
    for net in networks {
        let net = net.trunc();
        let _ = writeln!(text, "\t\tip saddr {net} ip daddr {net} ct status dnat masquerade");
    }
    let _ = writeln!(text, "\t\tcounter comment \"{HASH_COMMENT}{}\"\n\t}}\n}}", hash(networks, forwards));
    text
}

/// Nothing leads to a guest any more.
pub fn remove_table(instance: &str) -> String {
    let name = names::forwards_table(instance);
    // Deleting what is not there is an error, adding what is there is none.
    format!("add table inet {name}\ndelete table inet {name}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(protocol: &str, public_port: u32, address: &str, port: u32) -> Result<Forward, String> {
        Forward::of(&PortForward { protocol: protocol.into(), public_port, address: address.into(), port })
    }

    #[test]
    fn golden_forwards() {
        let forwards = [
            forward("tcp", 20_022, "10.77.0.3", 22).unwrap(),
            forward("tcp", 20_000, "10.77.0.2", 22).unwrap(),
            forward("udp", 20_000, "10.77.0.2", 53).unwrap(),
        ];
        let net = "10.77.0.1/24".parse().unwrap();
        insta::assert_snapshot!(table("berth", &[net], &forwards));
    }

    #[test]
    fn the_order_in_which_forwards_are_told_says_nothing() {
        let [a, b] = [20_000, 20_001].map(|port| forward("tcp", port, "10.77.0.2", 22).unwrap());
        let net = ["10.77.0.1/24".parse().unwrap()];
        assert_eq!(hash(&net, &[a, b]), hash(&net, &[b, a]));
        assert_ne!(hash(&net, &[a]), hash(&net, &[a, b]));
        assert_eq!(sizes(&net, &[a, b, a]), (6, 2));
    }

    #[test]
    fn what_is_no_port_address_or_protocol_is_refused() {
        for wrong in [
            forward("sctp", 20_000, "10.77.0.2", 22),
            forward("tcp", 8892, "10.77.0.2", 22),
            forward("tcp", 70_000, "10.77.0.2", 22),
            forward("tcp", 20_000, "10.77.0.2", 0),
            forward("tcp", 20_000, "10.77.0.2; flush", 22),
            forward("tcp", 20_000, "fd77::2", 22),
        ] {
            assert!(wrong.is_err(), "{wrong:?}");
        }
    }
}
