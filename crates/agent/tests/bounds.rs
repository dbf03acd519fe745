//! Real packets against what bounds a guest: isolated guests of one bridge reach the world and not each other, and no
//! more packets pass at once, or in a second, than an interface may send.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[allow(dead_code)]
#[path = "packets/frames.rs"]
mod frames;
#[allow(dead_code)]
#[path = "packets/lab.rs"]
mod lab;

use std::process::Command;

use berth_agent::filters::InterfaceFilter;
use berth_agent::filters_apply::{counted, ensure_filters, remove_filters, remove_table};
use berth_agent::netns::Netns;
use berth_proto::{InterfaceSpec, Ipv4Address};
use frames::{OWN_IPV4, many_large, packet4};
use lab::{COPIES, Lab, TAP, UNLISTED_TAP};

const INSTANCE: &str = "tpx";
const UDP: u8 = 17;

fn interface(n: u8) -> InterfaceSpec {
    let address = if n == 1 { OWN_IPV4.to_string() } else { "10.7.0.1".to_owned() };
    InterfaceSpec {
        tag: format!("000000000{n}"),
        mac: format!("52:54:00:00:00:0{n}"),
        ip_filter: true,
        ipv4: vec![Ipv4Address { address, prefix_len: 24, gateway: String::new() }],
        ..Default::default()
    }
}

async fn apply(host: &Netns, interfaces: &[InterfaceSpec]) -> bool {
    let filters: Vec<_> = interfaces.iter().map(|of| InterfaceFilter::of(INSTANCE, of).unwrap()).collect();
    ensure_filters(host, INSTANCE, &filters).await.unwrap()
}

fn is_root() -> bool {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        eprintln!("skipped: network namespaces need root");
    }
    is_root
}

#[tokio::test]
async fn isolated_guests_of_one_bridge_reach_the_world_and_not_each_other() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let isolated = |n| InterfaceSpec { isolated: true, ..interface(n) };
    let hello = || [packet4("hello", true, UDP, 5000, 53)];
    let assert_passes = |when: &str, to_neighbour: bool| {
        let wanted = if to_neighbour { COPIES } else { 0 };
        assert_eq!(lab.arrived_at_neighbour(&hello())["<hello>"], wanted, "{when}: to the neighbour");
        assert_eq!(lab.arrived("g0", &hello())["<hello>"], COPIES, "{when}: to the world");
    };

    apply(&host, &[interface(1), interface(2)]).await;
    assert_passes("two guests of one customer", true);
    assert!(apply(&host, &[isolated(1)]).await);
    assert_passes("only one of them is isolated", true);
    assert!(apply(&host, &[isolated(2)]).await);
    assert_passes("both are isolated", false);
    assert!(!apply(&host, &[isolated(1), isolated(2)]).await, "nothing to do");
    let back = [packet4("answer", false, UDP, 5000, 53)];
    assert_eq!(lab.arrived_at_guest(&back)["<answer>"], COPIES, "the world reaches an isolated guest");

    // Somebody takes one out by hand, or all.
    lab.on_host(&["nft", "flush", "set", "bridge", "tpx_filter", "isolated"]);
    assert_passes("after somebody flushed the set", true);
    assert!(apply(&host, &[isolated(1), isolated(2)]).await, "it is seen");
    assert_passes("and put right", false);
    lab.on_host(&["nft", "flush", "ruleset"]);
    assert!(apply(&host, &[isolated(1), isolated(2)]).await);
    assert_passes("after somebody flushed everything", false);

    assert!(apply(&host, &[interface(2)]).await);
    assert_passes("the neighbour is isolated no longer", true);
    let taps = [TAP.to_owned(), UNLISTED_TAP.to_owned()];
    assert!(remove_filters(&host, INSTANCE, &taps).await.unwrap());
    apply(&host, &[interface(1), interface(2)]).await;
    assert_passes("a new guest behind the same tap", true);
    remove_table(&host, INSTANCE).await.unwrap();
}

#[tokio::test]
async fn no_more_packets_pass_than_an_interface_may_send_and_get() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let all = 50 * COPIES;
    let sent = || lab.arrived("g0", &many_large())["<large>"];
    apply(&host, &[interface(1)]).await;
    assert_eq!(sent(), all, "without a bound");
    let (got, passed) = counted(&host, INSTANCE).await.unwrap()[TAP];
    assert!(passed > 1_000_000, "{passed} bytes are counted of 1.4 MB");

    // A thousand at once, of which the burst of 64 passes and what comes due meanwhile.
    assert!(apply(&host, &[InterfaceSpec { packets_s: 100, ..interface(1) }]).await);
    assert!(counted(&host, INSTANCE).await.unwrap()[TAP] >= (got, passed), "it outlives a change of the rules");
    let passed = sent();
    assert!((50..300).contains(&passed), "{passed} of {all} packets passed a bound of 100 in a second");
    let inbound: Vec<_> = (0..50).map(|_| packet4("inbound", false, UDP, 5000, 53)).collect();
    let passed = lab.arrived_at_guest(&inbound)["<inbound>"];
    assert!((50..300).contains(&passed), "{passed} of {all} packets passed inbound");

    // 1.4 MB at once, of which a burst of 700 kB passes: half of it.
    let slow = InterfaceSpec { out_average_kbs: 100, out_burst_kb: 700, ..interface(1) };
    assert!(apply(&host, &[slow]).await);
    let passed = sent();
    assert!((450..700).contains(&passed), "{passed} of {all} packets passed a burst of 700 kB");
    assert!(apply(&host, &[interface(1)]).await);
    assert_eq!(sent(), all, "without a bound again");
    remove_table(&host, INSTANCE).await.unwrap();
}
