//! Chooses the private network of the first bridge: a pure function of the host's routes and of randomness.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::Context as _;
use ipnet::{Ipv4Net, Ipv6Net};

const ROUTES_FILE: &str = "/proc/net/route";
/// Gateway of the guests: the first address.
pub const GATEWAY: u8 = 1;
/// Servers get .10 to .250: room for the operator's own things at both ends.
pub const FIRST_SERVER: u8 = 10;
pub const LAST_SERVER: u8 = 250;

/// The addresses of a new private network.
#[derive(Debug, PartialEq, Eq)]
pub struct Private {
    /// The bridge's address and prefix.
    pub ipv4: Ipv4Net,
    pub ipv6: Ipv6Net,
}

/// A /24 that no route of this host overlaps, and a unique local /48 (RFC 4193) of these random bytes.
pub fn choose(random: [u8; 5]) -> anyhow::Result<Private> {
    let text = std::fs::read_to_string(ROUTES_FILE).with_context(|| ROUTES_FILE.to_owned())?;
    let ipv4 = free(&routes(&text)).context("every private IPv4 network that could be used is routed already")?;
    Ok(Private { ipv4, ipv6: unique_local(random)? })
}

fn unique_local([a, b, c, d, e]: [u8; 5]) -> anyhow::Result<Ipv6Net> {
    let word = |high: u8, low: u8| u16::from(high) << 8 | u16::from(low);
    let address = Ipv6Addr::new(word(0xfd, a), word(b, c), word(d, e), 0, 0, 0, 0, u16::from(GATEWAY));
    Ok(Ipv6Net::new(address, 48)?)
}

fn free(taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let ten = (90..=120).map(|n| Ipv4Addr::new(10, n, 0, GATEWAY));
    let others = (64..=250).map(|n| Ipv4Addr::new(192, 168, n, GATEWAY));
    let nets = ten.chain(others).filter_map(|address| Ipv4Net::new(address, 24).ok());
    let overlap = |one: &Ipv4Net, other: &Ipv4Net| one.contains(&other.network()) || other.contains(&one.network());
    nets.into_iter().find(|net| !taken.iter().any(|route| overlap(route, net)))
}

/// Of the kernel's table: destination and mask are columns 2 and 8, in hexadecimal of the host's byte order. The
/// default route overlaps everything and says nothing.
fn routes(table: &str) -> Vec<Ipv4Net> {
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(|n| Ipv4Addr::from(n.to_ne_bytes()));
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (net, mask) = (number(columns.get(1)?)?, number(columns.get(7)?)?);
        Ipv4Net::with_netmask(net, mask).ok().filter(|net| net.prefix_len() > 0)
    };
    table.lines().skip(1).filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
        eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        br0\t00005A0A\t00000000\t0001\t0\t0\t0\t0000FEFF\t0\t0\t0\n";

    #[test]
    fn a_network_that_the_host_routes_is_not_taken() {
        let taken = routes(TABLE);
        assert_eq!(taken, ["10.90.0.0/15".parse::<Ipv4Net>().unwrap()]);
        assert_eq!(free(&taken).unwrap().to_string(), "10.92.0.1/24");
        assert_eq!(free(&[]).unwrap().to_string(), "10.90.0.1/24");
        assert_eq!(free(&["10.0.0.0/8".parse().unwrap()]).unwrap().to_string(), "192.168.64.1/24");
        assert_eq!(free(&["0.0.0.0/1".parse().unwrap(), "128.0.0.0/1".parse().unwrap()]), None);
    }

    #[test]
    fn ipv6_is_a_unique_local_prefix_of_the_random_bytes() {
        assert_eq!(unique_local([1, 2, 3, 4, 5]).unwrap().to_string(), "fd01:203:405::1/48");
    }
}
