//! Storage points: where nodes keep disks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoragePoint {
    /// 0 is the node's own folder, which every node has.
    pub id: i64,
    pub name: String,
    /// `directory`, `mountpoint`, `nfs`, `lvm-thin`, `zfs` or `ceph-rbd`.
    #[serde(rename = "type")]
    pub kind: String,
    /// 1 directory, 2 Ceph RBD, 3 mount point, 4 LVM thin, 5 ZFS, 6 NFS: what `storageProfile` asks for. 0 there is any.
    pub storage_type: i32,
    /// Of a directory, a mount point or an NFS mount.
    pub path: Option<String>,
    /// Of LVM (`group/pool`), ZFS (a data set) or Ceph.
    pub pool: Option<String>,
    pub enabled: bool,
    /// GiB, without over-commit; 0 is unlimited.
    pub capacity: i64,
    /// With over-commit; 0 is unlimited.
    pub max: i64,
    /// GiB of the disks that are there.
    pub allocated: i64,
    /// Below zero where it is unlimited.
    pub free: i64,
    pub percent: Option<f64>,
    /// Of what is really used: from here on it takes no new disks; 0 is never.
    pub alert_percent: i64,
    /// Of new disks whose package inherits it: `inherit` (which is the node's), `qcow2` or `raw`.
    pub disk_type: String,
    /// As the node last told; null before.
    pub usage: Option<StorageUsage>,
    /// Why the node can't use it; null: it can.
    pub trouble: Option<String>,
    /// Since when it is above its threshold; null: it is not.
    pub alerted: Option<String>,
    /// What its newest self-test found; null before the first. A storage point takes disks once that passed.
    pub selftest: Option<StorageSelftest>,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageUsage {
    /// Bytes.
    pub total: i64,
    pub used: i64,
    pub percent: Option<f64>,
    pub reported: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageSelftest {
    pub passed: bool,
    pub detail: String,
    pub at: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateStoragePoint {
    /// 3 to 100 characters, unique on the node.
    pub name: String,
    /// `directory`, `mountpoint`, `nfs`, `lvm-thin`, `zfs` or `ceph-rbd`. The node's owner lists it in the node's
    /// `agent.toml`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a directory, a mount point or an NFS mount.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub path: Option<String>,
    /// Of LVM (`group/pool`), ZFS (a data set) or Ceph.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub pool: Option<String>,
    /// GiB that may be given out; 0, the default, is unlimited.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub capacity: Option<i64>,
    /// 0 to 100, by default 95.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub alert_percent: Option<i64>,
    /// By default true.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// `inherit` (the default), `qcow2` or `raw`.
    #[serde(default, deserialize_with = "lenient::option_text")]
    pub disk_type: Option<String>,
}

/// What is to change of a storage point; what is left out stays. Of the node's own folder the size and the format are
/// changed with the node.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateStoragePoint {
    /// 3 to 100 characters, unique on the node.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// GiB that may be given out; 0 is unlimited. Disks that are there stay.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub capacity: Option<i64>,
    /// 0 to 100.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub alert_percent: Option<i64>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// `inherit`, `qcow2` or `raw`.
    #[serde(deserialize_with = "lenient::option_text")]
    pub disk_type: Option<String>,
}
