//! Makes the configuration of the DHCP server of a bridge, a dnsmasq: pure, for golden files.
//!
//! Whoever has one of the MAC addresses is told the addresses that the control server says; nobody else is answered, and
//! nothing is given from a pool. Without DNS. The node advertises itself as a router only where it is the guests' gateway.
//!
//! Reference: dnsmasq(8). A range whose network the bridge has no address of is let in by `shared-network`. The route to
//! a gateway outside of the network is option 121 (RFC 3442), after which a client ignores the router option.

use std::fmt::Write;
use std::net::IpAddr;

use berth_proto::DhcpLease;
use ipnet::IpNet;

/// How long a guest keeps an address before it asks again.
const LEASE: &str = "1h";

/// What one MAC address is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    mac: [u8; 6],
    address: IpNet,
    gateway: Option<IpAddr>,
    resolvers: Vec<IpAddr>,
}

impl Lease {
    /// From the specification; a sentence where a word of it is not what it should be.
    pub fn of(lease: &DhcpLease) -> Result<Lease, String> {
        let mac =
            crate::filters::parse_mac(&lease.mac).ok_or_else(|| format!("{:?} is not a MAC address", lease.mac))?;
        let ip = |text: &String| text.parse::<IpAddr>().map_err(|_| format!("{text:?} is not an IP address"));
        let prefix_len = u8::try_from(lease.prefix_len).unwrap_or(u8::MAX);
        let address = IpNet::new(ip(&lease.address)?, prefix_len)
            .map_err(|_| format!("{:?}/{} is not an address", lease.address, lease.prefix_len))?;
        let gateway = Some(&lease.gateway).filter(|text| !text.is_empty()).map(ip).transpose()?;
        let resolvers = lease.resolvers.iter().map(ip).collect::<Result<_, _>>()?;
        Ok(Lease { mac, address, gateway, resolvers })
    }

    pub fn is_ipv4(&self) -> bool {
        self.address.addr().is_ipv4()
    }

    fn gateway_is_inside(&self) -> bool {
        self.gateway.is_some_and(|gateway| self.address.contains(&gateway))
    }
}

/// The whole file. `own` are the bridge's own addresses on the node.
pub fn config(bridge: &str, own: &[IpNet], leases: &[Lease]) -> String {
    let mut sorted = leases.to_vec();
    sorted.sort_unstable();
    // One address of each family for a MAC address.
    sorted.dedup_by_key(|lease| (lease.mac, lease.is_ipv4()));
    let mut text = format!(
        "# Made by Berth for the addresses of its servers; what is changed here is lost.\n\
         port=0\ninterface={bridge}\nexcept-interface=lo\nbind-dynamic\nno-resolv\nno-hosts\nno-ping\nleasefile-ro\n\
         dhcp-ignore=tag:!known\n"
    );
    ranges(&mut text, bridge, own, &sorted);
    let is_router = |lease: &Lease| !lease.is_ipv4() && own.iter().any(|own| Some(own.addr()) == lease.gateway);
    if sorted.iter().any(is_router) {
        text.push_str("enable-ra\n");
    }
    let mut macs: Vec<[u8; 6]> = sorted.iter().map(|lease| lease.mac).collect();
    macs.dedup();
    for (n, mac) in macs.into_iter().enumerate() {
        host(&mut text, n, sorted.iter().filter(|lease| lease.mac == mac));
    }
    text
}

/// Each network once. The bridge's own IPv6 networks are among them: what is advertised is made of those.
fn ranges(text: &mut String, bridge: &str, own: &[IpNet], leases: &[Lease]) {
    let is_shown = |net: &&IpNet| matches!(net, IpNet::V6(v6) if !v6.addr().is_unicast_link_local());
    let has_v6 = leases.iter().any(|lease| !lease.is_ipv4());
    let shown = own.iter().filter(is_shown).filter(|_| has_v6).map(IpNet::trunc);
    let mut networks: Vec<IpNet> = leases.iter().map(|lease| lease.address.trunc()).chain(shown).collect();
    networks.sort_unstable();
    networks.dedup();
    for net in networks {
        let _ = match net {
            IpNet::V4(net) => writeln!(text, "dhcp-range={},static,{},{LEASE}", net.network(), net.netmask()),
            IpNet::V6(net) => writeln!(text, "dhcp-range={},static,{},{LEASE}", net.network(), net.prefix_len()),
        };
        if !own.iter().any(|own| net.contains(&own.addr())) {
            let _ = writeln!(text, "shared-network={bridge},{}", net.network());
        }
    }
}

