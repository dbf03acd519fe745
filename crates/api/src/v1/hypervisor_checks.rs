//! What is found out about a node: its self-test, and where it differs from the database.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The newest self-test of a node.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HypervisorSelftest {
    pub passed: bool,
    pub at: String,
    pub checks: Vec<SelftestCheck>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelftestCheck {
    /// `accelerator`, `libvirt`, `storage`, `filters`, `firewall`, `bridged packets`, `bridge br0`.
    pub name: String,
    pub passed: bool,
    /// A sentence.
    pub detail: String,
    pub took_ms: u32,
    /// Of a check of storage.
    pub storage_kind: Option<String>,
    /// Of a check of a storage point.
    #[serde(default)]
    pub storage_location: Option<String>,
}

/// Where a node and the database differ.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorDrift {
    /// When the node was last compared; null before the first time.
    pub compared: Option<String>,
    /// Why the newest comparison did not come to its end.
    pub error: Option<String>,
    pub differences: Vec<Difference>,
    /// Of all differences, also of those that are not shown.
    pub total: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `unknown_domain`, `unknown_server`, `server_elsewhere` or `missing_server`.
    pub kind: String,
    /// The domain's name, or the server's UUID.
    pub subject: String,
    pub server_id: Option<i64>,
    /// What it is and what can be done; Berth does nothing of it by itself.
    pub detail: String,
    pub since: String,
}
