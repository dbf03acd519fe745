//! Blocks of addresses as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateIpBlock {
    /// 3 to 100 characters, unique.
    pub name: String,
    /// 4 or 6.
    #[serde(alias = "family", deserialize_with = "lenient::i32")]
    pub r#type: i32,
    /// What guests are told; of the block's family.
    pub gateway: String,
    /// IPv4: of the netmask, 1 to 32. IPv6: of the source prefix, 1 to 127.
    #[serde(deserialize_with = "lenient::i32")]
    pub prefix_len: i32,
    #[serde(default)]
    pub resolver1: Option<String>,
    #[serde(default)]
    pub resolver2: Option<String>,
    #[serde(default = "yes", deserialize_with = "lenient::bool")]
    pub enabled: bool,
    /// 0 to 20.
    #[serde(default, deserialize_with = "lenient::i32")]
    pub network_profile: i32,
    /// Interfaces that are told their addresses by DHCP are told those of this block.
    #[serde(default = "yes", deserialize_with = "lenient::bool")]
    pub dhcp: bool,
    /// True of IPv6 blocks only: nodes that route (networks of the type `lvNetwork`) lead each subnet to the address in
    /// it that its server was told, which then may use all others without answering for them on the link. On other
    /// networks, and by default, subnets lie on the link.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub route_block: Option<bool>,
    /// IPv4: the first and the last address that servers get; at most 65,536 in one call.
    #[serde(default)]
    pub first: Option<String>,
    #[serde(default)]
    pub last: Option<String>,
    /// IPv6: the prefix that subnets are cut from.
    #[serde(default)]
    pub source_prefix: Option<String>,
    /// IPv6: of each server's subnet, longer than the source prefix.
    #[serde(default, deserialize_with = "lenient::option_i32")]
    pub subnet_prefix_len: Option<i32>,
    /// Nodes whose default network the block serves.
    #[serde(default, deserialize_with = "lenient::list_i64")]
    pub hypervisor_ids: Vec<i64>,
}

fn yes() -> bool {
    true
}

/// A block. The part of the other family is there and empty.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpBlock {
    pub id: i64,
    /// 4 or 6.
    pub r#type: i32,
    pub name: String,
    pub ipv4: BlockIpv4,
    pub ipv6: BlockIpv6,
    /// By the zones of reverse names that are enabled. 0: none has any of its addresses; 1: each address is named in the
    /// zone that it is in; 2: all of them are named in the zone `rdnsZoneId`.
    pub rdns_type: i32,
    pub rdns_zone_id: Option<i64>,
    pub network_profile: i32,
    /// Nodes that route (networks of the type `lvNetwork`) lead each subnet of it to the address in it that its server
    /// was told. False of IPv4 blocks, to whose single addresses such nodes route anyway.
    pub route_block: bool,
    pub dhcp: i32,
    pub enabled: bool,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockIpv4 {
    pub gateway: Option<String>,
    /// Dotted.
    pub netmask: Option<String>,
    pub resolvers: BlockResolvers,
    pub total: i64,
    /// On servers, or kept back.
    pub used_total: i64,
    pub free_total: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockIpv6 {
    pub gateway: Option<String>,
    pub resolvers: BlockResolvers,
    /// The prefix that subnets are cut from, without its length.
    pub subnet: Option<String>,
    /// Length of that prefix.
    pub from: i32,
    /// Length of each server's subnet.
    pub to: i32,
    #[schema(value_type = Vec<String>)]
    pub restricted: Vec<String>,
    /// Subnets that servers can get; the first of the prefix is kept back.
    pub total: i64,
    /// Those that were given out at some time.
    pub generated_total: i64,
    pub used_total: i64,
    pub free_total: i64,
    pub free_generated: i64,
    pub blacklisted_total: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct BlockResolvers {
    pub primary: Option<String>,
    pub secondary: Option<String>,
}

/// A change of a block; what is absent stays. Null clears a resolver.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateIpBlock {
    /// 3 to 100 characters, unique.
    pub name: Option<String>,
    /// What guests are told from their next specification on; of the block's family.
    pub gateway: Option<String>,
    /// IPv4 only, 1 to 32: of the netmask.
    #[serde(deserialize_with = "lenient::option_i32")]
    pub prefix_len: Option<i32>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub resolver1: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub resolver2: Option<Option<String>>,
    /// A block that is not enabled gives no more addresses.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// 0 to 20.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub network_profile: Option<i64>,
    /// False: no addresses of it are told by DHCP.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub dhcp: Option<bool>,
    /// True of IPv6 blocks only. Nodes follow at once; servers are told nothing else.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub route_block: Option<bool>,
    /// IPv6 only, with its length (`2001:db8::/48`): wants `regenerate`, and that no server has a subnet of the block.
    pub source_prefix: Option<String>,
    /// IPv6 only: of each server's subnet; wants the same.
    #[serde(deserialize_with = "lenient::option_i32")]
    pub subnet_prefix_len: Option<i32>,
    #[serde(deserialize_with = "lenient::bool")]
    pub regenerate: bool,
}

/// Tells null from absent.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Addresses that are added to an IPv4 block: from `start` to `end`, or all of `network` (or `address`) with `prefix`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct AddIpv4 {
    /// `range`, or `network`; by default what the other fields say.
    pub r#type: Option<String>,
    pub start: Option<String>,
    pub end: Option<String>,
    #[serde(alias = "address")]
    pub network: Option<String>,
    /// 16 to 32.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub prefix: Option<i64>,
}

