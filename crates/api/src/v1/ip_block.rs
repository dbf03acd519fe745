//! Blocks of addresses as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateIpBlock {
    /// 3 to 100 characters, unique.
    pub name: String,
    /// 4 or 6.
    #[serde(alias = "family")]
    pub r#type: i32,
    /// What guests are told; of the block's family.
    pub gateway: String,
    /// IPv4: of the netmask, 0 to 32. IPv6: of the source prefix, 0 to 127.
    pub prefix_len: i32,
    #[serde(default)]
    pub resolver1: Option<String>,
    #[serde(default)]
    pub resolver2: Option<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// 0 to 20.
    #[serde(default)]
    pub network_profile: i32,
    /// IPv4: the first and the last address that servers get; at most 65,536 in one call.
    #[serde(default)]
    pub first: Option<String>,
    #[serde(default)]
    pub last: Option<String>,
    /// IPv6: the prefix that subnets are cut from.
    #[serde(default)]
    pub source_prefix: Option<String>,
    /// IPv6: of each server's subnet, longer than the source prefix.
    #[serde(default)]
    pub subnet_prefix_len: Option<i32>,
    /// Nodes whose default network the block serves.
    #[serde(default)]
    pub hypervisor_ids: Vec<i64>,
}

fn yes() -> bool {
    true
}

/// A block for those who keep them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpBlock {
    pub id: i64,
    pub name: String,
    pub r#type: i32,
    pub gateway: String,
    pub prefix_len: i32,
    pub source_prefix: Option<String>,
    pub subnet_prefix_len: Option<i32>,
    pub resolver1: Option<String>,
    pub resolver2: Option<String>,
    pub enabled: bool,
    pub network_profile: i32,
    pub created: String,
    pub updated: String,
}
