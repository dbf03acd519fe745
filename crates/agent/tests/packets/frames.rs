//! Frames as a guest might send them, honest and false ones. Each holds its name, by which the receiver counts it.

use std::net::{Ipv4Addr, Ipv6Addr};

pub const OWN_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];
pub const OTHER_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 2];
const BROADCAST: [u8; 6] = [0xff; 6];
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

pub const OWN_IPV4: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 2);
pub const SECOND_IPV4: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 3);
pub const OTHER_IPV4: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);
pub const OWN_IPV6: &str = "fd00:7:0:1::2";
pub const OWN_LINK_LOCAL: &str = "fe80::5054:ff:fe00:1";
pub const OTHER_IPV6: &str = "fd00:7:0:2::2";
pub const GATEWAY_IPV6: &str = "fd00:7:0:1::1";
const ROUTER_LINK_LOCAL: &str = "fe80::1";
const ALL_NODES: &str = "ff02::1";

pub const ETHER_IPV4: u16 = 0x0800;
const ETHER_ARP: u16 = 0x0806;
const ETHER_IPV6: u16 = 0x86dd;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

pub struct Frame {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl Frame {
    pub fn hex(&self) -> String {
        self.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What an honest guest sends.
pub fn honest() -> Vec<Frame> {
    let none = Ipv4Addr::UNSPECIFIED;
    vec![
        arp("good-arp-request", OWN_MAC, 1, OWN_MAC, OWN_IPV4),
        arp("good-arp-reply", OWN_MAC, 2, OWN_MAC, OWN_IPV4),
        arp("good-arp-probe", OWN_MAC, 1, OWN_MAC, none),
        udp4("good-ipv4", OWN_MAC, OWN_IPV4, OTHER_IPV4, 5000, 53),
        udp4("good-dhcp-client", OWN_MAC, none, Ipv4Addr::BROADCAST, 68, 67),
        udp6("good-ipv6", OWN_MAC, OWN_IPV6, OTHER_IPV6, 5000, 53),
        udp6("good-ipv6-link", OWN_MAC, OWN_LINK_LOCAL, ROUTER_LINK_LOCAL, 546, 547),
        nd("good-solicit", OWN_IPV6, 135, GATEWAY_IPV6),
        nd("good-dad", "::", 135, OWN_IPV6),
        nd("good-dad-link", "::", 135, OWN_LINK_LOCAL),
        nd("good-advert", OWN_IPV6, 136, OWN_IPV6),
        nd("good-advert-link", OWN_LINK_LOCAL, 136, OWN_LINK_LOCAL),
        nd("good-router-solicit", OWN_LINK_LOCAL, 133, "::"),
        nd("good-group-report", "::", 143, "::"),
    ]
}

/// From the second address, honest only after it was given.
pub fn second_address() -> Frame {
    udp4("second-ipv4", OWN_MAC, SECOND_IPV4, OTHER_IPV4, 5000, 53)
}

/// Fifty honest frames of 1,400 bytes.
pub fn many_large() -> Vec<Frame> {
    let large = || {
        let mut frame = udp4("large", OWN_MAC, OWN_IPV4, OTHER_IPV4, 5000, 53);
        frame.bytes.resize(1400, 0);
        frame
    };
    (0..50).map(|_| large()).collect()
}

/// What a guest must not be able to send.
pub fn false_ones() -> Vec<Frame> {
    vec![
        udp4("bad-mac-ipv4", OTHER_MAC, OWN_IPV4, OTHER_IPV4, 5000, 53),
        udp6("bad-mac-ipv6", OTHER_MAC, OWN_IPV6, OTHER_IPV6, 5000, 53),
        udp4("bad-ipv4", OWN_MAC, OTHER_IPV4, OWN_IPV4, 5000, 53),
        udp4("bad-ipv4-none", OWN_MAC, Ipv4Addr::UNSPECIFIED, OTHER_IPV4, 5000, 53),
        arp("bad-arp-request", OWN_MAC, 1, OWN_MAC, OTHER_IPV4),
        arp("bad-arp-reply", OWN_MAC, 2, OWN_MAC, OTHER_IPV4),
        arp("bad-arp-none", OWN_MAC, 2, OWN_MAC, Ipv4Addr::UNSPECIFIED),
        arp("bad-arp-sender", OWN_MAC, 2, OTHER_MAC, OWN_IPV4),
        arp("bad-arp-mac", OTHER_MAC, 1, OTHER_MAC, OWN_IPV4),
        udp4("bad-dhcp-answer", OWN_MAC, OWN_IPV4, Ipv4Addr::BROADCAST, 67, 68),
        udp6("bad-ipv6", OWN_MAC, OTHER_IPV6, OWN_IPV6, 5000, 53),
        udp6("bad-ipv6-router", OWN_MAC, ROUTER_LINK_LOCAL, OWN_IPV6, 5000, 53),
        udp6("bad-ipv6-gateway", OWN_MAC, GATEWAY_IPV6, OTHER_IPV6, 5000, 53),
        udp6("bad-dhcp6-answer", OWN_MAC, OWN_LINK_LOCAL, ALL_NODES, 547, 546),
        nd("bad-advert-router", OWN_IPV6, 136, ROUTER_LINK_LOCAL),
        nd("bad-advert-other", OWN_IPV6, 136, OTHER_IPV6),
        nd("bad-advert-gateway", OWN_IPV6, 136, GATEWAY_IPV6),
        nd("bad-advert-source", OTHER_IPV6, 136, OWN_IPV6),
        nd("bad-dad-router", "::", 135, ROUTER_LINK_LOCAL),
        nd("bad-dad-gateway", "::", 135, GATEWAY_IPV6),
        nd("bad-solicit-source", OTHER_IPV6, 135, OWN_IPV6),
        nd("bad-router-advert", OWN_LINK_LOCAL, 134, "::"),
        nd("bad-router-false", ROUTER_LINK_LOCAL, 134, "::"),
        nd("bad-redirect", OWN_LINK_LOCAL, 137, GATEWAY_IPV6),
        behind_hop_by_hop("bad-router-hidden", OWN_LINK_LOCAL, 134),
        vlan(udp4("bad-vlan", OWN_MAC, OWN_IPV4, OTHER_IPV4, 5000, 53), 5),
        ethernet("bad-ethertype", OWN_MAC, BROADCAST, 0x88b5, &[0; 40]),
        ethernet("bad-rarp", OWN_MAC, BROADCAST, 0x8035, &[0; 40]),
    ]
}

/// With the name also in the packet: a host that looks at bridged packets as a router cuts off what is behind it.
fn labelled(payload: &[u8], name: &str) -> Vec<u8> {
    [payload, format!("<{name}>").as_bytes()].concat()
}

/// A further MAC address behind the tap.
pub const EXTRA_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0a];
/// The subnet and the address that are used under it.
const EXTRA_IPV6: &str = "fd00:7:0:9::2";
const EXTRA_LINK_LOCAL: &str = "fe80::ff:fe00:a";

/// From the further MAC address with what is its own.
pub fn honest_of_extra() -> Vec<Frame> {
    let none = Ipv4Addr::UNSPECIFIED;
    vec![
        arp("extra-arp-request", EXTRA_MAC, 1, EXTRA_MAC, SECOND_IPV4),
        arp("extra-arp-reply", EXTRA_MAC, 2, EXTRA_MAC, SECOND_IPV4),
        arp("extra-arp-probe", EXTRA_MAC, 1, EXTRA_MAC, none),
        udp4("extra-ipv4", EXTRA_MAC, SECOND_IPV4, OTHER_IPV4, 5000, 53),
        udp4("extra-dhcp-client", EXTRA_MAC, none, Ipv4Addr::BROADCAST, 68, 67),
        udp6("extra-ipv6", EXTRA_MAC, EXTRA_IPV6, OTHER_IPV6, 5000, 53),
        nd_of("extra-advert", EXTRA_MAC, EXTRA_IPV6, 136, EXTRA_IPV6),
        nd_of("extra-dad", EXTRA_MAC, "::", 135, EXTRA_IPV6),
        nd_of("extra-dad-link", EXTRA_MAC, "::", 135, EXTRA_LINK_LOCAL),
    ]
}

/// One's addresses under the other's MAC address.
pub fn false_with_extra() -> Vec<Frame> {
    vec![
        udp4("mixed-ipv4-own", EXTRA_MAC, OWN_IPV4, OTHER_IPV4, 5000, 53),
        udp4("mixed-ipv4-extra", OWN_MAC, SECOND_IPV4, OTHER_IPV4, 5000, 53),
        arp("mixed-arp-own", EXTRA_MAC, 2, EXTRA_MAC, OWN_IPV4),
        arp("mixed-arp-extra", OWN_MAC, 2, OWN_MAC, SECOND_IPV4),
        arp("mixed-arp-sender", OWN_MAC, 2, EXTRA_MAC, SECOND_IPV4),
        arp("mixed-arp-ether", EXTRA_MAC, 2, OWN_MAC, OWN_IPV4),
        udp6("mixed-ipv6-own", EXTRA_MAC, OWN_IPV6, OTHER_IPV6, 5000, 53),
        udp6("mixed-ipv6-extra", OWN_MAC, EXTRA_IPV6, OTHER_IPV6, 5000, 53),
        nd_of("mixed-advert-own", EXTRA_MAC, EXTRA_IPV6, 136, OWN_IPV6),
        nd("mixed-advert-extra", OWN_IPV6, 136, EXTRA_IPV6),
        nd("mixed-dad-extra", "::", 135, EXTRA_IPV6),
        nd_of("mixed-router-advert", EXTRA_MAC, EXTRA_LINK_LOCAL, 134, "::"),
        udp4("mixed-dhcp-answer", EXTRA_MAC, SECOND_IPV4, Ipv4Addr::BROADCAST, 67, 68),
    ]
}

fn ethernet(name: &'static str, from: [u8; 6], to: [u8; 6], kind: u16, body: &[u8]) -> Frame {
    let mut bytes = [&to[..], &from, &kind.to_be_bytes(), body].concat();
    // Behind the packet, as padding is.
    bytes.extend_from_slice(format!("<{name}>").as_bytes());
    Frame { name, bytes }
}

fn arp(name: &'static str, from: [u8; 6], operation: u16, sender_mac: [u8; 6], sender_ip: Ipv4Addr) -> Frame {
    let head = [0, 1, 8, 0, 6, 4];
    let sender = sender_ip.octets();
    let body = [&head[..], &operation.to_be_bytes(), &sender_mac, &sender, &[0; 6], &[10, 7, 0, 9]].concat();
    ethernet(name, from, BROADCAST, ETHER_ARP, &body)
}

fn udp(from_port: u16, to_port: u16) -> Vec<u8> {
    let data = [0; 16];
    let len = (8 + data.len()) as u16;
    [&from_port.to_be_bytes()[..], &to_port.to_be_bytes(), &len.to_be_bytes(), &[0, 0], &data].concat()
}

fn udp4(name: &'static str, mac: [u8; 6], from: Ipv4Addr, to: Ipv4Addr, from_port: u16, to_port: u16) -> Frame {
    ipv4(name, mac, (from, to), UDP, &udp(from_port, to_port))
}

/// From the guest to the other one, or back.
pub fn packet4(name: &'static str, outbound: bool, protocol: u8, own_port: u16, other_port: u16) -> Frame {
    if outbound {
        ipv4(name, OWN_MAC, (OWN_IPV4, OTHER_IPV4), protocol, &udp(own_port, other_port))
    } else {
        ipv4(name, OTHER_MAC, (OTHER_IPV4, OWN_IPV4), protocol, &udp(other_port, own_port))
    }
}

/// The same for UDP on IPv6.
pub fn packet6(name: &'static str, outbound: bool, own_port: u16, other_port: u16) -> Frame {
    if outbound {
        udp6(name, OWN_MAC, OWN_IPV6, OTHER_IPV6, own_port, other_port)
    } else {
        udp6(name, OTHER_MAC, OTHER_IPV6, OWN_IPV6, other_port, own_port)
    }
}

/// From an address of the guest's to another one, or back, both of one family; each end with its port.
pub fn between(name: &'static str, outbound: bool, ends: (&str, &str), protocol: u8, ports: (u16, u16)) -> Frame {
    let ((own, other), (own_port, other_port)) = (ends, ports);
    let (mac, from, to, payload) = if outbound {
        (OWN_MAC, own, other, udp(own_port, other_port))
    } else {
        (OTHER_MAC, other, own, udp(other_port, own_port))
    };
    match (from.parse::<Ipv4Addr>(), to.parse::<Ipv4Addr>()) {
        (Ok(from), Ok(to)) => ipv4(name, mac, (from, to), protocol, &payload),
        _ => ipv6(name, mac, from, to, protocol, &payload),
    }
}

/// An echo request (8), its answer (0), or that the host can't be reached (3).
pub fn icmp4(name: &'static str, outbound: bool, kind: u8) -> Frame {
    let (mac, ends) = if outbound { (OWN_MAC, (OWN_IPV4, OTHER_IPV4)) } else { (OTHER_MAC, (OTHER_IPV4, OWN_IPV4)) };
    ipv4(name, mac, ends, 1, &[&[kind, 0, 0, 0][..], &[0; 28]].concat())
}

/// Who has the other one's address?
pub fn arp_to_guest(name: &'static str) -> Frame {
    arp(name, OTHER_MAC, 1, OTHER_MAC, OTHER_IPV4)
}

fn ipv4(name: &'static str, mac: [u8; 6], ends: (Ipv4Addr, Ipv4Addr), protocol: u8, payload: &[u8]) -> Frame {
    let payload = labelled(payload, name);
    let len = (20 + payload.len()) as u16;
    let head = [0x45, 0, len.to_be_bytes()[0], len.to_be_bytes()[1], 0, 0, 0, 0, 64, protocol, 0, 0];
    let mut head = [&head[..], &ends.0.octets(), &ends.1.octets()].concat();
    sum_up(&mut head);
    ethernet(name, mac, BROADCAST, ETHER_IPV4, &[&head[..], &payload].concat())
}

/// Sets the sum of an IPv4 header (RFC 791).
pub fn sum_up(head: &mut [u8]) {
    head[10..12].fill(0);
    let sum: u32 = head.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    head[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn nd_of(name: &'static str, mac: [u8; 6], from: &str, kind: u8, target: &str) -> Frame {
    ipv6(name, mac, from, ALL_NODES, ICMPV6, &icmpv6(kind, target))
}

fn ipv6(name: &'static str, mac: [u8; 6], from: &str, to: &str, next: u8, payload: &[u8]) -> Frame {
    let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    let payload = labelled(payload, name);
    let len = payload.len() as u16;
    let head = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[next, 255], &address(from), &address(to)].concat();
    ethernet(name, mac, ALL_NODES_MAC, ETHER_IPV6, &[&head[..], &payload].concat())
}

fn udp6(name: &'static str, mac: [u8; 6], from: &str, to: &str, from_port: u16, to_port: u16) -> Frame {
    ipv6(name, mac, from, to, UDP, &udp(from_port, to_port))
}

fn icmpv6(kind: u8, target: &str) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target.parse::<Ipv6Addr>().unwrap().octets()].concat()
}

fn nd(name: &'static str, from: &str, kind: u8, target: &str) -> Frame {
    nd_of(name, OWN_MAC, from, kind, target)
}

fn behind_hop_by_hop(name: &'static str, from: &str, kind: u8) -> Frame {
    let option = [ICMPV6, 0, 1, 4, 0, 0, 0, 0];
    ipv6(name, OWN_MAC, from, ALL_NODES, 0, &[&option[..], &icmpv6(kind, "::")].concat())
}

/// The frame with a tag of this VLAN.
pub fn vlan(frame: Frame, id: u16) -> Frame {
    let (head, rest) = frame.bytes.split_at(12);
    Frame { name: frame.name, bytes: [head, &[0x81, 0], &id.to_be_bytes(), rest].concat() }
}
