//! Nodes and their groups as the Global API writes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::server_node::{NodeLocalStorage, NodeResource};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorGroup {
    pub id: i64,
    pub name: String,
    pub label: Option<String>,
    pub description: Option<String>,
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
    /// How placement picks a node; 5, the default, balances.
    #[serde(default = "balanced")]
    pub distribution_type: i32,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default)]
    pub default: bool,
}

fn balanced() -> i32 {
    5
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hypervisor {
    pub id: i64,
    /// 0 no, 3 yes.
    pub commissioned: i32,
    pub ip: String,
    pub ip_alt: Option<String>,
    pub hostname: Option<String>,
    pub port: i32,
    pub ssh_port: i32,
    pub name: String,
    pub maintenance: bool,
    pub enabled: bool,
    /// Takes no new servers.
    pub prohibit: bool,
    pub nf_type: i32,
    pub group: HypervisorGroup,
    /// Nodes have certificates instead of tokens: the serial number of this one's.
    pub encrypted_token: String,
    /// 0: unlimited, as the two below.
    pub max_servers: i64,
    pub max_cpu: i64,
    /// MiB.
    pub max_memory: i64,
    pub networks: Vec<HypervisorNetwork>,
    /// Storage points besides the local one.
    pub storage: Vec<NodeLocalStorage>,
    /// `kvm`, or `qemu` where guests are emulated.
    pub accelerator: String,
    pub accelerator_detail: String,
    pub agent_version: String,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HypervisorNetwork {
    pub id: i64,
    pub r#type: String,
    pub bridge: String,
    pub primary: bool,
    pub default: bool,
    pub created: String,
    pub updated: String,
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
    pub other_storage: Vec<NodeLocalStorage>,
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

/// A one-time token with which a node joins.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateEnrolmentToken {
    pub group_id: i64,
    /// The node's name, 1 to 100 characters; by default made up from the time.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EnrolmentToken {
    /// Shown once.
    pub token: String,
    pub expires: String,
}
