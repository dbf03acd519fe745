//! Packages as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// `inherit`, `qcow2` or `raw`.
    pub primary_disk_type: String,
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
    /// Default true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// MiB, 64 to 4194304.
    pub memory: i64,
    /// GiB, 1 to 65536.
    pub primary_storage: i64,
    /// GB a month; 0, the default, is unmetered.
    #[serde(default)]
    pub traffic: i64,
    /// 1 to 512.
    pub cpu_cores: i64,
    /// kB/s; 0, the default, is unlimited.
    #[serde(default)]
    pub primary_network_speed_in: i64,
    #[serde(default)]
    pub primary_network_speed_out: i64,
    /// `inherit` (the default, which is qcow2), `qcow2` or `raw`.
    #[serde(default = "inherit")]
    pub primary_disk_type: String,
    #[serde(default)]
    pub primary_storage_read_bytes_sec: Option<i64>,
    #[serde(default)]
    pub primary_storage_write_bytes_sec: Option<i64>,
    #[serde(default)]
    pub primary_storage_read_iops_sec: Option<i64>,
    #[serde(default)]
    pub primary_storage_write_iops_sec: Option<i64>,
    #[serde(default)]
    pub primary_storage_profile: i32,
    #[serde(default)]
    pub primary_network_profile: i32,
}

fn yes() -> bool {
    true
}

fn inherit() -> String {
    "inherit".to_owned()
}
