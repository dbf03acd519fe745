//! Groups of nodes as the Global API writes them, with what they have and have given out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::server_node::{NodeLocalStorage, NodeOtherStorage, NodeResource};
use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorGroup {
    pub id: i64,
    pub name: String,
    pub label: Option<String>,
    pub description: Option<String>,
    pub icon: Option<String>,
    pub distribution_type: i32,
    pub enabled: bool,
    pub default: bool,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateHypervisorGroup {
    /// 1 to 100 characters, unique.
    pub name: String,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// How placement picks a node: 1 fewest servers, 2 most free memory, 3 most free CPU cores, 4 most free storage,
    /// 5 (the default) balanced, 11 fills by memory, 12 fills by servers, 13 in order.
    #[serde(default = "balanced", deserialize_with = "lenient::i32")]
    pub distribution_type: i32,
    #[serde(default = "yes", deserialize_with = "lenient::bool")]
    pub enabled: bool,
    #[serde(default, deserialize_with = "lenient::bool")]
    pub default: bool,
}

fn balanced() -> i32 {
    5
}

fn yes() -> bool {
    true
}

/// What is to change of a group; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateHypervisorGroup {
    /// 1 to 100 characters, unique.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// Null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub label: Option<Option<String>>,
    /// At most 1000 characters; null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Name of an icon; null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub icon: Option<Option<String>>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub distribution_type: Option<i64>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// True takes it from the group that was the default.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub default: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GroupResources {
    pub hypervisor: GroupResourcesNode,
    pub resources: GroupResourcesOfNode,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GroupResourcesNode {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
    pub prohibit: bool,
    /// Whether it takes new servers now.
    pub accept: bool,
    pub commissioned: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupResourcesOfNode {
    pub servers: NodeResource,
    pub memory: NodeResource,
    pub cpu_cores: NodeResource,
    pub local_storage: NodeLocalStorage,
    pub other_storage: Vec<NodeOtherStorage>,
    pub network: GroupNetwork,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GroupNetwork {
    pub total: GroupAddresses,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GroupAddresses {
    pub ipv4: FreeAddresses,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FreeAddresses {
    pub free: i64,
}
