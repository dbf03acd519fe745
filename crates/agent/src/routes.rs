//! What a node routes to its guests where its owner lets it: host routes to single addresses and subnets by the bridge,
//! and answers on the uplink to those who look for the addresses there (proxy ARP, proxy NDP); pure, for golden files.
//!
//! ```text
//! world ── uplink │ node │ routed bridge ── guest
//!          answers for guests' addresses    answers for the gateway, which is beyond the uplink
//! ```
//!
//! A subnet lies on the link, where the guest answers for each address, or is led to the guest's own address in it.
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
    Route {
        to: IpNet,
        dev: String,
    },
    /// By an address on the link, to which a route of the kind before leads: the kernel takes this one after that one.
    Through {
        to: IpNet,
        via: IpAddr,
        dev: String,
    },
    Proxy {
        address: IpAddr,
        dev: String,
    },
}

impl Line {
    /// Of a route.
    fn destination(&self) -> Option<IpNet> {
        match self {
            Line::Route { to, .. } | Line::Through { to, .. } => Some(*to),
            Line::Proxy { .. } => None,
        }
    }
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
        let net = IpNet::new(ip(&subnet.subnet)?, prefix_len).map_err(|_| wrong())?.trunc();
        let own = if subnet.address.is_empty() { None } else { Some(ip(&subnet.address)?) };
        // A subnet of a single address is the guest's own address.
        if subnet.routed && net.prefix_len() < net.max_prefix_len() {
            let via = own.filter(|own| net.contains(own)).ok_or_else(|| {
                format!("{net} is to be routed to the guest's address in it, and {:?} is none", subnet.address)
            })?;
            lines.insert(route(IpNet::from(via)));
            lines.insert(Line::Through { to: net, via, dev: routed.bridge.clone() });
        } else {
            lines.insert(route(net));
        }
        // The kernel answers for single addresses: for the others of the subnet it is to be routed to the node.
        if let Some(address) = own {
            lines.insert(Line::Proxy { address, dev: routed.uplink.clone() });
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
            Line::Through { to, via, dev } => format!("route {verb} {to} via {via} dev {dev} proto {protocol}\n"),
            Line::Proxy { address, dev } if verb == "del" => format!("neigh del proxy {address} dev {dev}\n"),
            Line::Proxy { address, dev } => format!("neigh {verb} proxy {address} dev {dev} protocol {protocol}\n"),
        };
    };
    wanted.difference(now).for_each(|line| say("replace", line));
    // What is new took the place of the route to the same destination; to take that one away would take the new one.
    let replaced: BTreeSet<IpNet> = wanted.difference(now).filter_map(Line::destination).collect();
    let is_left = |line: &&Line| line.destination().is_none_or(|to| !replaced.contains(&to));
    now.difference(wanted).filter(is_left).for_each(|line| say("del", line));
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
                routed: false,
            }],
            ..Default::default()
        }
    }

    /// With its subnet alone, which is changed.
    fn of_subnet(change: impl FnOnce(&mut Ipv6Subnet)) -> Result<BTreeSet<Line>, String> {
        let mut spec = InterfaceSpec { ipv4: Vec::new(), ..interface() };
        change(&mut spec.ipv6[0]);
        of_interface(&Routed { bridge: "rt0".into(), uplink: "eth0".into() }, &spec)
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
    fn a_subnet_is_led_to_its_guests_address_which_is_found_first() {
        let on_link = of_subnet(|_| {}).unwrap();
        let led = of_subnet(|subnet| subnet.routed = true).unwrap();
        let to_host = "route replace 2001:db8:0:7::1/128 dev rt0 proto 98\n";
        let by_host = "route replace 2001:db8:0:7::/64 via 2001:db8:0:7::1 dev rt0 proto 98\n";
        assert_eq!(batch(98, &on_link, &led), format!("{to_host}{by_host}"), "nothing is left to be taken away");
        assert_eq!(
            batch(98, &led, &on_link),
            "route replace 2001:db8:0:7::/64 dev rt0 proto 98\nroute del 2001:db8:0:7::1/128 dev rt0 proto 98\n"
        );
        assert_eq!(
            batch(98, &led, &BTreeSet::new()),
            "route del 2001:db8:0:7::1/128 dev rt0 proto 98\n\
             route del 2001:db8:0:7::/64 via 2001:db8:0:7::1 dev rt0 proto 98\n\
             neigh del proxy 2001:db8::1 dev rt0\n\
             neigh del proxy 2001:db8:0:7::1 dev eth0\n"
        );
        let other = of_subnet(|subnet| {
            subnet.routed = true;
            subnet.address = "2001:db8:0:7::2".into();
        });
        let words = batch(98, &led, &other.unwrap());
        assert!(words.contains("replace 2001:db8:0:7::/64 via 2001:db8:0:7::2 dev rt0"), "{words}");
        assert!(!words.contains("del 2001:db8:0:7::/64"), "{words}");
    }

    #[test]
    fn a_subnet_is_led_only_to_an_address_in_it() {
        for wrong in ["", "2001:db8:0:8::1", "203.0.113.7"] {
            let refused = of_subnet(|subnet| {
                subnet.routed = true;
                subnet.address = wrong.into();
            });
            assert!(refused.unwrap_err().ends_with(&format!("and {wrong:?} is none")));
        }
        let single = |routed: bool| {
            of_subnet(|subnet| {
                subnet.subnet = "2001:db8:0:7::1".into();
                subnet.prefix_len = 128;
                subnet.routed = routed;
            })
        };
        assert_eq!(single(true).unwrap(), single(false).unwrap(), "a single address is on the link");
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
