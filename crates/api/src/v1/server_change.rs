//! What the operations that change a server take. Those of the Global API's description ignore unknown fields, as its
//! clients expect; the others refuse them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// `PUT /servers/{serverId}/modify/name`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default)]
pub struct ModifyName {
    /// Up to 63 printable characters.
    #[serde(deserialize_with = "lenient::option_text")]
    #[schema(required = true)]
    pub name: Option<String>,
}

/// `PUT /servers/{serverId}/modify/memory`
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default)]
pub struct ModifyMemory {
    /// MB, from 256.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub memory: Option<i64>,
}

/// `PUT /servers/{serverId}/modify/cpuCores`: under either name.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModifyCpuCores {
    /// 1 to 600.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub cores: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub cpu_cores: Option<i64>,
}

/// `PUT /servers/{serverId}/modify/cpuThrottle`
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default)]
pub struct ModifyCpuThrottle {
    /// How much of its processors' time the server does not get, 0 to 99 in a hundred.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub percent: Option<i64>,
}

/// `PUT /servers/{serverId}/modify/traffic`
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default)]
pub struct ModifyTraffic {
    /// GB (10^9 bytes) a period, 0 to 999999999; 0 is unmetered.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub traffic: Option<i64>,
}

/// `PUT /servers/{serverId}/modify/storage`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModifyStorage {
    /// `a` is the primary disk.
    #[serde(deserialize_with = "lenient::option_text")]
    #[schema(required = true)]
    pub drive: Option<String>,
    /// GB that the disk is to have; disks only grow.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub size: Option<i64>,
}

/// `PUT /servers/{serverId}/modify/protected`
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModifyProtected {
    /// Whether rebuilds and deletions are refused.
    #[serde(deserialize_with = "lenient::option_bool")]
    #[schema(required = true)]
    pub protected: Option<bool>,
}

/// `PUT /servers/{serverId}/backupManager/access`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(default)]
pub struct ModifyBackupAccess {
    /// `inherit`, `disabled`, `scheduled`, `view_restore`, `full` or `manual`.
    #[serde(rename = "type", deserialize_with = "lenient::option_text")]
    #[schema(required = true)]
    pub kind: Option<String>,
}

/// `PUT /servers/{serverId}/package/{packageId}`: which of the package's values the server takes over. What is left out
/// is taken over.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangePackage {
    #[serde(deserialize_with = "lenient::option_bool")]
    pub backup_plan: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub cpu: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub memory: Option<bool>,
    #[serde(rename = "primaryDiskReadIOPS", deserialize_with = "lenient::option_bool")]
    pub primary_disk_read_iops: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_disk_read_throughput: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_disk_size: Option<bool>,
    #[serde(rename = "primaryDiskWriteIOPS", deserialize_with = "lenient::option_bool")]
    pub primary_disk_write_iops: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_disk_write_throughput: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_network_inbound_speed: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_network_outbound_speed: Option<bool>,
    /// An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_network_packets_per_second: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub primary_network_traffic: Option<bool>,
}

/// What a change of package left as it was, a sentence each.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PackageChanged {
    pub info: Vec<String>,
}
