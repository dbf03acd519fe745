//! Interfaces and addresses.

use std::net::Ipv6Addr;

use berth_api::v1::server_network::{
    HypervisorConnectivity, IpWhitelistEntry, ServerInterface, ServerIpBlock, ServerIpv4, ServerIpv6,
    ServerIpv6Address, ServerNetwork,
};
use berth_store::{
    entity::{hypervisor_network, ip_block, ip_whitelist, ipv4_address, ipv6_subnet, server_interface},
    server_details::InterfaceDetails,
};

use ipnet::Ipv6Net;

use crate::{
    actions::{hypervisor_networks, server_interfaces::VIRTIO},
    ipam,
};

pub fn network(interfaces: Vec<InterfaceDetails>) -> ServerNetwork {
    let mut network = ServerNetwork::default();
    for details in interfaces {
        let is_primary = details.interface.is_primary;
        let list = if is_primary { &mut network.interfaces } else { &mut network.secondary_interfaces };
        list.push(interface(details));
    }
    network
}

/// Addresses with what they are called. In an IPv6 subnet any address may have a name, also one that the guest was not
/// told.
pub fn with_names(mut network: ServerNetwork, names: &[(String, String)]) -> ServerNetwork {
    let name_of = |address: &str| names.iter().find(|(named, _)| named == address).map(|(_, name)| name.clone());
    for interface in network.interfaces.iter_mut().chain(&mut network.secondary_interfaces) {
        for ipv4 in &mut interface.ipv4 {
            ipv4.rdns = name_of(&ipv4.address);
        }
        for ipv6 in &mut interface.ipv6 {
            let subnet = ipv6.subnet.parse().ok();
            let length = u8::try_from(ipv6.cidr).ok();
            let net = subnet.zip(length).and_then(|(subnet, length)| Ipv6Net::new(subnet, length).ok());
            let inside =
                |address: &str| net.is_some_and(|net| address.parse().is_ok_and(|a: Ipv6Addr| net.contains(&a)));
            for detailed in &mut ipv6.addresses_detailed {
                detailed.rdns = name_of(&detailed.address);
            }
            for (address, name) in names.iter().filter(|(address, _)| inside(address)) {
                if ipv6.addresses_detailed.iter().all(|known| known.address != *address) {
                    let named = ServerIpv6Address { address: address.clone(), rdns: Some(name.clone()) };
                    ipv6.addresses_detailed.push(named);
                }
            }
        }
    }
    network
}

pub fn interface(details: InterfaceDetails) -> ServerInterface {
    let InterfaceDetails { interface, network, ipv4, ipv6, whitelist, firewall, forwards: _, vlans } = details;
    let server_interface::Model {
        id,
        server_id: _,
        network_id,
        position,
        is_primary,
        enabled,
        tag,
        mac,
        name,
        driver,
        in_average_kbs,
        out_average_kbs,
        ip_filter,
        network_profile,
        firewall_enabled,
        quarantined: _,
        process_queues,
        mtu,
        port_isolated,
        link_up,
        in_burst_kb,
        out_burst_kb,
        packets_s,
        throttle_kbs,
        dhcp_v4,
        dhcp_v6,
        created_at: _,
        updated_at: _,
    } = interface;
    let is_nat = network.kind == hypervisor_networks::NAT;
    ServerInterface {
        id,
        order: position,
        enabled,
        tag,
        name,
        kind: if is_primary { "public" } else { "private" }.to_owned(),
        driver: driver.unwrap_or(VIRTIO),
        process_queues,
        mtu,
        link_up,
        mac,
        ipv4_to_mac: None,
        ipv6_to_mac: None,
        // Those of the public interface count, in both directions.
        in_traffic_count: is_primary,
        out_traffic_count: is_primary,
        in_average: in_average_kbs,
        in_peak: 0,
        in_burst: in_burst_kb,
        out_average: out_average_kbs,
        out_peak: 0,
        out_burst: out_burst_kb,
        packets_per_second: packets_s,
        traffic_throttle: throttle_kbs,
        ip_filter,
        vlans: vlans.iter().map(|row| row.vlan.into()).collect(),
        ip_filter_type: ip_filter.then(|| "4-6".to_owned()),
        port_isolated,
        ipv4_resolver_1: 1,
        ipv4_resolver_2: 2,
        ipv6_resolver_1: 1,
        ipv6_resolver_2: 2,
        network_profile,
        dhcp_v4: dhcp_v4.into(),
        dhcp_v6: dhcp_v6.into(),
        firewall_enabled,
        hypervisor_network: network_id,
        is_nat,
        nat: is_nat,
        firewall: firewall.iter().map(|rule| rule.id).collect(),
        ipv6: ipv6.into_iter().map(|(subnet, block)| self::ipv6(subnet, block, &network)).collect(),
        hypervisor_connectivity: connectivity(network),
        ip_whitelist: whitelist.into_iter().map(passed).collect(),
        actions: Vec::new(),
        ipv4: ipv4.into_iter().map(|(address, block)| self::ipv4(&address, block)).collect(),
    }
}

fn passed(row: ip_whitelist::Model) -> IpWhitelistEntry {
    let ip_whitelist::Model { id, interface_id: _, family, address, prefix_len, created_at: _ } = row;
    IpWhitelistEntry { id, kind: family, ip: address, mask: prefix_len }
}

fn connectivity(row: hypervisor_network::Model) -> HypervisorConnectivity {
    let hypervisor_network::Model {
        id,
        hypervisor_id: _,
        name: _,
        kind,
        bridge,
        mtu,
        made: _,
        is_primary,
        is_default,
        ip_block_group_id: _,
        created_at: _,
        updated_at: _,
    } = row;
    HypervisorConnectivity { id, kind, bridge, mtu, primary: is_primary, default: is_default }
}

fn ipv4(address: &ipv4_address::Model, block: ip_block::Model) -> ServerIpv4 {
    ServerIpv4 {
        id: address.id,
        order: address.position,
        enabled: true,
        block_id: block.id,
        address: ipam::ipv4(address.address).to_string(),
        gateway: block.gateway,
        netmask: ipam::netmask(block.prefix_len).to_string(),
        resolver1: block.resolver1.unwrap_or_default(),
        resolver2: block.resolver2.unwrap_or_default(),
        rdns: None,
        mac: address.mac.as_ref().map(|mac| mac.to_uppercase()),
    }
}

fn ipv6(subnet: ipv6_subnet::Model, block: ip_block::Model, network: &hypervisor_network::Model) -> ServerIpv6 {
    let address = ipam::guest_ipv6(&subnet.subnet, subnet.prefix_len, &block.gateway);
    let addresses = address.map(|address| address.to_string()).into_iter().collect::<Vec<_>>();
    let exhausted = ipam::is_used_up(&subnet.subnet, subnet.prefix_len, &block.gateway, addresses.len());
    let detailed = |address: &String| ServerIpv6Address { address: address.clone(), rdns: None };
    ServerIpv6 {
        id: subnet.id,
        block: ServerIpBlock { id: block.id, name: block.name },
        order: subnet.position,
        enabled: true,
        addresses_detailed: addresses.iter().map(detailed).collect(),
        addresses,
        subnet: subnet.subnet,
        cidr: subnet.prefix_len,
        exhausted,
        gateway: block.gateway,
        resolver1: block.resolver1.unwrap_or_default(),
        resolver2: block.resolver2.unwrap_or_default(),
        route_net: network.kind == hypervisor_networks::ROUTED,
    }
}
