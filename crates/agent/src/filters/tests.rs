//! Golden files of the anti-spoofing rules, and what never gets into them.

use super::*;
use berth_proto::{ExtraMac, InterfaceVlan, Ipv4Address, Ipv6Subnet, PortForward};

fn interface() -> InterfaceSpec {
    InterfaceSpec {
        tag: "1234567890".into(),
        mac: "52:54:00:00:00:01".into(),
        ip_filter: true,
        ipv4: ["10.7.0.3", "10.7.0.2"]
            .map(|address| Ipv4Address { address: address.into(), prefix_len: 24, gateway: String::new() })
            .into(),
        ipv6: vec![Ipv6Subnet {
            subnet: "fd00:7::".into(),
            prefix_len: 64,
            gateway: "fd00:7::1".into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn filter(interface: &InterfaceSpec) -> InterfaceFilter {
    InterfaceFilter::of("berth", interface).unwrap()
}

#[test]
fn golden_table() {
    insta::assert_snapshot!(table("berth"));
}

#[test]
fn golden_interfaces() {
    let open = InterfaceSpec { tag: "0000000002".into(), ip_filter: false, ..interface() };
    let bare = InterfaceSpec {
        tag: "0000000003".into(),
        ipv4: vec![],
        ipv6: vec![Ipv6Subnet { subnet: "2001:db8:0:10::".into(), prefix_len: 60, ..Default::default() }],
        in_average_kbs: 2000,
        out_average_kbs: 1000,
        ..interface()
    };
    insta::assert_snapshot!(set("berth", &[filter(&interface()), filter(&open), filter(&bare)]));
}

#[test]
fn golden_whitelist() {
    let mut passed = InterfaceSpec {
        whitelist: ["10.7.0.0/25", "192.0.2.7/32", "fd00:8::/64"].map(String::from).into(),
        ..interface()
    };
    passed.ipv4[0].gateway = "10.7.0.1".into();
    insta::assert_snapshot!(set("berth", &[filter(&passed)]));
}

#[test]
fn golden_further_macs() {
    let mac = |mac: &str, networks: &[&str]| ExtraMac {
        mac: mac.into(),
        networks: networks.iter().map(|network| (*network).to_owned()).collect(),
    };
    let nested = InterfaceSpec {
        // The networks that are passed besides hold what has a MAC address of its own.
        whitelist: ["10.7.0.0/25", "fd00:8::/32"].map(String::from).into(),
        macs: vec![
            mac("02:00:00:00:00:0a", &["10.7.0.3/32", "fd00:7::/64"]),
            mac("02:00:00:00:00:0b", &["10.7.0.4/32"]),
        ],
        ..interface()
    };
    insta::assert_snapshot!(set("berth", &[filter(&nested)]));
    let turned = InterfaceSpec { macs: vec![nested.macs[1].clone()], ..nested.clone() };
    assert_ne!(filter(&turned).hash(), filter(&nested).hash());
}

#[test]
fn golden_port_that_turns_back() {
    let forward =
        |address: &str| PortForward { protocol: "tcp".into(), public_port: 20_000, address: address.into(), port: 22 };
    let reached = InterfaceSpec { ipv6: vec![], forwards: vec![forward("10.7.0.2")], ..interface() };
    insta::assert_snapshot!(set("berth", &[filter(&reached)]));
}

#[test]
fn golden_dhcp_before_the_firewall() {
    let told = InterfaceSpec {
        ipv6: vec![],
        firewall: Some(berth_proto::Firewall::default()),
        dhcp: vec![berth_proto::DhcpLease::default()],
        ..interface()
    };
    insta::assert_snapshot!(in_rules(&filter(&told)).join("\n"));
}

#[test]
fn golden_trunk_of_vlans() {
    let vlan = |id| InterfaceVlan { id, tagged: true, native: false };
    let trunk = InterfaceSpec { vlans: vec![vlan(100), vlan(200)], ..interface() };
    insta::assert_snapshot!(set("berth", &[filter(&trunk)]));
    let native = InterfaceSpec { vlans: vec![InterfaceVlan { id: 7, tagged: false, native: true }], ..interface() };
    assert_eq!(filter(&native).hash(), filter(&interface()).hash(), "the guest's frames have no tag");
    let guarded = InterfaceSpec { firewall: Some(berth_proto::Firewall::default()), ..trunk };
    assert!(InterfaceFilter::of("berth", &guarded).is_err());
}

#[test]
fn golden_bounds_and_isolation() {
    let bound = InterfaceSpec {
        in_average_kbs: 2000,
        in_burst_kb: 9000,
        out_burst_kb: 77,
        packets_s: 10_000,
        isolated: true,
        ..interface()
    };
    insta::assert_snapshot!(set("berth", &[filter(&bound)]));
    let open = InterfaceSpec { isolated: false, ..bound.clone() };
    assert_eq!(filter(&bound).hash(), filter(&open).hash(), "it is in a set, not in the chains");
    assert_ne!(filter(&bound).mark(), filter(&open).mark());
}

#[test]
fn golden_removal() {
    insta::assert_snapshot!(unset("berth", &["berth1234567890".into()]) + &remove_table("berth"));
}

#[test]
fn the_hash_changes_with_each_rule_and_not_with_the_order_of_addresses() {
    let mut turned = interface();
    turned.ipv4.reverse();
    assert_eq!(filter(&turned).hash(), filter(&interface()).hash());
    turned.ipv4.pop();
    assert_ne!(filter(&turned).hash(), filter(&interface()).hash());
    assert_ne!(filter(&InterfaceSpec { ip_filter: false, ..interface() }).hash(), filter(&interface()).hash());
}

#[test]
fn t14_words_that_are_no_addresses_never_get_into_the_rules() {
    let hostile = "1; add rule bridge x y accept\n";
    let wrong: [fn(&mut InterfaceSpec, &str); 7] = [
        |interface, text| interface.whitelist = vec![text.into()],
        |interface, text| interface.tag = text.into(),
        |interface, text| interface.mac = text.into(),
        |interface, text| interface.ipv4[0].address = text.into(),
        |interface, text| interface.ipv6[0].subnet = text.into(),
        |interface, text| interface.macs = vec![ExtraMac { mac: text.into(), networks: vec![] }],
        |interface, text| {
            interface.macs = vec![ExtraMac { mac: "02:00:00:00:00:0a".into(), networks: vec![text.into()] }];
        },
    ];
    for spoil in wrong {
        let mut interface = interface();
        spoil(&mut interface, hostile);
        assert!(InterfaceFilter::of("berth", &interface).is_err());
    }
    assert!(InterfaceFilter::of("be\"rt", &interface()).is_err());
    for mac in ["", "52:54:00:00:00", "52:54:00:00:00:01:02", "53:54:00:00:00:01", "+1:54:00:00:00:01"] {
        assert!(InterfaceFilter::of("berth", &InterfaceSpec { mac: mac.into(), ..interface() }).is_err(), "{mac}");
    }
}
