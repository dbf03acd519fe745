//! A real DHCP client behind the filters: who has an assigned MAC address is told its address, nobody else is answered.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::collections::BTreeMap;
use std::process::Command;

use berth_agent::{
    dhcp::Lease,
    dhcp_apply::ensure_servers,
    filters::InterfaceFilter,
    filters_apply::ensure_filters,
    net::{BridgeSpec, ensure_bridge},
    netns::Netns,
};
use berth_proto::{DhcpLease, ExtraMac, Firewall, FirewallRule, InterfaceSpec, Ipv4Address, Ipv6Subnet};

const INSTANCE: &str = "tdh";
const TAP: &str = "tdh0000000001";
const MAC: &str = "52:54:00:00:00:01";
const EXTRA_MAC: &str = "02:00:00:00:00:0a";

/// A namespace that plays the node with a bridge behind its address translation, and another one with a guest.
struct Lab {
    node: String,
    guest: String,
    dir: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Lab {
        let id = std::process::id();
        let lab = Lab { node: format!("bdn{id}"), guest: format!("bdg{id}"), dir: tempfile::tempdir().unwrap() };
        for name in [&lab.node, &lab.guest] {
            run(&["ip", "netns", "add", name]);
            run(&["ip", "-n", name, "link", "set", "lo", "up"]);
            run(&["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]);
        }
        let addresses = ["10.77.0.1/24", "fd77::1/64"].map(|text| text.parse().unwrap()).into();
        let bridge = BridgeSpec { name: "nat0".into(), addresses, nat: false, mtu: 0 };
        ensure_bridge(&Netns::named(&lab.node), INSTANCE, &bridge).await.unwrap();
        run(&["ip", "-n", &lab.node, "link", "add", TAP, "type", "veth", "peer", "name", "g0", "netns", &lab.guest]);
        run(&["ip", "-n", &lab.node, "link", "set", TAP, "master", "nat0", "up"]);
        lab.beside_libvirt();
        lab.is(MAC);
        lab
    }

    /// A network of libvirt's with its own dnsmasq, which listens as libvirt has it listen.
    fn beside_libvirt(&self) {
        let node = &self.node;
        run(&["ip", "-n", node, "link", "add", "virbr0", "type", "bridge"]);
        run(&["ip", "-n", node, "addr", "add", "192.168.122.1/24", "dev", "virbr0"]);
        run(&["ip", "-n", node, "link", "set", "virbr0", "up"]);
        let pid = format!("--pid-file={}", self.dir.path().join("libvirt.pid").display());
        let listens = ["--conf-file=/dev/null", "--port=0", "--bind-dynamic", "--interface=virbr0", "--leasefile-ro"];
        let range = ["--except-interface=lo", "--dhcp-range=192.168.122.2,192.168.122.254", &pid];
        run(&[&["ip", "netns", "exec", node, "dnsmasq"], &listens[..], &range[..]].concat());
    }

    /// The guest, or a guest of it, has this MAC address from now on.
    fn is(&self, mac: &str) {
        run(&["ip", "-n", &self.guest, "link", "set", "g0", "down"]);
        run(&["ip", "-n", &self.guest, "link", "set", "g0", "address", mac]);
        run(&["ip", "-n", &self.guest, "link", "set", "g0", "up"]);
        while !self.says(&["ip", "-n", &self.guest, "-6", "addr", "show", "dev", "g0"]).contains("fe80::") {
            std::thread::yield_now();
        }
    }

    /// What the client is told by DHCP: address, length, router, resolvers; nothing where nobody answers.
    fn asks(&self) -> String {
        let script = self.dir.path().join("told.sh");
        let text = "#!/bin/sh\n[ \"$1\" != bound ] || echo \"told $ip/$mask $router $dns\"\n";
        std::fs::write(&script, text).unwrap();
        run(&["chmod", "+x", script.to_str().unwrap()]);
        let client = ["busybox", "udhcpc", "-i", "g0", "-n", "-q", "-f", "-t", "2", "-T", "1", "-s"];
        let says =
            self.says(&[&["ip", "netns", "exec", &self.guest], &client[..], &[script.to_str().unwrap()]].concat());
        says.lines().find_map(|line| line.strip_prefix("told ")).unwrap_or_default().trim().to_owned()
    }

    /// The address that the client is told by DHCPv6, once a router told it to ask.
    fn asks_v6(&self) -> String {
        let (leases, pid) = (self.dir.path().join("leases6"), self.dir.path().join("pid6"));
        let _ = std::fs::remove_file(&leases);
        let client = ["timeout", "8", "dhclient", "-6", "-1", "-d", "-sf", "/bin/true", "-lf"];
        let files = [leases.to_str().unwrap(), "-pf", pid.to_str().unwrap(), "g0"];
        self.says(&[&["ip", "netns", "exec", &self.guest], &client[..], &files].concat());
        let text = std::fs::read_to_string(&leases).unwrap_or_default();
        let address = text.lines().find_map(|line| line.trim().strip_prefix("iaaddr "));
        address.unwrap_or_default().trim_end_matches(" {").to_owned()
    }

    fn says(&self, args: &[&str]) -> String {
        let output = Command::new(args[0]).args(&args[1..]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn pid(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("dhcp/nat0.pid")).unwrap().trim().to_owned()
    }

    async fn serve(&self, leases: &[Lease]) -> bool {
        let wanted: BTreeMap<_, _> =
            if leases.is_empty() { BTreeMap::new() } else { BTreeMap::from([("nat0".to_owned(), leases.to_vec())]) };
        ensure_servers(&Netns::named(&self.node), &self.dir.path().join("dhcp"), &wanted).await.unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for file in ["dhcp/nat0.pid", "libvirt.pid"] {
            let Ok(pid) = std::fs::read_to_string(self.dir.path().join(file)) else { continue };
            let _ = Command::new("kill").arg(pid.trim()).output();
        }
        for name in [&self.node, &self.guest] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn run(args: &[&str]) {
    let output = Command::new(args[0]).args(&args[1..]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn lease(mac: &str, address: &str, prefix_len: u32, gateway: &str) -> DhcpLease {
    let resolvers = vec!["192.0.2.53".to_owned()];
    DhcpLease { mac: mac.into(), address: address.into(), prefix_len, gateway: gateway.into(), resolvers }
}

fn leases() -> Vec<DhcpLease> {
    vec![
        lease(MAC, "10.77.0.2", 24, "10.77.0.1"),
        // Of a network that the bridge has no address of.
        lease(EXTRA_MAC, "192.0.2.9", 24, "192.0.2.1"),
        lease(MAC, "fd77:0:0:1::2", 64, "fd77::1"),
    ]
}

/// The guest's interface, behind a firewall that lets nobody in.
fn guarded() -> InterfaceFilter {
    let closed = |family| FirewallRule { inbound: true, accept: false, family, ..Default::default() };
    let spec = InterfaceSpec {
        tag: "0000000001".into(),
        mac: MAC.into(),
        ip_filter: true,
        ipv4: ["10.77.0.2", "192.0.2.9"]
            .map(|address| Ipv4Address { address: address.into(), prefix_len: 24, gateway: String::new() })
            .into(),
        ipv6: vec![Ipv6Subnet { subnet: "fd77:0:0:1::".into(), prefix_len: 64, ..Default::default() }],
        macs: vec![ExtraMac { mac: EXTRA_MAC.into(), networks: vec!["192.0.2.9/32".into()] }],
        firewall: Some(Firewall { rules: vec![closed(4), closed(6)] }),
        dhcp: leases(),
        ..Default::default()
    };
    InterfaceFilter::of(INSTANCE, &spec).unwrap()
}

#[tokio::test]
async fn a_guest_is_told_its_own_address_and_a_stranger_none() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new().await;
    assert_eq!((lab.asks(), lab.asks_v6()), (String::new(), String::new()), "without a server");
    let all: Vec<Lease> = leases().iter().map(|lease| Lease::of(lease).unwrap()).collect();
    assert!(lab.serve(&all).await);
    assert!(!lab.serve(&all).await, "nothing to do");
    ensure_filters(&Netns::named(&lab.node), INSTANCE, &[guarded()]).await.unwrap();
    assert_eq!(lab.asks(), "10.77.0.2/24 10.77.0.1 192.0.2.53");
    assert_eq!(lab.asks_v6(), "fd77:0:0:1::2");
    let routes = lab.says(&["ip", "-n", &lab.guest, "-6", "route", "show", "default"]);
    assert!(routes.contains("via fe80::") && routes.contains("proto ra"), "the node advertises itself: {routes}");
    lab.is(EXTRA_MAC);
    assert_eq!(lab.asks(), "192.0.2.9/24 192.0.2.1 192.0.2.53");
    lab.is("52:54:00:00:00:02");
    assert_eq!((lab.asks(), lab.asks_v6()), (String::new(), String::new()), "a MAC address that is nobody's");
    // Also where the filter lets it ask.
    run(&["ip", "netns", "exec", &lab.node, "nft", "flush", "ruleset"]);
    assert_eq!((lab.asks(), lab.asks_v6()), (String::new(), String::new()), "and without filters");

    // Somebody kills it; another agent finds it as it left it.
    lab.is(MAC);
    let before = lab.pid();
    run(&["kill", "-9", &before]);
    assert!(lab.serve(&all).await, "it is seen");
    assert_ne!(lab.pid(), before);
    assert_eq!(lab.asks(), "10.77.0.2/24 10.77.0.1 192.0.2.53");
    let (before, changed) = (lab.pid(), lease(MAC, "10.77.0.7", 24, "10.77.0.1"));
    assert!(!lab.serve(&all).await && lab.pid() == before, "it runs on");
    assert!(lab.serve(&[Lease::of(&changed).unwrap()]).await);
    assert_eq!(lab.asks(), "10.77.0.7/24 10.77.0.1 192.0.2.53", "another address");
    assert!(lab.serve(&[]).await);
    assert_eq!(lab.asks(), "", "no addresses to tell");
    assert!(!lab.serve(&[]).await);
}
