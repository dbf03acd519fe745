//! The node of a server with what is allocated on it.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerNode {
    pub id: i64,
    pub ip: String,
    pub hostname: Option<String>,
    pub port: i32,
    pub maintenance: bool,
    pub group_id: i64,
    pub group: ServerNodeGroup,
    pub timezone: String,
    /// Whether the control server reaches the node by IPv6 alone: whether `ip` is such an address.
    #[serde(rename = "forceIPv6")]
    pub force_ipv6: bool,
    /// 0: screens of guests listen on no address of the node; consoles go through the control server.
    pub vnc_listen_type: i32,
    pub display_name: Option<String>,
    pub cpu_set: Option<String>,
    pub nf_type: i32,
    pub backup_storage_type: i32,
    pub default_disk_type: String,
    pub default_disk_cache_type: String,
    #[serde(rename = "defaultCPU")]
    pub default_cpu: String,
    pub default_machine_type: String,
    pub created: String,
    pub updated: String,
    pub name: String,
    pub data_dir: String,
    pub settings: ServerNodeSettings,
    pub resources: ServerNodeResources,
}

/// Read by a billing module; not in the description.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerNodeSettings {
    /// `online`, `maintenance` or `disabled`.
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerNodeGroup {
    pub name: String,
    pub icon: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerNodeResources {
    pub servers: NodeResource,
    pub memory: NodeResource,
    pub cpu_cores: NodeResource,
    pub local_storage: NodeLocalStorage,
    pub other_storage: Vec<NodeOtherStorage>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodeResource {
    pub units: String,
    /// 0 is unlimited; then `free` is below zero and `percent` null.
    pub max: i64,
    pub allocated: i64,
    pub free: i64,
    pub percent: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeLocalStorage {
    pub enabled: i32,
    pub name: String,
    pub storage_type: i32,
    pub units: String,
    pub max: i64,
    pub allocated: i64,
    pub free: i64,
    pub percent: Option<f64>,
}

/// A storage point besides the node's own folder.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeOtherStorage {
    pub id: i64,
    pub name: String,
    pub enabled: i32,
    /// Null where it is no folder.
    pub path: Option<String>,
    pub units: String,
    /// 1 directory, 2 Ceph RBD, 3 mount point, 4 LVM thin, 5 ZFS, 6 NFS.
    pub storage_type: i32,
    /// Other nodes can have it too.
    pub is_datastore: bool,
    /// With over-commit; 0 is unlimited, then `free` is below zero and `percent` null.
    pub max: i64,
    pub allocated: i64,
    pub free: i64,
    pub percent: Option<f64>,
}

impl NodeResource {
    /// `max` 0 is unlimited.
    pub fn new(units: &str, max: i64, allocated: i64) -> Self {
        Self { units: units.to_owned(), max, allocated, free: max - allocated, percent: percent(max, allocated) }
    }
}

impl NodeLocalStorage {
    /// The node's own folder for disks, in GiB; `max` 0 is unlimited.
    pub fn local(max: i64, allocated: i64) -> Self {
        Self {
            enabled: 1,
            name: "Local (Default mountpoint)".to_owned(),
            storage_type: 1,
            units: "GB".to_owned(),
            max,
            allocated,
            free: max - allocated,
            percent: percent(max, allocated),
        }
    }
}

/// With one decimal place; null without a maximum.
pub fn percent(max: i64, allocated: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a percentage with one decimal place")]
    (max > 0).then(|| (allocated as f64 * 1000.0 / max as f64).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maximum_of_zero_is_unlimited_and_has_no_percentage() {
        let servers = NodeResource::new("#", 0, 4);
        assert_eq!((servers.free, servers.percent), (-4, None));
        assert_eq!(NodeResource::new("MB", 24_000, 3584).percent, Some(14.9));
    }
}
