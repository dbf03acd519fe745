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
