//! Filters of a node's servers, written anew.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Of a hypervisor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorSettings {
    pub network_filter: NetworkFilter,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkFilter {
    /// What came of the newest time that its servers' filters were to be written anew, or how far that is; null before the
    /// first.
    pub last_result: Option<NetworkFilterResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkFilterResult {
    /// For `GET /queue/{queueId}`.
    pub queue_id: i64,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// 0 to 100.
    pub progress: i32,
    pub started: Option<String>,
    pub finished: Option<String>,
    /// Null unless it is done.
    pub written: Option<FiltersWritten>,
    /// Why it failed, or what it waits for.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
pub struct FiltersWritten {
    /// Whose filters are in force as they were written.
    pub servers: i64,
    pub interfaces: i64,
    /// Interfaces that belonged to no server, and were taken out.
    pub removed: i64,
    /// Ids of servers, at most 100, whose newest specification their node did not have yet: theirs were written of an
    /// older one or not at all, and follow by work of their own.
    pub behind: Vec<i64>,
}
