//! Interfaces and addresses.

use std::net::Ipv4Addr;

use berth_api::v1::server_network::{
    HypervisorConnectivity, ServerInterface, ServerIpBlock, ServerIpv4, ServerIpv6, ServerIpv6Address, ServerNetwork,
};
use berth_store::{
    entity::{hypervisor_network, ip_block, ipv4_address, ipv6_subnet, server_interface},
    server_details::InterfaceDetails,
};

use crate::ipam;

pub fn network(interfaces: Vec<InterfaceDetails>) -> ServerNetwork {
    let mut network = ServerNetwork::default();
    for details in interfaces {
        let is_primary = details.interface.is_primary;
        let list = if is_primary { &mut network.interfaces } else { &mut network.secondary_interfaces };
        list.push(interface(details));
    }
    network
}

fn interface(details: InterfaceDetails) -> ServerInterface {
    let InterfaceDetails { interface, network, ipv4, ipv6 } = details;
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
        created_at: _,
        updated_at: _,
    } = interface;
    ServerInterface {
        id,
        order: position,
        enabled,
        tag,
        name,
        kind: if is_primary { "public" } else { "private" }.to_owned(),
        driver,
        process_queues: None,
        mac,
        ipv4_to_mac: None,
        ipv6_to_mac: None,
        in_traffic_count: true,
        out_traffic_count: true,
        in_average: in_average_kbs,
        in_peak: 0,
        in_burst: 0,
        out_average: out_average_kbs,
        out_peak: 0,
        out_burst: 0,
        ip_filter,
        vlans: Vec::new(),
        ip_filter_type: ip_filter.then(|| "4-6".to_owned()),
        port_isolated: false,
        ipv4_resolver_1: 1,
        ipv4_resolver_2: 2,
        ipv6_resolver_1: 1,
        ipv6_resolver_2: 2,
        network_profile,
        dhcp_v4: 0,
        dhcp_v6: 0,
        firewall_enabled: false,
        hypervisor_network: network_id,
        is_nat: false,
        nat: false,
        firewall: Vec::new(),
        hypervisor_connectivity: connectivity(network),
        ip_whitelist: Vec::new(),
        actions: Vec::new(),
        ipv4: ipv4.into_iter().map(|(address, block)| self::ipv4(&address, block)).collect(),
        ipv6: ipv6.into_iter().map(|(subnet, block)| self::ipv6(subnet, block)).collect(),
    }
}

fn connectivity(row: hypervisor_network::Model) -> HypervisorConnectivity {
    let hypervisor_network::Model {
        id,
        hypervisor_id: _,
        kind,
        bridge,
        mtu,
        is_primary,
        is_default,
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
        netmask: netmask(block.prefix_len).to_string(),
        resolver1: block.resolver1.unwrap_or_default(),
        resolver2: block.resolver2.unwrap_or_default(),
        rdns: None,
        mac: None,
    }
}

fn netmask(prefix_len: i32) -> Ipv4Addr {
    let bits = u32::try_from(prefix_len.clamp(0, 32)).unwrap_or(32);
    Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0))
}

fn ipv6(subnet: ipv6_subnet::Model, block: ip_block::Model) -> ServerIpv6 {
    let address = ipam::guest_ipv6(&subnet.subnet, subnet.prefix_len, &block.gateway);
    let addresses = address.map(|address| address.to_string()).into_iter().collect::<Vec<_>>();
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
        exhausted: false,
        gateway: block.gateway,
        resolver1: block.resolver1.unwrap_or_default(),
        resolver2: block.resolver2.unwrap_or_default(),
        route_net: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks() {
        let masks = [0, 1, 23, 24, 32].map(|len| netmask(len).to_string());
        assert_eq!(masks, ["0.0.0.0", "128.0.0.0", "255.255.254.0", "255.255.255.0", "255.255.255.255"]);
    }
}
