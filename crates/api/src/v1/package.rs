//! Packages as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub enabled: bool,
    /// MiB.
    pub memory: i64,
    /// GiB.
    pub primary_storage: i64,
    /// GB a month; 0 is unmetered.
    pub traffic: i64,
    pub cpu_cores: i64,
    /// kB/s; 0 is unlimited.
    pub primary_network_speed_in: i64,
    pub primary_network_speed_out: i64,
    /// Packets a second in each direction; 0 is unlimited. An addition of Berth's.
    pub primary_network_packets_per_second: i64,
    /// `inherit`, `qcow2` or `raw`.
    pub primary_disk_type: String,
    /// What its servers are backed up by; 0 is none.
    pub backup_plan_id: i64,
    pub primary_storage_read_bytes_sec: Option<i64>,
    pub primary_storage_write_bytes_sec: Option<i64>,
    pub primary_storage_read_iops_sec: Option<i64>,
    pub primary_storage_write_iops_sec: Option<i64>,
    pub primary_storage_profile: i32,
    pub primary_network_profile: i32,
    pub created: String,
}

/// A new package; what is left out is as in the description of each field.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePackage {
    /// 1 to 100 characters, unique.
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// Default true where memory, primaryStorage and cpuCores are given, and false where one of them is not.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// MiB, 64 to 4194304; by default 1024.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub memory: Option<i64>,
    /// GiB, 1 to 65536; by default 10.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub primary_storage: Option<i64>,
    /// GB a month, up to 999999999; 0, the default, is unmetered.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub traffic: i64,
    /// 1 to 600; by default 1.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub cpu_cores: Option<i64>,
    /// kB/s; 0, the default, is unlimited.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub primary_network_speed_in: i64,
    #[serde(default, deserialize_with = "lenient::i64")]
    pub primary_network_speed_out: i64,
    /// Packets a second in each direction, up to 100000000; 0, the default, is unlimited. An addition of Berth's.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub primary_network_packets_per_second: i64,
    /// `inherit` (the default, which is qcow2), `qcow2` or `raw`.
    #[serde(default = "inherit")]
    pub primary_disk_type: String,
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub primary_storage_read_bytes_sec: Option<i64>,
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub primary_storage_write_bytes_sec: Option<i64>,
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub primary_storage_read_iops_sec: Option<i64>,
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub primary_storage_write_iops_sec: Option<i64>,
    #[serde(default, deserialize_with = "lenient::i32")]
    pub primary_storage_profile: i32,
    #[serde(default, deserialize_with = "lenient::i32")]
    pub primary_network_profile: i32,
    /// A backup plan's id; 0, the default, is none.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub backup_plan_id: i64,
}

fn inherit() -> String {
    "inherit".to_owned()
}

/// What is to change of a package; what is left out stays. Servers that exist keep what they have.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdatePackage {
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// Null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub memory: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub primary_storage: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub traffic: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub cpu_cores: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub primary_network_speed_in: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub primary_network_speed_out: Option<i64>,
    /// An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub primary_network_packets_per_second: Option<i64>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub primary_disk_type: Option<String>,
    /// Null is without a limit, as with the three below.
    #[serde(deserialize_with = "lenient::nullable_i64")]
    #[schema(value_type = Option<i64>)]
    pub primary_storage_read_bytes_sec: Option<Option<i64>>,
    #[serde(deserialize_with = "lenient::nullable_i64")]
    #[schema(value_type = Option<i64>)]
    pub primary_storage_write_bytes_sec: Option<Option<i64>>,
    #[serde(deserialize_with = "lenient::nullable_i64")]
    #[schema(value_type = Option<i64>)]
    pub primary_storage_read_iops_sec: Option<Option<i64>>,
    #[serde(deserialize_with = "lenient::nullable_i64")]
    #[schema(value_type = Option<i64>)]
    pub primary_storage_write_iops_sec: Option<Option<i64>>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub primary_storage_profile: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub primary_network_profile: Option<i64>,
    /// 0 is none.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub backup_plan_id: Option<i64>,
}
