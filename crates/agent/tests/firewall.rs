//! Real packets against a customer's firewall: rules in their order, answers of known flows, quarantine; and that
//! nothing false leaves the guest before, during and after each change.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[allow(dead_code)]
#[path = "packets/frames.rs"]
mod frames;
#[allow(dead_code)]
#[path = "packets/lab.rs"]
mod lab;

use std::{process::Command, sync::Arc};

use berth_agent::{
    filters::InterfaceFilter,
    filters_apply::{ensure_filters, ensure_table, remove_filters, remove_table, rewrite, try_firewall},
    names,
    netns::Netns,
};
use berth_proto::{Firewall, FirewallRule, InterfaceSpec, Ipv4Address, Ipv6Subnet, PortRange};
use frames::{
    Frame, GATEWAY_IPV6, OWN_IPV4, OWN_IPV6, arp_to_guest, between, false_ones, honest, icmp4, packet4, packet6,
};
use lab::{COPIES, Lab, TAP};

const INSTANCE: &str = "tpx";
const TCP: u8 = 6;
const UDP: u8 = 17;

fn interface(rules: Option<Vec<FirewallRule>>) -> InterfaceSpec {
    InterfaceSpec {
        tag: "0000000001".into(),
        mac: "52:54:00:00:00:01".into(),
        ip_filter: true,
        ipv4: vec![Ipv4Address { address: OWN_IPV4.to_string(), prefix_len: 24, gateway: "10.7.0.1".into() }],
        ipv6: vec![Ipv6Subnet {
            subnet: "fd00:7:0:1::".into(),
            prefix_len: 64,
            address: "fd00:7:0:1::2".into(),
            gateway: GATEWAY_IPV6.into(),
            routed: false,
        }],
        firewall: rules.map(|rules| Firewall { rules }),
        ..Default::default()
    }
}

fn rule(inbound: bool, accept: bool, protocol: u8, port: u32) -> FirewallRule {
    let ports = if port == 0 { Vec::new() } else { vec![PortRange { first: port, last: port }] };
    FirewallRule {
        inbound,
        accept,
        family: 4,
        protocol: protocol.into(),
        destination_ports: ports,
        ..Default::default()
    }
}

fn range(first: u32, last: u32) -> PortRange {
    PortRange { first, last }
}

fn deny_all_in() -> Vec<FirewallRule> {
    let six = FirewallRule { family: 6, ..rule(true, false, 0, 0) };
    vec![rule(true, true, TCP, 22), rule(true, false, 0, 0), six, rule(false, false, TCP, 25)]
}

struct Walls {
    lab: Lab,
    host: Netns,
}

impl Walls {
    async fn set(&self, spec: InterfaceSpec) {
        let filter = InterfaceFilter::of(INSTANCE, &spec).unwrap();
        ensure_filters(&self.host, INSTANCE, &[filter]).await.unwrap();
    }

    fn guest_gets(&self, frame: Frame) -> bool {
        self.passed(self.lab.arrived_at_guest(&[frame]).into_values().next().unwrap())
    }

    fn guest_sends(&self, frame: Frame) -> bool {
        self.passed(self.lab.arrived("g0", &[frame]).into_values().next().unwrap())
    }

    /// With these rules, each packet passes or does not, as it is told.
    async fn assert_judged(&self, what: &str, rules: Vec<FirewallRule>, probes: Vec<Probe>) {
        self.set(interface(Some(rules))).await;
        let (outbound, inbound): (Vec<Probe>, Vec<Probe>) = probes.into_iter().partition(|probe| probe.outbound);
        for (is_outbound, probes) in [(true, outbound), (false, inbound)] {
            let (frames, passes): (Vec<Frame>, Vec<bool>) =
                probes.into_iter().map(|probe| (probe.frame, probe.passes)).unzip();
            let counts = if is_outbound { self.lab.arrived("g0", &frames) } else { self.lab.arrived_at_guest(&frames) };
            for (frame, passes) in frames.iter().zip(passes) {
                let label = format!("<{}>", frame.name);
                assert_eq!(counts[&label], if passes { COPIES } else { 0 }, "{what}: {label}");
            }
        }
    }

    fn passed(&self, count: u64) -> bool {
        assert!(count == 0 || count == COPIES, "all or none: {count}");
        count > 0
    }

    /// The anti-spoofing rules hold whatever the firewall says.
    fn assert_nothing_false(&self, when: &str) {
        let frames = false_ones();
        for (label, count) in self.lab.arrived("g0", &frames) {
            assert_eq!(count, 0, "{when}: {label}");
        }
    }
}

/// A packet, and whether it passes.
struct Probe {
    outbound: bool,
    frame: Frame,
    passes: bool,
}

const PASSES: bool = true;
const DROPPED: bool = false;

