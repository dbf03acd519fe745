//! Real packets against the anti-spoofing filters: a namespace plays the host with a bridge, another one the guest
//! behind a tap, a third one everybody else. What is false never arrives, what is honest always does, before and
//! after every change of the rules, and again after somebody flushed them.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[path = "packets/frames.rs"]
mod frames;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use berth_agent::filters::InterfaceFilter;
use berth_agent::filters_apply::{ensure_filters, ensure_table, listed_taps, remove_filters, remove_table};
use berth_agent::netns::Netns;
use berth_proto::{InterfaceSpec, Ipv4Address, Ipv6Subnet};
use frames::{Frame, GATEWAY_IPV6, OWN_IPV4, SECOND_IPV4, false_ones, honest, many_large, second_address};

const INSTANCE: &str = "tpx";
const TAP: &str = "tpx0000000001";
const UNLISTED_TAP: &str = "tpx0000000002";
/// As in `packets/send.py`.
const COPIES: u64 = 20;
const END: &str = "end-of-the-test";
const COUNT_LIMIT_S: &str = "20";

/// Three namespaces and their wires, removed at the end.
struct Lab {
    host: String,
    guest: String,
    peer: String,
}

impl Lab {
    fn new() -> Lab {
        let id = std::process::id();
        let lab = Lab { host: format!("bth{id}"), guest: format!("btg{id}"), peer: format!("btp{id}") };
        for name in [&lab.host, &lab.guest, &lab.peer] {
            run(&["ip", "netns", "add", name]);
            run(&["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
        }
        // Where br_netfilter is loaded it would also judge bridged packets as a router; the lab is about the bridge.
        for family in ["iptables", "ip6tables", "arptables"] {
            let key = format!("net.bridge.bridge-nf-call-{family}=0");
            let _ = Command::new("ip").args(["netns", "exec", &lab.host, "sysctl", "-qw", &key]).output();
        }
        lab.on_host(&["ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping", "0"]);
        lab.on_host(&["ip", "link", "set", "br0", "up"]);
        for (port, end, namespace) in
            [(TAP, "g0", &lab.guest), (UNLISTED_TAP, "g1", &lab.guest), ("wire0", "p0", &lab.peer)]
        {
            lab.on_host(&["ip", "link", "add", port, "type", "veth", "peer", "name", end, "netns", namespace]);
            lab.on_host(&["ip", "link", "set", port, "master", "br0", "up"]);
            run(&["ip", "-n", namespace, "link", "set", end, "up"]);
        }
        while lab.forwarding_ports() < 3 {
            std::thread::yield_now();
        }
        lab
    }

    /// The kernel opens a port some time after its wire came up.
    fn forwarding_ports(&self) -> usize {
        let output = Command::new("bridge").args(["-n", &self.host, "-j", "link"]).output().unwrap();
        let ports: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        ports.as_array().unwrap().iter().filter(|port| port["state"] == "forwarding").count()
    }

    fn on_host(&self, args: &[&str]) {
        run(&[&["ip", "netns", "exec", &self.host], args].concat());
    }

    /// How many of each frame arrive at the peer when the guest sends them from `device`.
    fn arrived(&self, device: &str, frames: &[Frame]) -> BTreeMap<String, u64> {
        let labels: Vec<String> = frames.iter().map(|frame| format!("<{}>", frame.name)).collect();
        let mut receiver = script(&self.peer, &["count", "p0", COUNT_LIMIT_S]);
        write_input(&mut receiver, &serde_json::to_vec(&labels).unwrap());
        let mut said = BufReader::new(receiver.stdout.take().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), "ready");
        let frames: Vec<String> = frames.iter().map(Frame::hex).collect();
        self.send(&self.guest, device, &frames);
        // Past the bridge, behind everything that got through.
        let end: String = END.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.send(&self.host, "wire0", &[format!("ffffffffffff02000000000088b5{end}")]);
        let counts = serde_json::from_str(&said.next().unwrap().unwrap()).unwrap();
        receiver.wait().unwrap();
        counts
    }

    fn send(&self, namespace: &str, device: &str, frames: &[String]) {
        let mut sender = script(namespace, &["send", device]);
        write_input(&mut sender, &serde_json::to_vec(frames).unwrap());
        assert!(sender.wait().unwrap().success());
    }

    fn assert_honest_only(&self, when: &str, second: bool) {
        let frames: Vec<Frame> = honest().into_iter().chain(false_ones()).chain([second_address()]).collect();
        for (label, count) in self.arrived("g0", &frames) {
            let passes = label.starts_with("<good") || second && label.starts_with("<second");
            assert_eq!(count, if passes { COPIES } else { 0 }, "{when}: {label}");
        }
        self.assert_nothing(when, "g1");
    }

    fn assert_all(&self, when: &str) {
        let frames: Vec<Frame> = honest().into_iter().chain(false_ones()).collect();
        let arrived = self.arrived("g0", &frames);
        assert!(arrived.values().all(|count| *count == COPIES), "{when}: {arrived:?}");
    }

    fn assert_nothing(&self, when: &str, device: &str) {
        for (label, count) in self.arrived(device, &honest()) {
            assert_eq!(count, 0, "{when}: {label} from {device}");
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in [&self.host, &self.guest, &self.peer] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn run(args: &[&str]) {
    let output = Command::new(args[0]).args(&args[1..]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn script(namespace: &str, args: &[&str]) -> std::process::Child {
    Command::new("ip")
        .args(["netns", "exec", namespace, "python3", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packets/send.py")])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn write_input(child: &mut std::process::Child, input: &[u8]) {
    child.stdin.take().unwrap().write_all(input).unwrap();
}

fn interface(ipv4: &[std::net::Ipv4Addr], ip_filter: bool) -> InterfaceFilter {
    limited(ipv4, ip_filter, 0)
}

fn limited(ipv4: &[std::net::Ipv4Addr], ip_filter: bool, out_average_kbs: u32) -> InterfaceFilter {
    let address = |address: &std::net::Ipv4Addr| Ipv4Address {
        address: address.to_string(),
        prefix_len: 24,
        gateway: "10.7.0.1".into(),
    };
    let spec = InterfaceSpec {
        tag: "0000000001".into(),
        mac: "52:54:00:00:00:01".into(),
        ip_filter,
        ipv4: ipv4.iter().map(address).collect(),
        ipv6: vec![Ipv6Subnet {
            subnet: "fd00:7:0:1::".into(),
            prefix_len: 64,
            address: "fd00:7:0:1::2".into(),
            gateway: GATEWAY_IPV6.into(),
        }],
        out_average_kbs,
        ..Default::default()
    };
    InterfaceFilter::of(INSTANCE, &spec).unwrap()
}

#[tokio::test]
async fn t14_nothing_false_leaves_a_guest_before_and_after_every_change_of_the_rules() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    // Without filters the lab itself lets everything pass: else the test would prove nothing.
    lab.assert_all("without filters");

    ensure_table(&host, INSTANCE).await.unwrap();
    lab.assert_nothing("before the tap is listed", "g0");

    let (one, two) = (interface(&[OWN_IPV4], true), interface(&[OWN_IPV4, SECOND_IPV4], true));
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    assert!(!ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("one address", false);

    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&two)).await.unwrap());
    lab.assert_honest_only("two addresses", true);
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("one address again", false);

    lab.on_host(&["nft", "flush", "table", "bridge", "tpx_filter"]);
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("after somebody flushed the table", false);
    lab.on_host(&["nft", "flush", "ruleset"]);
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("after somebody flushed everything", false);

    let open = interface(&[OWN_IPV4], false);
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&open)).await.unwrap());
    lab.assert_all("with the filter switched off");
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("with the filter switched on", false);

    // 1.4 MB at once, of which the burst of 64 kB passes and hardly more.
    assert_eq!(lab.arrived("g0", &many_large())["<large>"], 50 * COPIES);
    ensure_filters(&host, INSTANCE, &[limited(&[OWN_IPV4], true, 100)]).await.unwrap();
    let passed = lab.arrived("g0", &many_large())["<large>"];
    assert!((20..200).contains(&passed), "{passed} of {} frames passed a rate of 100 kB/s", 50 * COPIES);

    assert_eq!(listed_taps(&host, INSTANCE).await.unwrap(), [TAP]);
    let taps = [TAP.to_owned(), UNLISTED_TAP.to_owned()];
    assert!(remove_filters(&host, INSTANCE, &taps).await.unwrap());
    assert!(!remove_filters(&host, INSTANCE, &taps).await.unwrap());
    lab.assert_nothing("after the server is gone", "g0");
    remove_table(&host, INSTANCE).await.unwrap();
    remove_table(&host, INSTANCE).await.unwrap();
    assert_eq!(listed_taps(&host, INSTANCE).await.unwrap(), [""; 0]);
}
