//! What the operations on a server's addresses and interfaces take. Those of the Global API ignore unknown fields, the
//! newer ones refuse them.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::lenient;

/// `POST /servers/{serverId}/ipv4Qty`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct AddIpv4Quantity {
    /// `primary` or `secondary`.
    pub interface: Option<String>,
    /// 1 to 100.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub quantity: Option<i64>,
}

/// `POST` and `DELETE /servers/{serverId}/ipv4`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ServerIpv4Change {
    /// `primary` or `secondary`; where addresses are removed, by default whichever has them.
    pub interface: Option<String>,
    /// 1 to 100 addresses.
    #[serde(deserialize_with = "lenient::list_text")]
    #[schema(required = true)]
    pub ip: Vec<String>,
}

/// `POST` and `DELETE /servers/{serverId}/networkWhitelist`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ServerWhitelistChange {
    /// `primary` or `secondary`.
    pub interface: Option<String>,
    #[schema(required = true)]
    pub ip: Option<String>,
    /// The network's length: 8 to 32, or 16 to 128 for IPv6. Not read where networks are removed.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub cidr: Option<i64>,
}

/// A change of an interface; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateInterface {
    /// Another network of the server's hypervisor, which serves the addresses that the interface has. A server that runs
    /// goes on there at once, unless the MTU is another.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub hypervisor_network_id: Option<i64>,
    /// 1 virtio, 2 e1000, 3 rtl8139; null is the default. From the next start of the server on.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub driver: Option<i64>,
    /// False lets everything through that the server sends; administrators only.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub ip_filter: Option<bool>,
    /// kB/s towards the server; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub in_average: Option<i64>,
    /// kB/s from the server; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub out_average: Option<i64>,
    /// Which blocks may give it addresses, 0 to 20; 0 is any.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub network_profile: Option<i64>,
    /// Pairs of queues of a virtio interface, 1 to 16; from the next start of the server on.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub process_queues: Option<i64>,
    /// 1280 to 9216, and no more than the network's; null is the network's. From the next start of the server on.
    #[serde(deserialize_with = "lenient::nullable_i64")]
    pub mtu: Option<Option<i64>>,
    /// True keeps it from all other isolated interfaces of its network.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub port_isolated: Option<bool>,
    /// False takes the guest's carrier away.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub link_up: Option<bool>,
    /// kB that pass at once beyond the speed towards the server; 0 is the node's default.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub in_burst: Option<i64>,
    /// The same from the server.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub out_burst: Option<i64>,
    /// In each direction; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub packets_per_second: Option<i64>,
    /// True lets the node tell whoever has the interface's MAC addresses their IPv4 addresses by DHCP, those of blocks with
    /// `dhcp`.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub dhcp_v4: Option<bool>,
    /// The same for IPv6; where the node is the gateway, it advertises itself as the router.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub dhcp_v6: Option<bool>,
}

/// One more interface of a server.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateInterface {
    /// A network of the server's hypervisor.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub hypervisor_network_id: Option<i64>,
    /// 1 virtio, 2 e1000, 3 rtl8139; null is the default.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub driver: Option<i64>,
    /// False lets everything through that the server sends; administrators only.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub ip_filter: Option<bool>,
    /// kB/s towards the server; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub in_average: Option<i64>,
    /// kB/s from the server; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub out_average: Option<i64>,
    /// Which blocks may give it addresses, 0 to 20; 0 is any.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub network_profile: Option<i64>,
    /// Pairs of queues of a virtio interface, 1 to 16.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub process_queues: Option<i64>,
    /// 1280 to 9216, and no more than the network's; null is the network's.
    #[serde(deserialize_with = "lenient::nullable_i64")]
    pub mtu: Option<Option<i64>>,
    /// True keeps it from all other isolated interfaces of its network.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub port_isolated: Option<bool>,
    /// False takes the guest's carrier away.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub link_up: Option<bool>,
    /// kB that pass at once beyond the speed towards the server; 0 is the node's default.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub in_burst: Option<i64>,
    /// The same from the server.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub out_burst: Option<i64>,
    /// In each direction; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub packets_per_second: Option<i64>,
    /// True lets the node tell whoever has the interface's MAC addresses their IPv4 addresses by DHCP, those of blocks with
    /// `dhcp`.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub dhcp_v4: Option<bool>,
    /// The same for IPv6; where the node is the gateway, it advertises itself as the router.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub dhcp_v6: Option<bool>,
}

/// Which IPv4 addresses an interface gets or loses: one of the three.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct InterfaceIpv4 {
    /// Ids of addresses, as blocks list them.
    #[serde(deserialize_with = "lenient::list_i64")]
    pub ids: Vec<i64>,
    #[serde(deserialize_with = "lenient::list_text")]
    pub addresses: Vec<String>,
    /// 1 to 100: the next free ones, or the newest that it has.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub quantity: Option<i64>,
}

/// Which IPv6 subnet an interface gets or loses.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct InterfaceIpv6 {
    /// `2001:db8:0:7::/64`; the next free one where none is named.
    pub subnet: Option<String>,
}
