//! What a node routes to its guests where its owner lets it: host routes to single addresses and subnets by the bridge,
//! and answers on the uplink to those who look for the addresses there (proxy ARP, proxy NDP); pure, for golden files.
//!
//! ```text
//! world ── uplink │ node │ routed bridge ── guest
//!          answers for guests' addresses    answers for the gateway, which is beyond the uplink
//! ```
//!
//! All of it carries the instance's protocol number, by which it is told from what others made.

use std::collections::BTreeSet;
use std::net::IpAddr;

use berth_proto::InterfaceSpec;
use ipnet::IpNet;
use sha2::{Digest, Sha256};

/// Numbers of routing protocols that nobody has (`/etc/iproute2/rt_protos` begins its names at 186).
const PROTOCOLS: std::ops::Range<u8> = 64..128;

/// A routed bridge and the device by which the world is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    pub bridge: String,
    pub uplink: String,
}

/// One line of what is to be in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    Route { to: IpNet, dev: String },
    Proxy { address: IpAddr, dev: String },
}

/// By which the instance's lines are known.
pub fn protocol(instance: &str) -> u8 {
    let hash = Sha256::digest(instance.as_bytes());
    PROTOCOLS.start + hash[0] % (PROTOCOLS.end - PROTOCOLS.start)
}

/// What one interface on a routed bridge needs; a sentence where a word of it is not what it should be.
pub fn of_interface(routed: &Routed, interface: &InterfaceSpec) -> Result<BTreeSet<Line>, String> {
    let mut lines = BTreeSet::new();
    let ip = |text: &String| text.parse::<IpAddr>().map_err(|_| format!("{text:?} is not an IP address"));
    let route = |to: IpNet| Line::Route { to: to.trunc(), dev: routed.bridge.clone() };
    for address in &interface.ipv4 {
        let own = ip(&address.address)?;
        lines.insert(route(IpNet::from(own)));
        lines.insert(Line::Proxy { address: own, dev: routed.uplink.clone() });
    }
    for subnet in &interface.ipv6 {
        let wrong = || format!("{:?}/{} is not an IPv6 subnet", subnet.subnet, subnet.prefix_len);
        let prefix_len = u8::try_from(subnet.prefix_len).map_err(|_| wrong())?;
        lines.insert(route(IpNet::new(ip(&subnet.subnet)?, prefix_len).map_err(|_| wrong())?));
        // The kernel answers for single addresses: for the others of the subnet it is to be routed to the node.
        if !subnet.address.is_empty() {
            lines.insert(Line::Proxy { address: ip(&subnet.address)?, dev: routed.uplink.clone() });
        }
        if !subnet.gateway.is_empty() {
            lines.insert(Line::Proxy { address: ip(&subnet.gateway)?, dev: routed.bridge.clone() });
        }
    }
    Ok(lines)
}

/// The words of `ip -batch` that turn what is there into what is wanted: what is new first, so that nobody who keeps an
/// address is without it meanwhile.
pub fn batch(protocol: u8, now: &BTreeSet<Line>, wanted: &BTreeSet<Line>) -> String {
    let mut text = String::new();
    let mut say = |verb: &str, line: &Line| {
        text += &match line {
            Line::Route { to, dev } => format!("route {verb} {to} dev {dev} proto {protocol}\n"),
            Line::Proxy { address, dev } if verb == "del" => format!("neigh del proxy {address} dev {dev}\n"),
            Line::Proxy { address, dev } => format!("neigh {verb} proxy {address} dev {dev} protocol {protocol}\n"),
        };
    };
    wanted.difference(now).for_each(|line| say("replace", line));
    now.difference(wanted).for_each(|line| say("del", line));
    text
}

#[cfg(test)]
mod tests {
    use berth_proto::{Ipv4Address, Ipv6Subnet};

    use super::*;

    fn interface() -> InterfaceSpec {
        let address = |text: &str| Ipv4Address { address: text.into(), prefix_len: 24, gateway: "203.0.113.1".into() };
        InterfaceSpec {
            ipv4: vec![address("203.0.113.7"), address("198.51.100.9")],
            ipv6: vec![Ipv6Subnet {
                subnet: "2001:db8:0:7::".into(),
                prefix_len: 64,
                address: "2001:db8:0:7::1".into(),
                gateway: "2001:db8::1".into(),
            }],
            ..Default::default()
        }
    }

    #[test]
    fn golden_routes_of_a_guest() {
        let routed = Routed { bridge: "rt0".into(), uplink: "eth0".into() };
        let lines = of_interface(&routed, &interface()).unwrap();
        let fewer = InterfaceSpec { ipv4: interface().ipv4[..1].to_vec(), ..interface() };
        let fewer = of_interface(&routed, &fewer).unwrap();
        let texts = [batch(98, &BTreeSet::new(), &lines), batch(98, &lines, &fewer), batch(98, &lines, &lines)];
        insta::assert_snapshot!(texts.join("--\n"));
    }

    #[test]
    fn words_that_are_no_addresses_never_get_into_the_batch() {
        let routed = Routed { bridge: "rt0".into(), uplink: "eth0".into() };
        let hostile = "10.0.0.1\nlink del eth0";
        let wrong: [fn(&mut InterfaceSpec, &str); 4] = [
            |spec, text| spec.ipv4[0].address = text.into(),
            |spec, text| spec.ipv6[0].subnet = text.into(),
            |spec, text| spec.ipv6[0].address = text.into(),
            |spec, text| spec.ipv6[0].gateway = text.into(),
        ];
        for spoil in wrong {
            let mut spec = interface();
            spoil(&mut spec, hostile);
            assert!(of_interface(&routed, &spec).is_err());
        }
    }

    #[test]
    fn an_instance_has_one_number_among_those_that_are_nobodys() {
        assert!(["berth", "t3f", "a"].iter().all(|instance| PROTOCOLS.contains(&protocol(instance))));
        assert_eq!(protocol("berth"), protocol("berth"));
    }
}
