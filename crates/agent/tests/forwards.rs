//! Real connections through port forwards, and out by the address translation: a namespace plays the node with a bridge
//! behind it, two are guests on it, a fourth one is the world.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use berth_agent::forwards::Forward;
use berth_agent::forwards_apply::{ensure_forwards, remove_forwards};
use berth_agent::net::{BridgeSpec, ensure_bridge, ensure_hairpin};
use berth_agent::netns::Netns;
use berth_proto::PortForward;
use ipnet::Ipv4Net;

const INSTANCE: &str = "tpf";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packets/echo.py");
/// The node's address towards the world.
const NODE: &str = "198.51.100.1";
/// The node's address towards its guests.
const GATEWAY: &str = "10.77.0.1";
const WORLD: &str = "198.51.100.2";
const NODE_IPV6: &str = "2001:db8:f::1";
const WORLD_IPV6: &str = "2001:db8:f::2";
const GUEST: &str = "10.77.0.2";
const GUEST_IPV6: &str = "fd77::2";

struct Lab {
    node: String,
    guests: [String; 2],
    world: String,
    servers: Vec<Child>,
}

impl Lab {
    async fn new() -> Lab {
        let id = std::process::id();
        let guests = [format!("bfa{id}"), format!("bfb{id}")];
        let mut lab = Lab { node: format!("bfn{id}"), guests, world: format!("bfw{id}"), servers: Vec::new() };
        for name in lab.names() {
            run(&["ip", "netns", "add", name]);
            run(&["ip", "-n", name, "link", "set", "lo", "up"]);
        }
        let bridge =
            BridgeSpec { name: "nat0".into(), addresses: vec!["10.77.0.1/24".parse().unwrap()], nat: true, mtu: 0 };
        ensure_bridge(&Netns::named(&lab.node), INSTANCE, &bridge).await.unwrap();
        for (n, guest) in lab.guests.iter().enumerate() {
            lab.wire(&format!("g{n}"), guest, &format!("10.77.0.{}/24", n + 2));
            run(&["ip", "-n", &lab.node, "link", "set", &format!("g{n}"), "master", "nat0"]);
            run(&["ip", "-n", guest, "route", "add", "default", "via", "10.77.0.1"]);
        }
        lab.wire("w0", &lab.world, &format!("{WORLD}/24"));
        run(&["ip", "-n", &lab.node, "addr", "add", &format!("{NODE}/24"), "dev", "w0"]);
        lab.servers.push(serve(&lab.guests[0]));
        lab
    }

    fn names(&self) -> [&str; 4] {
        [&self.node, &self.guests[0], &self.guests[1], &self.world]
    }

    /// From the node to a namespace, which has the address.
    fn wire(&self, port: &str, namespace: &str, address: &str) {
        run(&["ip", "-n", &self.node, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace]);
        run(&["ip", "-n", &self.node, "link", "set", port, "up"]);
        run(&["ip", "-n", namespace, "link", "set", "eth0", "up"]);
        run(&["ip", "-n", namespace, "addr", "add", address, "dev", "eth0"]);
    }

    /// Whom the guest saw.
    fn ask(&self, from: &str, protocol: &str, port: u16) -> String {
        self.ask_at(NODE, from, protocol, port)
    }