fn host<'a>(text: &mut String, n: usize, leases: impl Iterator<Item = &'a Lease> + Clone) {
    let mut addresses = Vec::new();
    for lease in leases.clone() {
        if addresses.is_empty() {
            addresses.push(lease.mac.map(|byte| format!("{byte:02x}")).join(":"));
            addresses.push(format!("set:h{n}"));
        }
        match lease.address.addr() {
            IpAddr::V4(address) => addresses.push(address.to_string()),
            IpAddr::V6(address) => addresses.push(format!("[{address}]")),
        }
    }
    let _ = writeln!(text, "dhcp-host={},{LEASE}", addresses.join(","));
    for lease in leases {
        let resolvers = |v4: bool| -> Vec<String> {
            let of_family = lease.resolvers.iter().filter(|resolver| resolver.is_ipv4() == v4);
            of_family.map(|resolver| if v4 { resolver.to_string() } else { format!("[{resolver}]") }).collect()
        };
        if lease.is_ipv4() {
            // Without a value it is not sent; left out it would be the node's own address.
            let router = lease.gateway.filter(|_| lease.gateway_is_inside());
            let router = router.map(|gateway| format!(",{gateway}")).unwrap_or_default();
            let _ = writeln!(text, "dhcp-option=tag:h{n},option:router{router}");
            if let Some(gateway) = lease.gateway.filter(|gateway| gateway.is_ipv4() && !lease.gateway_is_inside()) {
                let routes = format!("{gateway}/32,0.0.0.0,0.0.0.0/0,{gateway}");
                let _ = writeln!(text, "dhcp-option=tag:h{n},option:classless-static-route,{routes}");
            }
        }
        let own = resolvers(lease.is_ipv4());
        if !own.is_empty() {
            let option = if lease.is_ipv4() { "option" } else { "option6" };
            let _ = writeln!(text, "dhcp-option=tag:h{n},{option}:dns-server,{}", own.join(","));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(mac: &str, address: &str, gateway: &str, resolvers: &[&str]) -> Result<Lease, String> {
        let (address, prefix_len) = address.split_once('/').unwrap();
        Lease::of(&DhcpLease {
            mac: mac.into(),
            address: address.into(),
            prefix_len: prefix_len.parse().unwrap(),
            gateway: gateway.into(),
            resolvers: resolvers.iter().map(|text| (*text).to_owned()).collect(),
        })
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn golden_behind_the_node() {
        let resolvers = ["192.0.2.53", "2001:db8::53"];
        let leases = [
            lease("52:54:00:00:00:02", "10.77.0.3/24", "10.77.0.1", &resolvers).unwrap(),
            lease("52:54:00:00:00:01", "10.77.0.2/24", "10.77.0.1", &resolvers).unwrap(),
            lease("52:54:00:00:00:01", "fd77:0:0:1::1/64", "fd77::1", &resolvers).unwrap(),
        ];
        insta::assert_snapshot!(config("berth0", &nets(&["10.77.0.1/24", "fd77::1/64", "fe80::1/64"]), &leases));
    }

    #[test]
    fn golden_on_an_uplink() {
        let leases = [
            lease("52:54:00:00:00:01", "192.0.2.7/24", "192.0.2.1", &["192.0.2.53"]).unwrap(),
            // The gateway lies outside, and a further MAC address has one of its own.
            lease("02:00:00:00:00:0a", "203.0.113.9/32", "198.51.100.1", &[]).unwrap(),
            lease("02:00:00:00:00:0b", "203.0.113.10/32", "", &[]).unwrap(),
            lease("52:54:00:00:00:01", "2001:db8:0:7::1/64", "2001:db8::1", &[]).unwrap(),
        ];
        insta::assert_snapshot!(config("br0", &nets(&["169.254.77.1/32", "fe80::1/64"]), &leases));
    }

    #[test]
    fn the_order_in_which_addresses_are_told_says_nothing_and_each_mac_has_one() {
        let one = lease("52:54:00:00:00:01", "10.77.0.2/24", "", &[]).unwrap();
        let two = lease("52:54:00:00:00:01", "10.77.0.3/24", "", &[]).unwrap();
        let text = config("br0", &[], &[one.clone(), two.clone()]);
        assert_eq!(text, config("br0", &[], &[two, one]));
        assert_eq!(text.matches("dhcp-host").count(), 1);
    }

    #[test]
    fn words_that_are_no_addresses_never_get_into_the_configuration() {
        let hostile = "10.0.0.1\nconf-file=/etc/passwd";
        let good = DhcpLease {
            mac: "52:54:00:00:00:01".into(),
            address: "10.0.0.2".into(),
            prefix_len: 24,
            gateway: "10.0.0.1".into(),
            resolvers: Vec::new(),
        };
        assert!(Lease::of(&good).is_ok());
        for wrong in [
            DhcpLease { mac: hostile.into(), ..good.clone() },
            DhcpLease { address: hostile.into(), ..good.clone() },
            DhcpLease { prefix_len: 33, ..good.clone() },
            DhcpLease { prefix_len: 300, ..good.clone() },
            DhcpLease { gateway: hostile.into(), ..good.clone() },
            DhcpLease { resolvers: vec![hostile.into()], ..good.clone() },
        ] {
            assert!(Lease::of(&wrong).is_err(), "{wrong:?}");
        }
    }
}
