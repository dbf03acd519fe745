//! Real packets against the anti-spoofing filters: a namespace plays the host with a bridge, another one the guest
//! behind a tap, a third one everybody else. What is false never arrives, what is honest always does, before and
//! after every change of the rules, and again after somebody flushed them.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[allow(dead_code)]
#[path = "packets/frames.rs"]
mod frames;
#[allow(dead_code)]
#[path = "packets/lab.rs"]
mod lab;

use std::process::Command;

use berth_agent::filters::InterfaceFilter;
use berth_agent::filters_apply::{ensure_filters, ensure_table, listed_taps, remove_filters, remove_table};
use berth_agent::net::{BridgeSpec, ensure_bridge, ensure_hairpin};
use berth_agent::netns::Netns;
use berth_agent::routes::{Routed, of_interface};
use berth_agent::routes_apply::ensure_routes;
use berth_proto::{ExtraMac, InterfaceSpec, InterfaceVlan, Ipv4Address, Ipv6Subnet, PortForward};
use frames::{
    Frame, GATEWAY_IPV6, OWN_IPV4, SECOND_IPV4, false_ones, false_with_extra, honest, honest_of_extra, many_large,
    second_address, vlan,
};
use lab::{COPIES, Lab, TAP, UNLISTED_TAP};

const INSTANCE: &str = "tpx";

impl Lab {
    fn assert_honest_only(&self, when: &str, second: bool) {
        let frames: Vec<Frame> = honest().into_iter().chain(false_ones()).chain([second_address()]).collect();
        for (label, count) in self.arrived("g0", &frames) {
            let passes = label.starts_with("<good") || second && label.starts_with("<second");
            assert_eq!(count, if passes { COPIES } else { 0 }, "{when}: {label}");
        }
        self.assert_nothing(when, "g1");
    }

    /// As the node itself and a neighbour get it.
    fn assert_honest_only_within(&self, when: &str, second: bool) {
        let frames = || honest().into_iter().chain(false_ones()).chain([second_address()]).collect::<Vec<_>>();
        let places = [("node", self.arrived_at_host(&frames())), ("neighbour", self.arrived_at_neighbour(&frames()))];
        for (place, counts) in places {
            for (label, count) in counts {
                let passes = label.starts_with("<good") || second && label.starts_with("<second");
                assert_eq!(count, if passes { COPIES } else { 0 }, "{when}, at the {place}: {label}");
            }
        }
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

fn interface(ipv4: &[std::net::Ipv4Addr], ip_filter: bool) -> InterfaceFilter {
    InterfaceFilter::of(INSTANCE, &limited(ipv4, ip_filter, 0)).unwrap()
}

fn limited(ipv4: &[std::net::Ipv4Addr], ip_filter: bool, out_average_kbs: u32) -> InterfaceSpec {
    let address = |address: &std::net::Ipv4Addr| Ipv4Address {
        address: address.to_string(),
        prefix_len: 24,
        gateway: "10.7.0.1".into(),
    };
    InterfaceSpec {
        tag: "0000000001".into(),
        mac: "52:54:00:00:00:01".into(),
        ip_filter,
        ipv4: ipv4.iter().map(address).collect(),
        ipv6: vec![Ipv6Subnet {
            subnet: "fd00:7:0:1::".into(),
            prefix_len: 64,
            address: "fd00:7:0:1::2".into(),
            gateway: GATEWAY_IPV6.into(),
            routed: false,
        }],
        out_average_kbs,
        ..Default::default()
    }
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

    // The gateway's address is in the network that is passed, and is the gateway's all the same.
    let mut passed = limited(&[OWN_IPV4], true, 0);
    passed.whitelist = vec!["10.7.0.0/30".into()];
    ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &passed).unwrap()]).await.unwrap();
    lab.assert_honest_only("a network is passed besides", true);
    ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap();
    lab.assert_honest_only("and is no longer", false);

    lab.on_host(&["nft", "flush", "table", "bridge", "tpx_filter"]);
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("after somebody flushed the table", false);
    for by_hand in [&["flush", "chain", "bridge", "tpx_filter", "tap_tpx0000000001"][..], &["flush", "ruleset"]] {
        lab.on_host(&[&["nft"], by_hand].concat());
        assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap(), "{by_hand:?}");
        lab.assert_honest_only("after somebody flushed a chain, or everything", false);
    }

    let open = interface(&[OWN_IPV4], false);
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&open)).await.unwrap());
    lab.assert_all("with the filter switched off");
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&one)).await.unwrap());
    lab.assert_honest_only("with the filter switched on", false);

    // 1.4 MB at once, of which the burst of 64 kB passes and hardly more.
    assert_eq!(lab.arrived("g0", &many_large())["<large>"], 50 * COPIES);
    let slow = InterfaceFilter::of(INSTANCE, &limited(&[OWN_IPV4], true, 100)).unwrap();
    ensure_filters(&host, INSTANCE, &[slow]).await.unwrap();
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

