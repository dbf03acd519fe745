//! Interfaces and addresses of a server.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerNetwork {
    pub interfaces: Vec<ServerInterface>,
    pub secondary_interfaces: Vec<ServerInterface>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerInterface {
    pub id: i64,
    pub order: i32,
    pub enabled: bool,
    /// Ten decimal digits that name the device on the node.
    pub tag: i64,
    pub name: String,
    /// `public` or `private`.
    #[serde(rename = "type")]
    pub kind: String,
    /// 1 virtio, which is the default, 2 e1000, 3 rtl8139.
    pub driver: i32,
    pub process_queues: Option<i32>,
    /// Null is the network's.
    pub mtu: Option<i32>,
    /// False: the guest sees no carrier.
    pub link_up: bool,
    pub mac: String,
    pub ipv4_to_mac: Option<i32>,
    pub ipv6_to_mac: Option<i32>,
    pub in_traffic_count: bool,
    pub out_traffic_count: bool,
    /// kB/s towards the server; 0 is unlimited.
    pub in_average: i64,
    pub in_peak: i64,
    pub in_burst: i64,
    /// kB/s from the server; 0 is unlimited.
    pub out_average: i64,
    pub out_peak: i64,
    /// kB at once beyond the speed; 0 is the node's default.
    pub out_burst: i64,
    /// In each direction; 0 is unlimited.
    pub packets_per_second: i64,
    /// kB/s in either direction while the traffic of the period is used up; 0 is none.
    pub traffic_throttle: i64,
    pub ip_filter: bool,
    pub vlans: Vec<i64>,
    /// `4`, `6` or `4-6`: the families that the filter lets assigned addresses of through; null without a filter.
    pub ip_filter_type: Option<String>,
    pub port_isolated: bool,
    #[serde(rename = "ipv4_resolver_1")]
    pub ipv4_resolver_1: i32,
    #[serde(rename = "ipv4_resolver_2")]
    pub ipv4_resolver_2: i32,
    #[serde(rename = "ipv6_resolver_1")]
    pub ipv6_resolver_1: i32,
    #[serde(rename = "ipv6_resolver_2")]
    pub ipv6_resolver_2: i32,
    pub network_profile: i32,
    pub dhcp_v4: i32,
    pub dhcp_v6: i32,
    pub firewall_enabled: bool,
    pub hypervisor_network: i64,
    pub is_nat: bool,
    pub nat: bool,
    pub firewall: Vec<i64>,
    pub hypervisor_connectivity: HypervisorConnectivity,
    pub ip_whitelist: Vec<IpWhitelistEntry>,
    pub actions: Vec<String>,
    pub ipv4: Vec<ServerIpv4>,
    pub ipv6: Vec<ServerIpv6>,
}

/// The network of the node that the interface is attached to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HypervisorConnectivity {
    pub id: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub bridge: String,
    pub mtu: Option<i32>,
    pub primary: bool,
    pub default: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IpWhitelistEntry {
    pub id: i64,
    /// 4 or 6.
    #[serde(rename = "type")]
    pub kind: i32,
    pub ip: String,
    pub mask: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerIpv4 {
    pub id: i64,
    pub order: i32,
    pub enabled: bool,
    pub block_id: i64,
    pub address: String,
    pub gateway: String,
    pub netmask: String,
    pub resolver1: String,
    pub resolver2: String,
    pub rdns: Option<String>,
    pub mac: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerIpv6 {
    pub id: i64,
    pub block: ServerIpBlock,
    pub order: i32,
    pub enabled: bool,
    /// Addresses of the subnet that the server was told to use.
    pub addresses: Vec<String>,
    pub addresses_detailed: Vec<ServerIpv6Address>,
    pub subnet: String,
    pub cidr: i32,
    /// Whether the server was told to use all addresses that the subnet has for it.
    pub exhausted: bool,
    pub gateway: String,
    pub resolver1: String,
    pub resolver2: String,
    /// Whether its node routes the subnet to it, as it does on networks of the type `lvNetwork`; on others the server
    /// shares the wire with the gateway.
    pub route_net: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerIpv6Address {
    pub address: String,
    pub rdns: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerIpBlock {
    pub id: i64,
    pub name: String,
}
