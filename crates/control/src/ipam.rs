//! Arithmetic of addresses: what the database holds as numbers and texts, and what a guest is told.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address as `ipv4_addresses` holds it: a number, the first octet the highest.
pub fn ipv4(number: i64) -> Ipv4Addr {
    Ipv4Addr::from(u32::try_from(number).unwrap_or(0))
}

/// The mask of a network, of its bits.
pub fn netmask(prefix_len: i32) -> Ipv4Addr {
    let bits = u32::try_from(prefix_len.clamp(0, 32)).unwrap_or(0);
    Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0))
}

/// What no server of an IPv4 block is ever given: its gateway, and the first and last address of its network.
pub fn never_given(gateway: &str, prefix_len: i32) -> Vec<u32> {
    let Ok(gateway) = gateway.parse::<Ipv4Addr>() else { return Vec::new() };
    let net = u8::try_from(prefix_len).ok().and_then(|len| ipnet::Ipv4Net::new(gateway, len).ok());
    let ends = net.filter(|net| net.prefix_len() < 31).map(|net| [net.network().into(), net.broadcast().into()]);
    std::iter::once(gateway.into()).chain(ends.into_iter().flatten()).collect()
}

/// Whether an address of a block lies outside of the network that its gateway and netmask say.
pub fn is_outside(address: Ipv4Addr, gateway: &str, prefix_len: i32) -> bool {
    let gateway = gateway.parse::<Ipv4Addr>().ok();
    let net = gateway.zip(u8::try_from(prefix_len).ok()).and_then(|(ip, len)| ipnet::Ipv4Net::new(ip, len).ok());
    net.is_some_and(|net| !net.contains(&address))
}

/// The address of its subnet that a guest is given: the first after the subnet's own, or the next when the gateway
/// has that one. `None` where the texts are not a subnet.
pub fn guest_ipv6(subnet: &str, prefix_len: i32, gateway: &str) -> Option<Ipv6Addr> {
    let base = u128::from(subnet.parse::<Ipv6Addr>().ok()?);
    let len = u32::try_from(prefix_len).ok().filter(|len| *len <= 128)?;
    if len == 128 {
        return Some(Ipv6Addr::from(base));
    }
    let gateway = gateway.parse::<Ipv6Addr>().ok();
    let first = Ipv6Addr::from(base + 1);
    let taken = gateway == Some(first) && len < 127;
    Some(if taken { Ipv6Addr::from(base + 2) } else { first })
}

/// Whether a guest that uses `used` addresses of its subnet can take no other: all are its own, the gateway's, or the
/// subnet's own, which is for routers (RFC 4291, 2.6.1) except where a subnet is as small as a link (RFC 6164).
pub fn is_used_up(subnet: &str, prefix_len: i32, gateway: &str, used: usize) -> bool {
    let Some(len) = u32::try_from(prefix_len).ok().filter(|len| *len <= 128) else { return false };
    let Ok(base) = subnet.parse::<Ipv6Addr>().map(u128::from) else { return false };
    let all = 1_u128.checked_shl(128 - len).unwrap_or(u128::MAX);
    let routers = u128::from(len < 127);
    let gateway = gateway.parse::<Ipv6Addr>().map(u128::from).ok();
    let has_gateway = gateway.is_some_and(|at| at >= base.saturating_add(routers) && at - base < all && len < 128);
    let free = all - routers - u128::from(has_gateway);
    u128::try_from(used).unwrap_or(u128::MAX) >= free
}

/// The subnet at `index` (from 0) of a block that is cut into subnets of `subnet_len` bits; `None` past its end.
pub fn subnet(source: &str, source_len: i32, subnet_len: i32, index: u64) -> Option<Ipv6Addr> {
    let base = u128::from(source.parse::<Ipv6Addr>().ok()?);
    let (source_len, subnet_len) = (u32::try_from(source_len).ok()?, u32::try_from(subnet_len).ok()?);
    if source_len > subnet_len || subnet_len > 128 {
        return None;
    }
    let bits = subnet_len - source_len;
    if bits < 64 && index >= 1 << bits {
        return None;
    }
    let offset = u128::from(index).checked_shl(128 - subnet_len).unwrap_or(0);
    Some(Ipv6Addr::from(base | offset))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_hold_at_their_ends() {
        let masks = [-1, 0, 1, 23, 24, 32, 99].map(|bits| netmask(bits).to_string());
        let (none, whole) = ("0.0.0.0", "255.255.255.255");
        assert_eq!(masks, [none, none, "128.0.0.0", "255.255.254.0", "255.255.255.0", whole, whole]);
    }

    #[test]
    fn a_guest_gets_the_first_address_that_the_gateway_leaves() {
        let address = |gateway| guest_ipv6("2001:db8:0:1::", 64, gateway).unwrap().to_string();
        assert_eq!(address("2001:db8::1"), "2001:db8:0:1::1");
        assert_eq!(address("2001:db8:0:1::1"), "2001:db8:0:1::2");
        assert_eq!(guest_ipv6("2001:db8::7", 128, "fe80::1").unwrap().to_string(), "2001:db8::7");
        assert_eq!(guest_ipv6("x", 64, ""), None);
    }

    #[test]
    fn a_subnet_is_used_up_when_nothing_is_left_for_its_guest() {
        assert!(!is_used_up("2001:db8:0:1::", 64, "2001:db8::1", 1));
        assert!(is_used_up("2001:db8::7", 128, "fe80::1", 1));
        assert!(!is_used_up("2001:db8::8", 127, "fe80::1", 1), "both ends of a link are hosts");
        assert!(is_used_up("2001:db8::8", 127, "2001:db8::8", 1), "one of them is the gateway");
        assert!(is_used_up("2001:db8::8", 126, "2001:db8::9", 2));
        assert!(!is_used_up("2001:db8::8", 126, "fe80::1", 2));
        assert!(!is_used_up("::", 0, "fe80::1", 1) && !is_used_up("x", 64, "", 1));
    }

    #[test]
    fn the_gateway_and_the_ends_of_a_network_are_nobodys() {
        let texts = |gateway, len| never_given(gateway, len).into_iter().map(|n| Ipv4Addr::from(n).to_string());
        assert_eq!(texts("192.0.2.1", 24).collect::<Vec<_>>(), ["192.0.2.1", "192.0.2.0", "192.0.2.255"]);
        assert_eq!(texts("192.0.2.1", 31).collect::<Vec<_>>(), ["192.0.2.1"], "both ends of a link are hosts");
        assert!(!is_outside("192.0.2.9".parse().unwrap(), "192.0.2.1", 24));
        assert!(is_outside("198.51.100.9".parse().unwrap(), "192.0.2.1", 24));
    }

    #[test]
    fn subnets_of_a_block_end_where_the_block_ends() {
        assert_eq!(subnet("2001:db8::", 60, 64, 15).unwrap().to_string(), "2001:db8:0:f::");
        assert_eq!(subnet("2001:db8::", 60, 64, 16), None);
        assert_eq!(subnet("2001:db8::", 64, 60, 0), None);
    }

    proptest! {
        #[test]
        fn no_two_subnets_of_a_block_overlap(a in 0..1_u64 << 16, b in 0..1_u64 << 16) {
            let (first, second) = (subnet("2001:db8::", 48, 64, a).unwrap(), subnet("2001:db8::", 48, 64, b).unwrap());
            let net = |address| ipnet::Ipv6Net::new(address, 64).unwrap();
            prop_assert_eq!(a == b, net(first).contains(&second));
        }
    }
}