/// So many that they are compared by sets, and not one after the other.
#[tokio::test]
async fn t14_many_addresses_of_one_interface_pass_and_nothing_false() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let apart = |n: u8| std::net::Ipv4Addr::new(10, 8, n, 1);
    let many: Vec<_> = (0..20).map(apart).chain([OWN_IPV4, SECOND_IPV4]).collect();
    assert!(ensure_filters(&host, INSTANCE, &[interface(&many, true)]).await.unwrap());
    lab.assert_honest_only("many addresses", true);
    assert!(ensure_filters(&host, INSTANCE, &[interface(&many[..21], true)]).await.unwrap());
    lab.assert_honest_only("one of them less", false);
    remove_table(&host, INSTANCE).await.unwrap();
}

fn second_subnet() -> Ipv6Subnet {
    Ipv6Subnet { subnet: "fd00:7:0:9::".into(), prefix_len: 64, ..Default::default() }
}

/// The second address and a second subnet are used under a MAC address of their own; the network that is passed besides
/// holds both.
fn with_extra_mac() -> InterfaceSpec {
    let mut spec = limited(&[OWN_IPV4, SECOND_IPV4], true, 0);
    spec.ipv6.push(second_subnet());
    spec.whitelist = vec!["10.7.0.2/31".into(), "fd00:7:0:8::/61".into()];
    let networks = vec![format!("{SECOND_IPV4}/32"), "fd00:7:0:9::/64".into()];
    spec.macs = vec![ExtraMac { mac: "02:00:00:00:00:0a".into(), networks }];
    spec
}

#[tokio::test]
async fn t14_an_address_with_a_mac_of_its_own_is_used_under_that_one_alone() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    ensure_table(&host, INSTANCE).await.unwrap();
    let all = || -> Vec<Frame> {
        honest().into_iter().chain(false_ones()).chain(honest_of_extra()).chain(false_with_extra()).collect()
    };
    let assert_passes = |when: &str, passes: &[&str]| {
        for (label, count) in lab.arrived("g0", &all()) {
            let wanted = if passes.iter().any(|start| label.starts_with(start)) { COPIES } else { 0 };
            assert_eq!(count, wanted, "{when}: {label}");
        }
    };
    let nested = InterfaceFilter::of(INSTANCE, &with_extra_mac()).unwrap();
    assert!(ensure_filters(&host, INSTANCE, std::slice::from_ref(&nested)).await.unwrap());
    assert!(!ensure_filters(&host, INSTANCE, std::slice::from_ref(&nested)).await.unwrap());
    assert_passes("each under its own", &["<good", "<extra"]);

    // A firewall that lets everything out opens no door, and is asked about both.
    let mut guarded = with_extra_mac();
    guarded.firewall = Some(berth_proto::Firewall::default());
    assert!(ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &guarded).unwrap()]).await.unwrap());
    assert_passes("behind a firewall", &["<good", "<extra"]);

    let own = InterfaceSpec { macs: Vec::new(), ..with_extra_mac() };
    assert!(ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &own).unwrap()]).await.unwrap());
    let under_own = ["<good", "<mixed-ipv4-extra", "<mixed-arp-extra", "<mixed-ipv6-extra", "<mixed-advert-extra"];
    assert_passes("all under the interface's own again", &[&under_own[..], &["<mixed-dad-extra"]].concat());
    remove_table(&host, INSTANCE).await.unwrap();
}

#[tokio::test]
async fn t14_a_port_that_turns_back_gives_a_guest_nothing_of_its_own_but_what_is_for_it() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let mut spec = limited(&[OWN_IPV4], true, 0);
    let forward = PortForward { protocol: "tcp".into(), public_port: 20_000, address: OWN_IPV4.to_string(), port: 22 };
    let got_back = || {
        let before = lab.received();
        assert!(lab.arrived("g0", &honest()).values().all(|count| *count == COPIES), "the others hear it");
        lab.received() - before
    };
    ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &spec).unwrap()]).await.unwrap();
    ensure_hairpin(&host, TAP, true).await.unwrap();
    assert!(got_back() >= COPIES, "without the rule the port turns everything back");
    spec.forwards = vec![forward];
    assert!(ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &spec).unwrap()]).await.unwrap());
    // The frame that ends the count is for everybody.
    assert!(got_back() <= COPIES, "only what is for it");
    assert!(ensure_hairpin(&host, TAP, false).await.unwrap());
    remove_table(&host, INSTANCE).await.unwrap();
}

#[tokio::test]
async fn t14_nothing_false_leaves_a_guest_in_a_vlan_either() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let (own, other) = (9, 5);
    let sent = |tag: u16| -> Vec<Frame> {
        honest()
            .into_iter()
            .chain(false_ones())
            .filter(|frame| frame.name != "bad-vlan")
            .map(|f| vlan(f, tag))
            .collect()
    };
    let passes = |when: &str, tag: u16, good: bool| {
        for (label, count) in lab.arrived("g0", &sent(tag)) {
            let wanted = if good && label.starts_with("<good") { COPIES } else { 0 };
            assert_eq!(count, wanted, "{when}: {label} in VLAN {tag}");
        }
    };
    let mut spec = limited(&[OWN_IPV4], true, 0);
    ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &spec).unwrap()]).await.unwrap();
    passes("without VLANs", own, false);
    spec.vlans = vec![InterfaceVlan { id: own.into(), tagged: true, native: false }];
    assert!(ensure_filters(&host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &spec).unwrap()]).await.unwrap());
    passes("a trunk", own, true);
    passes("a trunk", other, false);
    // A tag within the tag.
    let hidden: Vec<Frame> = sent(other).into_iter().map(|frame| vlan(frame, own)).collect();
    assert!(lab.arrived("g0", &hidden).values().all(|count| *count == 0));
    lab.assert_honest_only("frames without a tag are judged as before", false);
    remove_table(&host, INSTANCE).await.unwrap();
}

