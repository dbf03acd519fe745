//! What an address is called in the tree of reverse names: pure.
//!
//! RFC 1035 section 3.5 (`in-addr.arpa`), RFC 3596 section 2.5 (`ip6.arpa`), and RFC 2317 for zones of fewer than 256
//! IPv4 addresses, whose names are one label below a zone such as `0-63.2.0.192.in-addr.arpa`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// `7.2.0.192.in-addr.arpa`, without the last dot.
pub fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            let labels = nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>();
            format!("{labels}ip6.arpa")
        }
    }
}

/// The zone that a network has by itself; `None` where its length is not at a label's end.
pub fn own_zone(network: IpNet) -> Option<String> {
    let labels = |address: IpAddr, kept: usize, of: usize| {
        let full = reverse(address);
        full.splitn(of - kept + 1, '.').last().map(str::to_owned)
    };
    match network {
        IpNet::V4(v4) if v4.prefix_len() > 24 => {
            let [a, b, c, first] = v4.network().octets();
            Some(format!("{first}-{}.{c}.{b}.{a}.in-addr.arpa", v4.broadcast().octets()[3]))
        }
        IpNet::V4(v4) if v4.prefix_len() % 8 == 0 && v4.prefix_len() > 0 => {
            labels(IpAddr::V4(v4.network()), usize::from(v4.prefix_len() / 8), 4)
        }
        IpNet::V6(v6) if v6.prefix_len() % 4 == 0 && v6.prefix_len() > 0 => {
            labels(IpAddr::V6(v6.network()), usize::from(v6.prefix_len() / 4), 32)
        }
        _ => None,
    }
}

/// What the address is called in the zone; `None` where the zone can't hold it.
pub fn record(address: IpAddr, zone: &str, network: IpNet) -> Option<String> {
    if !network.contains(&address) {
        return None;
    }
    let full = reverse(address);
    if full.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.')) {
        return Some(full);
    }
    // RFC 2317: the zone is a label below the /24's, and so is the name below the zone.
    let (IpAddr::V4(v4), IpNet::V4(net)) = (address, network) else { return None };
    let (_, parent) = zone.split_once('.')?;
    (net.prefix_len() > 24 && full.split_once('.')?.1 == parent).then(|| format!("{}.{zone}", v4.octets()[3]))
}

/// Whether every address of the network can be in the zone.
pub fn zone_holds(zone: &str, network: IpNet) -> bool {
    record(network.network(), zone, network).is_some() && record(network.broadcast(), zone, network).is_some()
}

/// Where the names of a run of addresses are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Nowhere,
    /// Each in the zone that its address is in, and some maybe in none.
    Apart,
    /// All of them in the zone of this id.
    Together(i64),
}

/// Of all addresses from `first` to `last`, in these zones with their networks. The smallest network wins, as it does for
/// a single address.
pub fn kept(first: IpAddr, last: IpAddr, zones: &[(i64, IpNet)]) -> Kept {
    let reaches =
        |net: &IpNet| net.network().is_ipv4() == first.is_ipv4() && net.network() <= last && net.broadcast() >= first;
    let touched = zones.iter().filter(|(_, net)| reaches(net));
    match touched.max_by_key(|(_, net)| net.prefix_len()) {
        None => Kept::Nowhere,
        Some((id, net)) if net.contains(&first) && net.contains(&last) => Kept::Together(*id),
        Some(_) => Kept::Apart,
    }
}

/// A host name as a PTR record may have it: lower case, labels of letters, digits and inner hyphens, without the last
/// dot. The rule is RFC 1123's for hosts, since what looks an address up expects a host.
pub fn host_name(text: &str) -> Option<String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let sound = name.len() <= 253 && name.contains('.') && name.split('.').all(label);
    (sound && name.parse::<Ipv4Addr>().is_err()).then_some(name)
}