/// From another address to one of the guest's.
fn to_guest(name: &'static str, ends: (&str, &str), protocol: u8, ports: (u16, u16), passes: bool) -> Probe {
    let frame = between(name, false, (ends.1, ends.0), protocol, (ports.1, ports.0));
    Probe { outbound: false, frame, passes }
}

/// The other way round.
fn from_guest(name: &'static str, ends: (&str, &str), protocol: u8, ports: (u16, u16), passes: bool) -> Probe {
    Probe { outbound: true, frame: between(name, true, ends, protocol, ports), passes }
}

/// The mark of what was written is still there, so that no look finds the difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t14_what_somebody_changed_in_the_rules_by_hand_is_written_anew() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let walls = Walls { host: Netns::named(&lab.host), lab };
    let filters = [InterfaceFilter::of(INSTANCE, &interface(None)).unwrap()];
    assert_eq!(rewrite(&walls.host, INSTANCE, &filters).await.unwrap(), Vec::<String>::new(), "also the first time");
    walls.assert_nothing_false("as they were written");
    let (table, chain) = (names::filter_table(INSTANCE), format!("tap_{TAP}"));
    walls.lab.on_host(&["nft", "insert", "rule", "bridge", &table, &chain, "accept"]);
    let opened = walls.lab.arrived("g0", &false_ones());
    assert!(opened.values().any(|count| *count > 0), "somebody opened a door: {opened:?}");
    assert_eq!(rewrite(&walls.host, INSTANCE, &filters).await.unwrap(), Vec::<String>::new());
    walls.assert_nothing_false("written anew");
    assert!(walls.guest_sends(packet4("honest-anew", true, UDP, 5000, 53)), "what is the guest's own passes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kernel_is_asked_whether_it_remembers_flows_and_nothing_comes_into_force() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let host = Netns::named(&lab.host);
    let ruleset = async || host.cmd("nft").args(["list", "ruleset"]).run().await.unwrap().text();
    let before = ruleset().await;
    for _ in 0..2 {
        try_firewall(&host, INSTANCE).await.unwrap();
        assert_eq!(ruleset().await, before);
    }
    ensure_table(&host, INSTANCE).await.unwrap();
    try_firewall(&host, INSTANCE).await.unwrap();
    assert!(!ruleset().await.contains("trial"), "beside the table of filters");
    remove_table(&host, INSTANCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t14_a_firewall_lets_answers_in_and_strangers_not_and_opens_no_door_for_false_packets() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let walls = Arc::new(Walls { host: Netns::named(&lab.host), lab });
    ensure_table(&walls.host, INSTANCE).await.unwrap();
    walls.set(interface(None)).await;
    assert!(walls.guest_gets(packet4("stranger", false, UDP, 5000, 53)), "without a firewall everybody comes in");

    walls.set(interface(Some(deny_all_in()))).await;
    walls.assert_nothing_false("with a firewall");
    inbound(&walls);
    outbound(&walls);

    // Flows that are known outlive a change, as with connection tracking.
    walls.set(interface(Some(vec![rule(true, false, 0, 0)]))).await;
    assert!(walls.guest_gets(packet4("answer-later", false, UDP, 5000, 53)));
    assert!(!walls.guest_gets(packet4("ssh-closed", false, TCP, 22, 41_000)), "a new one is judged by the new rules");
    while_rules_change(&walls).await;

    let quarantined = InterfaceSpec { quarantined: true, ..interface(Some(deny_all_in())) };
    walls.set(quarantined).await;
    assert!(!walls.guest_gets(packet4("answer-quarantined", false, UDP, 5000, 53)));
    assert!(!walls.guest_gets(arp_to_guest("arp-quarantined")));
    for (label, count) in walls.lab.arrived("g0", &honest()) {
        assert_eq!(count, 0, "quarantine: {label}");
    }
    walls.set(interface(None)).await;
    assert!(walls.guest_gets(packet4("stranger-again", false, UDP, 5000, 53)), "switched off, and out of quarantine");
    walls.assert_nothing_false("after the firewall");
    let open = InterfaceSpec { ip_filter: false, ..interface(Some(deny_all_in())) };
    walls.set(open).await;
    assert!(!walls.guest_sends(packet4("mail-unfiltered", true, TCP, 42_000, 25)), "also without the filter");
    assert!(remove_filters(&walls.host, INSTANCE, &[TAP.to_owned()]).await.unwrap());
    let left = Command::new("ip").args(["netns", "exec", &walls.lab.host, "nft", "list", "ruleset"]).output().unwrap();
    assert!(!String::from_utf8(left.stdout).unwrap().contains(TAP), "nothing of the interface is left");
    remove_table(&walls.host, INSTANCE).await.unwrap();
}

fn inbound(walls: &Walls) {
    assert!(walls.guest_gets(packet4("ssh", false, TCP, 22, 40_000)), "the first rule that fits");
    assert!(!walls.guest_gets(packet4("web", false, TCP, 80, 40_000)));
    assert!(!walls.guest_gets(packet4("stranger-udp", false, UDP, 5001, 53)));
    assert!(!walls.guest_gets(icmp4("echo-in", false, 8)));
    assert!(walls.guest_gets(icmp4("unreachable", false, 3)), "error messages pass always");
    assert!(walls.guest_gets(arp_to_guest("arp")), "and who asks for its address");
    assert!(!walls.guest_gets(packet6("stranger-v6", false, 5000, 53)));

    assert!(walls.guest_sends(packet4("question", true, UDP, 5000, 53)));
    assert!(walls.guest_gets(packet4("answer", false, UDP, 5000, 53)));
    assert!(!walls.guest_gets(packet4("other-port", false, UDP, 5000, 54)), "of that flow alone");
    assert!(!walls.guest_gets(packet4("other-protocol", false, TCP, 5000, 53)));
    assert!(walls.guest_sends(packet6("question-v6", true, 5000, 53)));
    assert!(walls.guest_gets(packet6("answer-v6", false, 5000, 53)));
    assert!(walls.guest_sends(icmp4("echo", true, 8)));
    assert!(walls.guest_gets(icmp4("echo-answer", false, 0)));
}

fn outbound(walls: &Walls) {
    assert!(!walls.guest_sends(packet4("mail", true, TCP, 42_000, 25)));
    assert!(walls.guest_sends(packet4("mail-submission", true, TCP, 42_000, 587)));
    assert!(!walls.guest_gets(packet4("mail-answer", false, TCP, 42_000, 25)), "what was dropped is no flow");
}

/// Rules come and go while a guest sends what is false.
async fn while_rules_change(walls: &Arc<Walls>) {
    let sending = Arc::clone(walls);
    let sender = tokio::task::spawn_blocking(move || {
        (0..3).for_each(|_| sending.assert_nothing_false("while rules change"));
    });
    let mut with_rules = false;
    while !sender.is_finished() {
        with_rules = !with_rules;
        walls.set(interface(with_rules.then(deny_all_in))).await;
    }
    sender.await.unwrap();
    walls.assert_nothing_false("after the rules changed");
}

/// Each with the packet next to what it names. Each packet is of a flow of its own: one that is known would pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_fits_its_ports_and_addresses_and_not_the_ones_next_to_them() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return eprintln!("skipped: network namespaces need root");
    }
    let lab = Lab::new();
    let walls = Walls { host: Netns::named(&lab.host), lab };
    ensure_table(&walls.host, INSTANCE).await.unwrap();
    ports_of_rules(&walls).await;
    addresses_of_rules(&walls).await;
    rules_of_ipv6(&walls).await;
    remove_table(&walls.host, INSTANCE).await.unwrap();
}

