//! Nodes as the Global API writes them, and how they are changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    hypervisor_checks::HypervisorSelftest, hypervisor_group::HypervisorGroup, hypervisor_network::HypervisorNetwork,
    network_filters::HypervisorSettings, storage_point::StoragePoint,
};
use crate::lenient;

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
    /// 4: nftables' own filters for IPv4 and IPv6, which every node has.
    pub nf_type: i32,
    pub group: HypervisorGroup,
    /// Nodes have certificates instead of tokens: the serial number of this one's.
    pub encrypted_token: String,
    /// 0: unlimited, as the two below.
    pub max_servers: i64,
    pub max_cpu: i64,
    /// MiB.
    pub max_memory: i64,
    /// GiB of the local storage; 0 is unlimited.
    pub max_storage: i64,
    /// How much of `maxCpu` may be given out; 100 is no over-commit, and so with the two below.
    pub cpu_overcommit_percent: i64,
    pub memory_overcommit_percent: i64,
    pub storage_overcommit_percent: i64,
    /// Of disks whose package inherits it: `inherit` (which is qcow2), `qcow2` or `raw`.
    pub disk_type: String,
    /// QEMU's cache mode of disks that name none: `inherit` (which is writeback), `none`, `writethrough`, `writeback`,
    /// `directsync` or `unsafe`.
    pub disk_cache_type: String,
    /// 0: nodes keep no backups.
    pub backup_storage_type: i32,
    pub networks: Vec<HypervisorNetwork>,
    /// Storage points besides the local one.
    pub storage: Vec<StoragePoint>,
    /// `kvm`, or `qemu` where guests are emulated.
    pub accelerator: String,
    pub accelerator_detail: String,
    pub agent_version: String,
    /// The newest self-test; null before the first.
    pub selftest: Option<HypervisorSelftest>,
    pub settings: HypervisorSettings,
    pub created: String,
    pub updated: String,
}

/// A one-time token with which a node joins.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateEnrolmentToken {
    #[serde(deserialize_with = "lenient::i64")]
    pub group_id: i64,
    /// The node's name, 1 to 100 characters; by default made up from the time.
    #[serde(default)]
    pub name: Option<String>,
    /// Where the new node reaches the control server, `https://host[:port]`; by default `public_url`, or the address of
    /// this request.
    #[serde(default)]
    pub control_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EnrolmentToken {
    /// Shown once.
    pub token: String,
    pub expires: String,
    /// What makes a machine that node, for a shell of root's there; it holds the token.
    pub command: String,
}

/// What is to change of a node; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateHypervisor {
    /// 3 to 150 characters, unique.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// Takes no new servers; those that are there go on, and can be worked with.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub maintenance: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// Takes no new servers.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub prohibit: Option<bool>,
    /// Moves the node, with its servers, into another group.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub group_id: Option<i64>,
    /// 0 (unlimited) to 9999.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub max_servers: Option<i64>,
    /// 0 (unlimited) to 9999.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub max_cpu: Option<i64>,
    /// MiB, 0 (unlimited) to 1073741824.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub max_memory: Option<i64>,
    /// GiB of the local storage, 0 (unlimited) to 1073741824.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub max_storage: Option<i64>,
    /// 10 to 10000; 100 is no over-commit.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub cpu_overcommit_percent: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub memory_overcommit_percent: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub storage_overcommit_percent: Option<i64>,
    /// `inherit`, `qcow2` or `raw`, for new servers.
    #[serde(deserialize_with = "lenient::option_text")]
    pub disk_type: Option<String>,
    /// `inherit`, `none`, `writethrough`, `writeback`, `directsync` or `unsafe`, of disks that name none. Servers that run
    /// have it from their next start on.
    #[serde(deserialize_with = "lenient::option_text")]
    pub disk_cache_type: Option<String>,
    /// 4, for there are no other filters.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub nf_type: Option<i64>,
    /// 0, for nodes keep no backups.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub backup_storage_type: Option<i64>,
}