/// Makes the lab's bridge one that leads nowhere but to the node.
async fn lead_to_node(lab: &Lab, host: &Netns, routed: bool) {
    for device in ["br0", "wire0"] {
        lab.on_host(&["sysctl", "-qw", &format!("net.ipv6.conf.{device}.disable_ipv6=0")]);
    }
    lab.on_host(&["ip", "link", "set", "wire0", "nomaster"]);
    let mut addresses = vec!["10.7.0.1/24".parse().unwrap(), format!("{GATEWAY_IPV6}/64").parse().unwrap()];
    if routed {
        addresses.clear();
    }
    let bridge = BridgeSpec { name: "br0".into(), addresses, nat: !routed, mtu: 0 };
    ensure_bridge(host, INSTANCE, &bridge).await.unwrap();
}

#[tokio::test]
async fn t14_nothing_false_leaves_a_guest_of_a_bridge_that_the_node_translates_or_routes() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    for routed in [false, true] {
        let lab = Lab::new();
        let host = Netns::named(&lab.host);
        lead_to_node(&lab, &host, routed).await;
        let unfiltered = lab.arrived_at_host(&false_ones());
        assert!(unfiltered.values().all(|count| *count == COPIES), "without filters, routed {routed}: {unfiltered:?}");
        let neighbour = InterfaceSpec {
            tag: "0000000002".into(),
            mac: "52:54:00:00:00:02".into(),
            ip_filter: true,
            ..Default::default()
        };
        let neighbour = InterfaceFilter::of(INSTANCE, &neighbour).unwrap();
        let (one, two) = ([OWN_IPV4], [OWN_IPV4, SECOND_IPV4]);
        for (when, own) in [("one address", &one[..]), ("two addresses", &two[..]), ("one again", &one[..])] {
            let spec = limited(own, true, 0);
            if routed {
                let way = Routed { bridge: "br0".into(), uplink: "wire0".into() };
                let wanted = of_interface(&way, &spec).unwrap();
                assert!(ensure_routes(&host, INSTANCE, &[way], &wanted).await.unwrap());
            }
            let filters = [InterfaceFilter::of(INSTANCE, &spec).unwrap(), neighbour.clone()];
            assert!(ensure_filters(&host, INSTANCE, &filters).await.unwrap());
            lab.assert_honest_only_within(&format!("{when}, routed {routed}"), own.len() > 1);
        }
        remove_table(&host, INSTANCE).await.unwrap();
    }
}

/// What the guest sends passes where it is its own after the change.
async fn assert_passes(lab: &Lab, host: &Netns, when: &str, change: impl FnOnce(&mut InterfaceSpec), also: &[&str]) {
    let mut spec = limited(&[OWN_IPV4], true, 0);
    change(&mut spec);
    assert!(ensure_filters(host, INSTANCE, &[InterfaceFilter::of(INSTANCE, &spec).unwrap()]).await.unwrap());
    let frames = honest().into_iter().chain(false_ones()).chain(false_with_extra()).chain([second_address()]);
    for (label, count) in lab.arrived("g0", &frames.collect::<Vec<_>>()) {
        let passes = label.starts_with("<good") || also.iter().any(|start| label.starts_with(start));
        assert_eq!(count, if passes { COPIES } else { 0 }, "{when}: {label}");
    }
}

#[tokio::test]
async fn t14_a_subnet_and_a_listed_network_pass_as_long_as_they_are_the_guests() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let of_subnet = &["<mixed-ipv6-extra", "<mixed-advert-extra", "<mixed-dad-extra"][..];
    let of_address = &["<mixed-ipv4-extra", "<mixed-arp-extra>", "<second"][..];
    let listed = |network: &'static str| move |spec: &mut InterfaceSpec| spec.whitelist.push(network.into());
    let (lab, host) = (&lab, &host);
    assert_passes(lab, host, "at first", |_| {}, &[]).await;
    assert_passes(lab, host, "a second subnet", |spec| spec.ipv6.push(second_subnet()), of_subnet).await;
    assert_passes(lab, host, "the subnet is taken", |_| {}, &[]).await;
    assert_passes(lab, host, "a subnet is listed", listed("fd00:7:0:9::/64"), of_subnet).await;
    assert_passes(lab, host, "the one next to it", listed("fd00:7:0:a::/64"), &[]).await;
    assert_passes(lab, host, "an address is listed", listed("10.7.0.3/32"), of_address).await;
    assert_passes(lab, host, "the list is empty", |_| {}, &[]).await;
    remove_table(host, INSTANCE).await.unwrap();
}
