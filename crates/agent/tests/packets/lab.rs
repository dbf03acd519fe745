//! Namespaces for real packets: one plays the host with a bridge, another one the guest behind a tap, a third one
//! everybody else.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::frames::Frame;

pub const TAP: &str = "tpx0000000001";
pub const UNLISTED_TAP: &str = "tpx0000000002";
/// As in `packets/send.py`.
pub const COPIES: u64 = 20;
const END: &str = "end-of-the-test";
const COUNT_LIMIT_S: &str = "20";

/// Three namespaces and their wires, removed at the end.
pub struct Lab {
    pub host: String,
    pub guest: String,
    pub peer: String,
}

impl Lab {
    pub fn new() -> Lab {
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
        while lab.forwarding().len() < 3 {
            std::thread::yield_now();
        }
        lab
    }

    /// The kernel opens a port some time after its wire came up.
    fn forwarding(&self) -> Vec<String> {
        let output = Command::new("bridge").args(["-n", &self.host, "-j", "link"]).output().unwrap();
        let ports: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let open = ports.as_array().unwrap().iter().filter(|port| port["state"] == "forwarding");
        open.filter_map(|port| port["ifname"].as_str().map(str::to_owned)).collect()
    }

    pub fn is_forwarding(&self, port: &str) -> bool {
        self.forwarding().iter().any(|open| open == port)
    }

    pub fn on_host(&self, args: &[&str]) {
        run(&[&["ip", "netns", "exec", &self.host], args].concat());
    }

    /// How many of each frame arrive at the peer when the guest sends them from `device`.
    pub fn arrived(&self, device: &str, frames: &[Frame]) -> BTreeMap<String, u64> {
        self.between((&self.guest, device), (&self.peer, "p0"), "wire0", frames)
    }

    /// Frames that the guest has got behind the first tap.
    pub fn received(&self) -> u64 {
        let args = ["netns", "exec", &self.guest, "cat", "/sys/class/net/g0/statistics/rx_packets"];
        let output = Command::new("ip").args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    /// How many of each frame arrive at the guest when the peer sends them.
    pub fn arrived_at_guest(&self, frames: &[Frame]) -> BTreeMap<String, u64> {
        self.between((&self.peer, "p0"), (&self.guest, "g0"), TAP, frames)
    }

    /// How many of each frame arrive behind the second tap when the guest sends them behind the first one.
    pub fn arrived_at_neighbour(&self, frames: &[Frame]) -> BTreeMap<String, u64> {
        self.between((&self.guest, "g0"), (&self.guest, "g1"), UNLISTED_TAP, frames)
    }

    /// How many of each frame come to the host itself, by its bridge, when the guest sends them behind the first tap.
    pub fn arrived_at_host(&self, frames: &[Frame]) -> BTreeMap<String, u64> {
        self.between((&self.guest, "g0"), (&self.host, "br0"), "br0", frames)
    }

    /// `last` is the receiver's wire on the host.
    fn between(&self, from: (&str, &str), to: (&str, &str), last: &str, frames: &[Frame]) -> BTreeMap<String, u64> {
        let counting = Counting::begin(to, frames);
        self.send_frames(from, frames);
        // Past the bridge, behind everything that got through.
        self.end(last);
        counting.counts()
    }

    pub fn send_frames(&self, (namespace, device): (&str, &str), frames: &[Frame]) {
        let frames: Vec<String> = frames.iter().map(Frame::hex).collect();
        self.send(namespace, device, &frames);
    }

    /// Whoever counts behind this device of the host's has got everything.
    pub fn end(&self, device: &str) {
        let end: String = END.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.send(&self.host, device, &[format!("ffffffffffff02000000000088b5{end}")]);
    }

    fn send(&self, namespace: &str, device: &str, frames: &[String]) {
        let mut sender = script(namespace, &["send", device]);
        write_input(&mut sender, &serde_json::to_vec(frames).unwrap());
        assert!(sender.wait().unwrap().success());
    }
}

/// Who counts the frames that arrive at a device of a namespace.
pub struct Counting {
    receiver: std::process::Child,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Counting {
    pub fn begin((namespace, device): (&str, &str), frames: &[Frame]) -> Counting {
        let labels: Vec<String> = frames.iter().map(|frame| format!("<{}>", frame.name)).collect();
        let mut receiver = script(namespace, &["count", device, COUNT_LIMIT_S]);
        write_input(&mut receiver, &serde_json::to_vec(&labels).unwrap());
        let mut said = BufReader::new(receiver.stdout.take().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), "ready");
        Counting { receiver, said }
    }

    /// Once the end has arrived, too.
    pub fn counts(mut self) -> BTreeMap<String, u64> {
        let counts = serde_json::from_str(&self.said.next().unwrap().unwrap()).unwrap();
        self.receiver.wait().unwrap();
        counts
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