/// What became of a network that was added.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedIpv4 {
    pub added: u64,
    /// Addresses that the block had already; they stay as they are. At most 256 are named.
    pub existing: Vec<String>,
    pub existing_total: u64,
    /// The gateway, and the first and the last address of the block's own network: never given to servers.
    pub kept_out: Vec<String>,
}

/// Addresses of a block that are kept back, or given again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReserveIpv4 {
    /// 1 to 1,000 addresses of the block.
    pub addresses: Vec<String>,
    #[serde(deserialize_with = "lenient::bool")]
    pub reserved: bool,
}

/// Free addresses that leave a block.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveIpv4 {
    /// 1 to 1,000 addresses of the block that no server has.
    pub addresses: Vec<String>,
    /// Must be true.
    #[serde(default, deserialize_with = "lenient::bool")]
    pub confirm: bool,
}

/// One address of a block.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockAddress {
    pub id: i64,
    pub address: String,
    /// Kept back: given only where it is named.
    pub reserved: bool,
    /// It lies outside of the network that gateway and netmask say: its guest reaches the gateway by a route.
    pub outside_netmask: bool,
    /// Which server has it.
    pub server_id: Option<i64>,
    pub interface_id: Option<i64>,
    pub assigned: Option<String>,
    /// When it was last given back.
    pub released: Option<String>,
}

/// Who held an address, from when until when.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressHolding {
    /// An IPv4 address, or a subnet with its length.
    pub address: String,
    pub server_id: i64,
    pub server_uuid: String,
    /// The server's owner when it got the address.
    pub user_id: i64,
    pub interface_id: i64,
    pub assigned: String,
    /// Null while it is held.
    pub released: Option<String>,
}

/// That a block serves a network of a node.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockBinding {
    pub id: i64,
    pub block_id: i64,
    pub name: String,
    /// 4 or 6.
    pub r#type: i32,
    pub enabled: bool,
    pub hypervisor_id: i64,
    pub network: BoundNetwork,
    /// From 1: the order in which the network's blocks give addresses.
    pub order: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BoundNetwork {
    pub id: i64,
    pub bridge: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindBlock {
    #[serde(deserialize_with = "lenient::i64")]
    pub block_id: i64,
    /// A network of the node; by default its default one.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub network_id: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MoveBinding {
    #[serde(deserialize_with = "lenient::i64")]
    pub network_id: i64,
}

/// Blocks of the node in the order in which they give addresses; those that are not named come last.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderBlocks {
    #[serde(deserialize_with = "lenient::list_i64")]
    pub blocks: Vec<i64>,
}