async fn ports_of_rules(walls: &Walls) {
    let ends = ("10.7.0.1", "10.7.0.2");
    let several = vec![range(8000, 8010), range(9000, 9000)];
    let rules = vec![
        FirewallRule { destination_ports: several, ..rule(true, true, TCP, 0) },
        FirewallRule { source_ports: vec![range(53, 53), range(1000, 2000)], ..rule(true, true, UDP, 0) },
        FirewallRule { source_ports: vec![range(6000, 6010)], ..rule(false, false, TCP, 0) },
        FirewallRule { destination_ports: vec![range(6000, 6010)], ..rule(false, false, UDP, 0) },
        rule(true, false, 0, 0),
    ];
    let back = (ends.1, ends.0);
    let probes = vec![
        to_guest("below-range", ends, TCP, (40_000, 7999), DROPPED),
        to_guest("first-of-range", ends, TCP, (40_000, 8000), PASSES),
        to_guest("in-range", ends, TCP, (40_000, 8005), PASSES),
        to_guest("last-of-range", ends, TCP, (40_000, 8010), PASSES),
        to_guest("above-range", ends, TCP, (40_000, 8011), DROPPED),
        to_guest("single", ends, TCP, (40_000, 9000), PASSES),
        to_guest("next-to-single", ends, TCP, (40_000, 9001), DROPPED),
        to_guest("range-of-other-protocol", ends, UDP, (40_000, 8006), DROPPED),
        to_guest("range-as-source", ends, TCP, (8006, 40_000), DROPPED),
        to_guest("source", ends, UDP, (53, 5300), PASSES),
        to_guest("next-to-source", ends, UDP, (54, 5300), DROPPED),
        to_guest("first-of-sources", ends, UDP, (1000, 5300), PASSES),
        to_guest("last-of-sources", ends, UDP, (2000, 5300), PASSES),
        to_guest("above-sources", ends, UDP, (2001, 5300), DROPPED),
        to_guest("source-as-destination", ends, UDP, (5301, 53), DROPPED),
        from_guest("below-own", back, TCP, (5999, 443), PASSES),
        from_guest("first-own", back, TCP, (6000, 443), DROPPED),
        from_guest("last-own", back, TCP, (6010, 443), DROPPED),
        from_guest("above-own", back, TCP, (6011, 443), PASSES),
        from_guest("below-theirs", back, UDP, (5000, 5999), PASSES),
        from_guest("in-theirs", back, UDP, (5000, 6005), DROPPED),
        from_guest("above-theirs", back, UDP, (5000, 6011), PASSES),
    ];
    walls.assert_judged("ports", rules, probes).await;
}