    /// The same by another address of the node.
    fn ask_at(&self, node: &str, from: &str, protocol: &str, port: u16) -> String {
        let port = port.to_string();
        let args = ["netns", "exec", from, "python3", SCRIPT, "ask", protocol, node, &port];
        let output = Command::new("ip").args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for name in self.names() {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn serve(namespace: &str) -> Child {
    let mut server = Command::new("ip")
        .args(["netns", "exec", namespace, "python3", SCRIPT, "serve", "2222"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    server
}

fn run(args: &[&str]) {
    let output = Command::new(args[0]).args(&args[1..]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn forward(protocol: &str, public_port: u32) -> Forward {
    let (address, port) = ("10.77.0.2".to_owned(), 2222);
    Forward::of(&PortForward { protocol: protocol.into(), public_port, address, port }).unwrap()
}

#[tokio::test]
async fn a_port_of_the_node_leads_to_the_guest_until_it_does_no_longer() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new().await;
    let node = Netns::named(&lab.node);
    let networks: [Ipv4Net; 1] = ["10.77.0.1/24".parse().unwrap()];
    let asked = |port| ["tcp", "udp"].map(|protocol| lab.ask(&lab.world, protocol, port));
    assert_eq!(asked(20_000), ["none", "none"], "without forwards");

    let both = [forward("tcp", 20_000), forward("udp", 20_000)];
    assert!(ensure_forwards(&node, INSTANCE, &networks, &both).await.unwrap());
    assert!(!ensure_forwards(&node, INSTANCE, &networks, &both).await.unwrap(), "nothing to do");
    assert_eq!(asked(20_000), [WORLD, WORLD], "the guest sees who asks");
    assert_eq!(asked(20_001), ["none", "none"], "another port");
    assert_eq!(lab.ask(&lab.guests[1], "tcp", 20_000), "10.77.0.1", "its neighbour, by way of the node");
    assert_eq!(lab.ask(&lab.node, "tcp", 20_000), NODE, "the node itself");
    // Where br_netfilter is loaded, the way back is through the port of the bridge itself.
    assert!(ensure_hairpin(&node, "g0", true).await.unwrap());
    assert!(!ensure_hairpin(&node, "g0", true).await.unwrap());
    assert!(!ensure_hairpin(&node, "none", true).await.unwrap(), "no such port");
    for protocol in ["tcp", "udp"] {
        assert_eq!(lab.ask(&lab.guests[0], protocol, 20_000), "10.77.0.1", "itself by {protocol}, by way of the node");
        assert_eq!(lab.ask(&lab.guests[1], protocol, 20_000), "10.77.0.1", "its neighbour by {protocol}");
        assert_eq!(
            lab.ask_at(GATEWAY, &lab.guests[0], protocol, 20_000),
            GATEWAY,
            "at the node's address on the bridge"
        );
    }

    // Another forward comes; what is there stays. Somebody empties a map, or everything.
    let more = [both[0], both[1], forward("tcp", 20_001)];
    assert!(ensure_forwards(&node, INSTANCE, &networks, &more).await.unwrap());
    assert_eq!(asked(20_001), [WORLD, "none"], "by TCP alone");
    assert_eq!(asked(20_000), [WORLD, WORLD]);
    for what in [&["flush", "map", "inet", "tpf_forwards", "to_tcp"][..], &["flush", "ruleset"]] {
        node.cmd("nft").args(what.iter().copied()).run().await.unwrap();
        assert_eq!(asked(20_000)[0], "none", "after {what:?}");
        assert!(ensure_forwards(&node, INSTANCE, &networks, &more).await.unwrap(), "it is seen");
        assert_eq!(asked(20_000), [WORLD, WORLD], "and put right");
    }

    assert!(ensure_forwards(&node, INSTANCE, &networks, &both[..1]).await.unwrap());
    assert_eq!((asked(20_000), asked(20_001)), ([WORLD, "none"].map(String::from), ["none"; 2].map(String::from)));
    assert!(ensure_forwards(&node, INSTANCE, &networks, &[]).await.unwrap());
    assert!(!ensure_forwards(&node, INSTANCE, &networks, &[]).await.unwrap());
    assert_eq!(asked(20_000), ["none", "none"], "it leads there no longer");
    remove_forwards(&node, INSTANCE).await.unwrap();
}

/// The world knows a way to the guests, so that it would answer to their own addresses as well.
#[tokio::test]
async fn the_world_sees_the_nodes_address_in_place_of_a_guests_by_both_families() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let mut lab = Lab::new().await;
    let node = Netns::named(&lab.node);
    let addresses = vec!["10.77.0.1/24".parse().unwrap(), "fd77::1/64".parse().unwrap()];
    let bridge = BridgeSpec { name: "nat0".into(), addresses, nat: true, mtu: 0 };
    assert!(ensure_bridge(&node, INSTANCE, &bridge).await.unwrap(), "IPv6 comes to it");
    for (namespace, device, address) in [
        (&lab.node, "w0", "2001:db8:f::1/64"),
        (&lab.world, "eth0", "2001:db8:f::2/64"),
        (&lab.guests[0], "eth0", "fd77::2/64"),
    ] {
        run(&["ip", "-n", namespace, "addr", "add", address, "dev", device, "nodad"]);
    }
    for (namespace, network, gateway) in [
        (&lab.world, "10.77.0.0/24", NODE),
        (&lab.world, "fd77::/64", NODE_IPV6),
        (&lab.guests[0], "2001:db8:f::/64", "fd77::1"),
    ] {
        run(&["ip", "-n", namespace, "route", "add", network, "via", gateway]);
    }
    for (from, to) in [
        (&lab.guests[0], GATEWAY),
        (&lab.guests[0], "fd77::1"),
        (&lab.guests[1], GATEWAY),
        (&lab.world, NODE),
        (&lab.world, NODE_IPV6),
    ] {
        run(&["ip", "netns", "exec", from, "ping", "-c", "1", "-w", "20", to]);
    }
    lab.servers.push(serve(&lab.world));
    let seen = || {
        let ways = [("tcp", WORLD), ("udp", WORLD), ("tcp", WORLD_IPV6), ("udp", WORLD_IPV6)];
        ways.map(|(protocol, world)| lab.ask_at(world, &lab.guests[0], protocol, 2222))
    };
    assert_eq!(seen(), [NODE, NODE, NODE_IPV6, NODE_IPV6]);
    assert_eq!(lab.ask_at(GUEST, &lab.guests[1], "tcp", 2222), "10.77.0.3", "among themselves they are who they are");

    node.cmd("nft").args(["flush", "ruleset"]).run().await.unwrap();
    assert_eq!(seen(), [GUEST, GUEST, GUEST_IPV6, GUEST_IPV6], "without the rules");
    assert!(ensure_bridge(&node, INSTANCE, &bridge).await.unwrap(), "it is seen");
    assert_eq!(seen(), [NODE, NODE, NODE_IPV6, NODE_IPV6], "and put right");
}
