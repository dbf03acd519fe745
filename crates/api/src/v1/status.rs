//! How the installation is.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Whether every check below is.
    pub healthy: bool,
    pub version: String,
    /// When this control server started.
    pub started: String,
    pub database: DatabaseStatus,
    /// Live figures of nodes, which this control server keeps in memory.
    pub cache: CacheStatus,
    pub scheduled_tasks: TasksStatus,
    pub queue: QueueStatus,
    pub hypervisors: HypervisorsStatus,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    pub healthy: bool,
    /// `sqlite` or `postgresql`.
    pub kind: String,
    /// How long it took to answer.
    pub answered_ms: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheStatus {
    pub healthy: bool,
    /// Nodes whose figures arrive.
    pub hypervisors: u64,
    /// Guests that run, as their nodes last said.
    pub running: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TasksStatus {
    pub healthy: bool,
    pub tasks: Vec<TaskStatus>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    pub name: String,
    pub healthy: bool,
    pub every_s: i64,
    /// For when it was last taken up; null before the first time.
    pub last_due: Option<String>,
}

/// For information; work that waits or failed is no fault of the installation's.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    pub queued: i64,
    pub running: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorsStatus {
    pub healthy: bool,
    pub total: u64,
    pub alerts: Vec<HypervisorAlert>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorAlert {
    pub hypervisor_id: i64,
    pub name: String,
    /// A sentence.
    pub alert: String,
}
