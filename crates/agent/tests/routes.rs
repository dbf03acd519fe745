//! Real packets by a routed bridge: a namespace plays the node, one the guest, one the world beyond the uplink, which
//! knows nothing of the guest but its address.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::collections::BTreeSet;
use std::process::Command;

use berth_agent::filters::InterfaceFilter;
use berth_agent::filters_apply::{ensure_filters, ensure_table};
use berth_agent::net::{BridgeSpec, ensure_bridge};
use berth_agent::netns::Netns;
use berth_agent::routes::{Line, Routed, of_interface};
use berth_agent::routes_apply::ensure_routes;
use berth_proto::{InterfaceSpec, Ipv4Address, Ipv6Subnet};

const INSTANCE: &str = "trt";
const TAP: &str = "trt0000000001";
const WORLD: [&str; 2] = ["203.0.113.1", "2001:db8::1"];
const GUEST: [&str; 2] = ["203.0.113.7", "2001:db8:0:7::1"];
const SUBNET: &str = "2001:db8:0:7::/64";
/// Of its subnet, and on no link: as that of a container or at the end of a tunnel.
const INSIDE: &str = "2001:db8:0:7::5";

struct Lab {
    node: String,
    guest: String,
    world: String,
}

impl Lab {
    /// `letter` tells it from others of this process.
    async fn new(letter: char) -> Lab {
        let id = format!("{letter}{}", std::process::id());
        let lab = Lab { node: format!("brn{id}"), guest: format!("brg{id}"), world: format!("brw{id}") };
        for name in [&lab.node, &lab.guest, &lab.world] {
            run(&["ip", "netns", "add", name]);
            run(&["ip", "-n", name, "link", "set", "lo", "up"]);
            run(&["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]);
        }
        let bridge = BridgeSpec { name: "rt0".into(), addresses: Vec::new(), nat: false, mtu: 0 };
        ensure_bridge(&Netns::named(&lab.node), INSTANCE, &bridge).await.unwrap();
        for (port, namespace) in [(TAP, &lab.guest), ("up0", &lab.world)] {
            let node = &lab.node;
            run(&["ip", "-n", node, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace]);
            run(&["ip", "-n", node, "link", "set", port, "up"]);
        }
        run(&["ip", "-n", &lab.node, "link", "set", TAP, "master", "rt0"]);
        // Before it is up, when its link-local address is made of it.
        run(&["ip", "-n", &lab.guest, "link", "set", "eth0", "address", "52:54:00:00:00:01"]);
        for namespace in [&lab.guest, &lab.world] {
            run(&["ip", "-n", namespace, "link", "set", "eth0", "up"]);
        }
        for (namespace, device, address) in [
            (&lab.node, "up0", "203.0.113.2/24"),
            (&lab.node, "up0", "2001:db8::2/48"),
            (&lab.world, "eth0", "203.0.113.1/24"),
            (&lab.world, "eth0", "2001:db8::1/48"),
            (&lab.guest, "eth0", "203.0.113.7/24"),
            (&lab.guest, "eth0", "2001:db8:0:7::1/64"),
        ] {
            run(&["ip", "-n", namespace, "addr", "add", address, "dev", device]);
        }
        // As the guest is told where its gateway lies outside of its subnet.
        run(&["ip", "-n", &lab.guest, "route", "add", "default", "via", WORLD[0]]);
        run(&["ip", "-n", &lab.guest, "-6", "route", "add", WORLD[1], "dev", "eth0"]);
        run(&["ip", "-n", &lab.guest, "-6", "route", "add", "default", "via", WORLD[1]]);
        lab
    }

    /// Each of two addresses.
    fn reaches(&self, from: &str, to: [&str; 2]) -> [bool; 2] {
        to.map(|address| {
            let ping = ["netns", "exec", from, "ping", "-c", "2", "-W", "2", "-i", "0.3", address];
            Command::new("ip").args(ping).output().unwrap().status.success()
        })
    }

    async fn ensure(&self, wanted: &BTreeSet<Line>) -> bool {
        ensure_routes(&Netns::named(&self.node), INSTANCE, &[routed()], wanted).await.unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in [&self.node, &self.guest, &self.world] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn run(args: &[&str]) {
    let output = Command::new(args[0]).args(&args[1..]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn routed() -> Routed {
    Routed { bridge: "rt0".into(), uplink: "up0".into() }
}

fn interface() -> InterfaceSpec {
    InterfaceSpec {
        tag: "0000000001".into(),
        mac: "52:54:00:00:00:01".into(),
        ip_filter: true,
        ipv4: vec![Ipv4Address { address: GUEST[0].into(), prefix_len: 24, gateway: WORLD[0].into() }],
        ipv6: vec![Ipv6Subnet {
            subnet: "2001:db8:0:7::".into(),
            prefix_len: 64,
            address: GUEST[1].into(),
            gateway: WORLD[1].into(),
            routed: false,
        }],
        ..Default::default()
    }
}

#[tokio::test]
async fn the_world_reaches_a_guest_of_a_routed_bridge_and_the_guest_the_world() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new('a').await;
    let node = Netns::named(&lab.node);
    ensure_table(&node, INSTANCE).await.unwrap();
    ensure_filters(&node, INSTANCE, &[InterfaceFilter::of(INSTANCE, &interface()).unwrap()]).await.unwrap();
    assert_eq!(lab.reaches(&lab.world, GUEST), [false, false], "without routes");

    let wanted = of_interface(&routed(), &interface()).unwrap();
    assert!(lab.ensure(&wanted).await);
    assert!(!lab.ensure(&wanted).await, "nothing to do");
    assert_eq!(lab.reaches(&lab.world, GUEST), [true, true]);
    assert_eq!(lab.reaches(&lab.guest, WORLD), [true, true]);

    // Somebody takes a route and an answer away; what others made stays.
    run(&["ip", "-n", &lab.node, "route", "del", GUEST[0]]);
    run(&["ip", "-n", &lab.node, "neigh", "del", "proxy", GUEST[1], "dev", "up0"]);
    run(&["ip", "-n", &lab.node, "route", "add", "198.51.100.0/24", "via", WORLD[0]]);
    run(&["ip", "-n", &lab.node, "neigh", "add", "proxy", "203.0.113.99", "dev", "up0"]);
    assert!(lab.ensure(&wanted).await, "it is seen");
    assert_eq!(lab.reaches(&lab.world, GUEST), [true, true], "and put right");

    assert!(lab.ensure(&BTreeSet::new()).await);
    run(&["ip", "-n", &lab.world, "neigh", "flush", "dev", "eth0"]);
    assert_eq!(lab.reaches(&lab.world, GUEST), [false, false], "the address is nobody's here any more");
    let listing = |what: &[&str]| {
        let output = Command::new("ip").args(["-n", &lab.node]).args(what).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(listing(&["route", "show"]).contains("198.51.100.0/24"), "another's route");
    assert!(listing(&["neigh", "show", "proxy"]).contains("203.0.113.99"), "another's answer");
}

#[tokio::test]
async fn the_world_reaches_all_of_a_subnet_that_is_led_to_its_guest() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new('b').await;
    let node = Netns::named(&lab.node);
    ensure_table(&node, INSTANCE).await.unwrap();
    ensure_filters(&node, INSTANCE, &[InterfaceFilter::of(INSTANCE, &interface()).unwrap()]).await.unwrap();
    // The guest does not answer for it on the link; the router before the node sends the whole subnet there.
    run(&["ip", "-n", &lab.guest, "addr", "add", &format!("{INSIDE}/128"), "dev", "lo"]);
    run(&["ip", "-n", &lab.world, "-6", "route", "add", SUBNET, "via", "2001:db8::2"]);
    let both = [GUEST[1], INSIDE];

    let on_link = of_interface(&routed(), &interface()).unwrap();
    assert!(lab.ensure(&on_link).await);
    assert_eq!(lab.reaches(&lab.world, both), [true, false], "on the link");

    let mut spec = interface();
    spec.ipv6[0].routed = true;
    let led = of_interface(&routed(), &spec).unwrap();
    assert!(lab.ensure(&led).await);
    assert!(!lab.ensure(&led).await, "nothing to do");
    assert_eq!(lab.reaches(&lab.world, both), [true, true], "led to the guest");

    run(&["ip", "-n", &lab.node, "-6", "route", "del", SUBNET]);
    assert!(lab.ensure(&led).await, "somebody took the route away");
    assert_eq!(lab.reaches(&lab.world, both), [true, true]);

    assert!(lab.ensure(&on_link).await);
    assert!(!lab.ensure(&on_link).await, "nothing is left over");
    assert_eq!(lab.reaches(&lab.world, both), [true, false], "on the link again");
    assert!(lab.ensure(&BTreeSet::new()).await);
}