/// A zone's name: as a host's, and in the reverse tree, where RFC 2317 also has `/` and `-`.
pub fn zone_name(text: &str) -> Option<String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte))
    };
    let in_tree = name.ends_with(".in-addr.arpa") || name.ends_with(".ip6.arpa");
    (name.len() <= 253 && in_tree && name.split('.').all(label)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_of_addresses_is_named_in_the_smallest_zones_that_it_reaches() {
        let zones = [(1, net("192.0.2.0/24")), (2, net("192.0.2.64/26")), (6, net("2001:db8::/48"))];
        for (first, last, wanted) in [
            ("192.0.2.1", "192.0.2.63", Kept::Together(1)),
            ("192.0.2.1", "192.0.2.64", Kept::Apart),
            ("192.0.2.64", "192.0.2.127", Kept::Together(2)),
            ("192.0.2.0", "192.0.2.255", Kept::Apart),
            ("192.0.2.255", "192.0.3.0", Kept::Apart),
            ("192.0.3.0", "192.0.3.0", Kept::Nowhere),
            ("2001:db8:0:1::", "2001:db8:0:2::", Kept::Together(6)),
            ("2001:db8::", "2001:db8:1::", Kept::Apart),
            ("2001:db9::", "2001:db9::1", Kept::Nowhere),
        ] {
            assert_eq!(kept(ip(first), ip(last), &zones), wanted, "{first} to {last}");
        }
        assert_eq!(kept(ip("192.0.2.1"), ip("192.0.2.1"), &[]), Kept::Nowhere);
    }

    #[test]
    fn names_of_addresses_and_zones() {
        assert_eq!(reverse(ip("192.0.2.7")), "7.2.0.192.in-addr.arpa");
        let v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(reverse(ip("2001:db8::1")), v6);
        let zones = [
            ("192.0.2.0/24", Some("2.0.192.in-addr.arpa")),
            ("192.0.0.0/16", Some("0.192.in-addr.arpa")),
            ("10.0.0.0/8", Some("10.in-addr.arpa")),
            ("192.0.2.64/26", Some("64-127.2.0.192.in-addr.arpa")),
            ("192.0.2.9/32", Some("9-9.2.0.192.in-addr.arpa")),
            ("192.0.0.0/20", None),
            ("0.0.0.0/0", None),
            ("2001:db8::/32", Some("8.b.d.0.1.0.0.2.ip6.arpa")),
            ("2001:db8::/33", None),
        ];
        for (network, zone) in zones {
            assert_eq!(own_zone(net(network)).as_deref(), zone, "{network}");
        }
    }

    #[test]
    fn a_name_is_below_its_zone_or_there_is_none() {
        let named = |address, zone, network| record(ip(address), zone, net(network));
        let whole = named("192.0.2.7", "2.0.192.in-addr.arpa", "192.0.2.0/24");
        assert_eq!(whole.as_deref(), Some("7.2.0.192.in-addr.arpa"));
        let classless = named("192.0.2.70", "64-127.2.0.192.in-addr.arpa", "192.0.2.64/26");
        assert_eq!(classless.as_deref(), Some("70.64-127.2.0.192.in-addr.arpa"));
        let slash = named("192.0.2.70", "64/26.2.0.192.in-addr.arpa", "192.0.2.64/26");
        assert_eq!(slash.as_deref(), Some("70.64/26.2.0.192.in-addr.arpa"));
        assert_eq!(named("192.0.3.7", "2.0.192.in-addr.arpa", "192.0.2.0/24"), None, "outside the network");
        assert_eq!(named("192.0.2.7", "3.0.192.in-addr.arpa", "192.0.2.0/24"), None, "another zone");
        assert_eq!(named("192.0.2.7", "0.192.in-addr.arpa.evil.example", "192.0.2.0/24"), None);
        assert_eq!(named("192.0.22.7", "2.0.192.in-addr.arpa", "192.0.0.0/16"), None, "whole labels only");
        assert!(zone_holds("0.192.in-addr.arpa", net("192.0.0.0/20")));
        assert!(!zone_holds("2.0.192.in-addr.arpa", net("192.0.2.0/23")));
    }

    #[test]
    fn host_names() {
        assert_eq!(host_name(" Web.Example.COM. ").as_deref(), Some("web.example.com"));
        for bad in ["", "web", "a..b", "-a.b", "a-.b", "a b.c", "a\nb.c", "192.0.2.1", "*.example.com", "ä.example"] {
            assert_eq!(host_name(bad), None, "{bad}");
        }
        assert_eq!(host_name(&format!("{}.example", "a".repeat(64))), None);
        assert_eq!(zone_name("2.0.192.IN-ADDR.ARPA.").as_deref(), Some("2.0.192.in-addr.arpa"));
        for bad in ["in-addr.arpa", "example.com", "a b.in-addr.arpa", "..in-addr.arpa", "x.in-addr.arpa/../y"] {
            assert_eq!(zone_name(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_own_zone_of_a_network_holds_all_of_it(number: u32, length in 8_u8..=32, index: u32) {
            prop_assume!(length > 24 || length % 8 == 0);
            let network = ipnet::Ipv4Net::new(Ipv4Addr::from(number), length).unwrap().trunc();
            let zone = own_zone(IpNet::V4(network)).unwrap();
            let inside = u32::from(network.network()) | (index & !u32::from(network.netmask()));
            let address = IpAddr::V4(Ipv4Addr::from(inside));
            let name = record(address, &zone, IpNet::V4(network)).unwrap();
            prop_assert!(name.strip_suffix(&zone).is_some_and(|rest| rest.ends_with('.')));
            prop_assert_eq!(zone_name(&zone), Some(zone.clone()));
        }
    }
}
