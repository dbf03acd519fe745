//! Figures of a node over time, as Berth writes them.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorMetrics {
    /// Seconds that each point is the average of.
    pub interval: i64,
    /// Oldest first; a time in which the node was not heard has none.
    pub points: Vec<MetricPoint>,
    /// Its own folder first, then its storage points.
    pub storage: Vec<StorageMetrics>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MetricPoint {
    /// The beginning of its time.
    pub at: String,
    /// Percent of all cores.
    pub cpu: f64,
    pub load: f64,
    /// MiB.
    pub memory: MetricUse,
    /// Bytes of the file system that disks are on.
    pub filesystem: MetricUse,
    /// Over the node's uplinks.
    pub network: MetricTraffic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MetricUse {
    pub total: i64,
    pub used: i64,
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MetricTraffic {
    pub r#in: i64,
    pub out: i64,
}

/// A storage of the hypervisor over the same time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StorageMetrics {
    /// 0 is the hypervisor's own folder.
    pub id: i64,
    pub name: String,
    pub r#type: String,
    /// Oldest first; a time in which the node did not tell of it, or could not use it, has none.
    pub points: Vec<StorageMetricPoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StorageMetricPoint {
    /// The beginning of its time.
    pub at: String,
    /// Bytes.
    pub total: i64,
    /// Bytes.
    pub used: i64,
    /// What passed the block device that it is on, whoever it was for; null where it is on none of the node's own or on
    /// several (NFS, Ceph, ZFS, Btrfs), and of agents that don't tell yet.
    pub io: Option<StorageMetricIo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageMetricIo {
    /// Bytes a second.
    pub read: i64,
    /// Bytes a second.
    pub write: i64,
    /// Requests a second.
    pub read_iops: f64,
    /// Requests a second.
    pub write_iops: f64,
}
