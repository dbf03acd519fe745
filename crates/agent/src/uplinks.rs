//! What went over the interfaces by which the node reaches the world, whoever of its guests or itself it was for.
//!
//! Those are the interfaces of the default routes, and the ports of bridges that are no guest's; a bridge itself counts
//! only what is for the host.

use std::{collections::BTreeSet, fs, path::Path};

/// Where Linux tells of interfaces.
pub const SYS_CLASS_NET: &str = "/sys/class/net";
pub const ROUTES_IPV4: &str = "/proc/net/route";
pub const ROUTES_IPV6: &str = "/proc/net/ipv6_route";

/// Bytes since the interfaces came up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
}

/// Sums all uplinks. `routes` are the kernel's tables as texts; what can't be read counts nothing.
pub fn traffic<'n>(sys: &Path, ipv4: &str, ipv6: &str, bridges: impl Iterator<Item = &'n str>) -> Traffic {
    let mut uplinks = BTreeSet::new();
    for name in default_routes(ipv4, ipv6) {
        let ports = ports(sys, name);
        // One that is no bridge, or a bridge that leads nowhere by itself.
        if ports.is_empty() {
            uplinks.insert(name.to_owned());
        }
        uplinks.extend(ports);
    }
    uplinks.extend(bridges.flat_map(|bridge| ports(sys, bridge)));
    let counter = |name: &str, file: &str| {
        let text = fs::read_to_string(sys.join(name).join("statistics").join(file)).unwrap_or_default();
        text.trim().parse::<u64>().unwrap_or(0)
    };
    uplinks.iter().fold(Traffic::default(), |sum, name| Traffic {
        rx_bytes: sum.rx_bytes.saturating_add(counter(name, "rx_bytes")),
        tx_bytes: sum.tx_bytes.saturating_add(counter(name, "tx_bytes")),
    })
}

/// Ports of a bridge that are no taps, which are guests'.
fn ports(sys: &Path, bridge: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sys.join(bridge).join("brif")) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !sys.join(name).join("tun_flags").exists()).collect()
}

/// Interfaces of the routes to everywhere.
fn default_routes<'t>(ipv4: &'t str, ipv6: &'t str) -> BTreeSet<&'t str> {
    let fields = |line: &'t str| line.split_whitespace().collect::<Vec<_>>();
    // Interface, destination, ..., mask in the eighth place.
    let four = ipv4.lines().map(fields).filter_map(|fields| match fields[..] {
        [name, "00000000", _, _, _, _, _, "00000000", ..] => Some(name),
        _ => None,
    });
    // Destination, its prefix's length, ..., interface in the last place.
    let is_everywhere = |text: &str| text.len() == 32 && text.bytes().all(|digit| digit == b'0');
    let six = ipv6.lines().map(fields).filter_map(move |fields| match fields[..] {
        [destination, "00", .., name] if is_everywhere(destination) && name != "lo" => Some(name),
        _ => None,
    });
    four.chain(six).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
        br0 00000000 0102A8C0 0003 0 0 0 00000000 0 0 0\nberth0 0000400A 00000000 0001 0 0 0 0000FFFF 0 0 0\n";
    const IPV6: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        fe800000000000000000000000000001 00000400 00000001 00000000 00000003 wlan0\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n";

    fn interface(sys: &Path, name: &str, rx: u64, tx: u64) {
        let statistics = sys.join(name).join("statistics");
        fs::create_dir_all(&statistics).unwrap();
        fs::write(statistics.join("rx_bytes"), format!("{rx}\n")).unwrap();
        fs::write(statistics.join("tx_bytes"), format!("{tx}\n")).unwrap();
    }

    fn bridge(sys: &Path, name: &str, ports: &[&str]) {
        interface(sys, name, 1_000_000, 1_000_000);
        for port in ports {
            fs::create_dir_all(sys.join(name).join("brif").join(port)).unwrap();
        }
    }

    #[test]
    fn what_goes_to_the_world_is_counted_once_and_guests_taps_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let sys = dir.path();
        bridge(sys, "br0", &["eno1", "berth1234567890"]);
        bridge(sys, "br1", &["eno2"]);
        bridge(sys, "berth0", &[]);
        for (name, rx, tx) in
            [("eno1", 100, 10), ("eno2", 2000, 200), ("wlan0", 30_000, 3000), ("berth1234567890", 7, 7)]
        {
            interface(sys, name, rx, tx);
        }
        fs::write(sys.join("berth1234567890/tun_flags"), "0x1").unwrap();
        let counted = traffic(sys, IPV4, IPV6, ["br0", "br1", "berth0", "none"].into_iter());
        assert_eq!(counted, Traffic { rx_bytes: 32_100, tx_bytes: 3210 });
    }

    #[test]
    fn a_host_without_routes_has_no_traffic() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(traffic(dir.path(), "", "x y\n", std::iter::empty()), Traffic::default());
    }

    #[test]
    fn this_machines_uplinks_are_found() {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (ipv4, ipv6) = (read(ROUTES_IPV4), read(ROUTES_IPV6));
        let names = default_routes(&ipv4, &ipv6);
        let counted = traffic(Path::new(SYS_CLASS_NET), &ipv4, &ipv6, std::iter::empty());
        assert!(names.is_empty() || counted.rx_bytes > 0, "{names:?}: {counted:?}");
    }
}
