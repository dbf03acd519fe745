//! Filters of a full node: 2,000 servers put in force at once, one of them changed, and a look at all of them; each
//! beside what nft itself takes for the same text. In a network namespace of its own, which takes root.
//!
//! `cargo bench -p berth-agent --bench filters`.

#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on ends")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use berth_agent::filters::{self, InterfaceFilter};
use berth_agent::filters_apply::ensure_filters;
use berth_agent::netns::Netns;
use berth_proto::{Firewall, FirewallRule, InterfaceSpec, Ipv4Address, Ipv6Subnet, PortRange};

const INSTANCE: &str = "bnf";
const SERVERS: u32 = 2_000;
const GOAL_OF_NFT: f64 = 1.3;
const RUNS: usize = 3;
const CHANGES: u32 = 10;

/// A server as most are: an address, a subnet, a speed, and outbound mail closed.
fn server(n: u32, speed_kbs: u32) -> InterfaceFilter {
    let [_, _, high, low] = n.to_be_bytes();
    let closed = |family| FirewallRule {
        family,
        protocol: 6,
        destination_ports: vec![PortRange { first: 25, last: 25 }],
        ..Default::default()
    };
    let spec = InterfaceSpec {
        tag: format!("{n:010}"),
        mac: format!("52:54:00:01:{high:02x}:{low:02x}"),
        ip_filter: true,
        ipv4: vec![Ipv4Address {
            address: format!("10.9.{high}.{low}"),
            prefix_len: 16,
            gateway: "10.9.255.254".to_owned(),
        }],
        ipv6: vec![Ipv6Subnet {
            subnet: format!("2001:db8:0:{n:x}::"),
            prefix_len: 64,
            gateway: "fe80::1".to_owned(),
            ..Default::default()
        }],
        in_average_kbs: speed_kbs,
        out_average_kbs: speed_kbs,
        firewall: Some(Firewall { rules: vec![closed(4), closed(6)] }),
        ..Default::default()
    };
    InterfaceFilter::of(INSTANCE, &spec).unwrap()
}

struct Lab(String);

impl Lab {
    fn new(n: usize) -> Lab {
        let name = format!("bnf{}x{n}", std::process::id());
        assert!(Command::new("ip").args(["netns", "add", &name]).status().unwrap().success(), "this takes root");
        Lab(name)
    }

    fn netns(&self) -> Netns {
        Netns::named(&self.0)
    }

    /// What nft takes for this text alone.
    fn nft(&self, text: &str) -> Duration {
        let begun = Instant::now();
        let mut nft = Command::new("ip")
            .args(["netns", "exec", &self.0, "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success());
        begun.elapsed()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn print(what: &str, own_ms: f64, nft_ms: f64) {
    let times = own_ms / nft_ms;
    let met = if times <= GOAL_OF_NFT { "met" } else { "missed" };
    println!("{what}: {own_ms:.0} ms; nft itself {nft_ms:.0} ms; {times:.2} times, goal {GOAL_OF_NFT} ({met})");
}

/// `cargo test --benches` names no benchmark: there is nothing to test.
fn is_wanted() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if !is_wanted() {
        return;
    }
    let all: Vec<InterfaceFilter> = (1..=SERVERS).map(|n| server(n, 12_500)).collect();
    let text = filters::table(INSTANCE) + &filters::set(INSTANCE, &all);
    println!("{SERVERS} servers: {} kB of rules", text.len() / 1000);
    let (mut own, mut nft) = (Vec::new(), Vec::new());
    let mut lab = Lab::new(0);
    for n in 0..RUNS {
        nft.push(Lab::new(100 + n).nft(&text));
        lab = Lab::new(1 + n);
        let begun = Instant::now();
        assert!(ensure_filters(&lab.netns(), INSTANCE, &all).await.unwrap());
        own.push(begun.elapsed());
    }
    print("all servers put in force", median(own), median(nft));
    one_changes(&lab).await;
    let begun = Instant::now();
    assert!(!ensure_filters(&lab.netns(), INSTANCE, &all[CHANGES as usize..]).await.unwrap(), "others were touched");
    println!("a look at all of them: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
}

/// With the filters of all others in force.
async fn one_changes(lab: &Lab) {
    let (mut own, mut nft) = (Vec::new(), Vec::new());
    for n in 1..=CHANGES {
        let changed = [server(n, 1_000)];
        nft.push(lab.nft(&(filters::table(INSTANCE) + &filters::set(INSTANCE, &changed))));
        let changed = [server(n, 2_000)];
        let begun = Instant::now();
        assert!(ensure_filters(&lab.netns(), INSTANCE, &changed).await.unwrap());
        own.push(begun.elapsed());
    }
    print("one server of them changed", median(own), median(nft));
}