async fn addresses_of_rules(walls: &Walls) {
    let (own, second) = ("10.7.0.2", "10.7.0.3");
    let rules = vec![
        FirewallRule { source: "198.51.100.0/24".into(), ..rule(true, true, TCP, 22) },
        FirewallRule { destination: format!("{second}/32"), ..rule(true, true, TCP, 443) },
        rule(true, false, 0, 0),
        FirewallRule { destination: "203.0.113.0/24".into(), ..rule(false, false, 0, 0) },
    ];
    let probes = vec![
        to_guest("friend", ("198.51.100.7", own), TCP, (41_000, 22), PASSES),
        to_guest("last-friend", ("198.51.100.255", own), TCP, (41_000, 22), PASSES),
        to_guest("no-friend", ("198.51.101.0", own), TCP, (41_000, 22), DROPPED),
        to_guest("friend-elsewhere", ("198.51.100.7", own), TCP, (41_000, 23), DROPPED),
        to_guest("one-address", ("192.0.2.1", second), TCP, (41_001, 443), PASSES),
        to_guest("other-address", ("192.0.2.1", own), TCP, (41_001, 443), DROPPED),
        from_guest("closed-network", (own, "203.0.113.9"), UDP, (5001, 53), DROPPED),
        from_guest("closed-network-by-tcp", (own, "203.0.113.255"), TCP, (5001, 53), DROPPED),
        from_guest("open-network", (own, "203.0.114.0"), UDP, (5001, 53), PASSES),
    ];
    walls.assert_judged("addresses", rules, probes).await;
}

async fn rules_of_ipv6(walls: &Walls) {
    let six = |rule: FirewallRule| FirewallRule { family: 6, ..rule };
    let several = vec![range(5000, 5010)];
    let rules = vec![
        six(FirewallRule { source: "2001:db8:1::/48".into(), ..rule(true, true, TCP, 443) }),
        six(FirewallRule {
            destination: format!("{OWN_IPV6}/128"),
            destination_ports: several,
            ..rule(true, true, UDP, 0)
        }),
        six(rule(true, false, 0, 0)),
        six(FirewallRule { destination: "2001:db8:bad::/48".into(), ..rule(false, false, UDP, 53) }),
    ];
    let (friend, stranger, closed) = ("2001:db8:1::9", "2001:db8:2::9", "2001:db8:bad::1");
    let probes = vec![
        to_guest("friend-v6", (friend, OWN_IPV6), TCP, (42_000, 443), PASSES),
        to_guest("stranger-v6", (stranger, OWN_IPV6), TCP, (42_000, 443), DROPPED),
        to_guest("friend-v6-elsewhere", (friend, OWN_IPV6), TCP, (42_000, 444), DROPPED),
        to_guest("first-v6", (stranger, OWN_IPV6), UDP, (42_001, 5000), PASSES),
        to_guest("last-v6", (stranger, OWN_IPV6), UDP, (42_001, 5010), PASSES),
        to_guest("above-v6", (stranger, OWN_IPV6), UDP, (42_001, 5011), DROPPED),
        to_guest("other-address-v6", (stranger, "fd00:7:0:1::3"), UDP, (42_001, 5005), DROPPED),
        to_guest("of-ipv4", ("192.0.2.1", "10.7.0.2"), TCP, (42_002, 80), PASSES),
        from_guest("closed-v6", (OWN_IPV6, closed), UDP, (5002, 53), DROPPED),
        from_guest("closed-v6-elsewhere", (OWN_IPV6, closed), UDP, (5002, 54), PASSES),
        from_guest("closed-v6-by-tcp", (OWN_IPV6, closed), TCP, (5002, 53), PASSES),
        from_guest("open-v6", (OWN_IPV6, "2001:db8:ba::1"), UDP, (5002, 53), PASSES),
    ];
    walls.assert_judged("IPv6", rules, probes).await;
}
