//! How many more servers fit, as Berth writes it.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupFits {
    pub group_id: i64,
    pub package_id: i64,
    /// How many more servers can be created, one after the other.
    pub fits: u64,
    /// Counting stopped there, and more fit.
    pub more: bool,
    /// Why none does, whatever the nodes have.
    pub reasons: Vec<String>,
    pub hypervisors: Vec<NodeFits>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeFits {
    pub id: i64,
    pub name: String,
    /// How many of them go to this node.
    pub fits: u64,
    /// What keeps the next one away: `memory`, `cpuCores`, `storage`, `servers`, `ipv4`, `disabled`, `maintenance`,
    /// `prohibit`, `notCommissioned`, `noNetwork`, `networkFails`, `arch`, `storageProfile`, `storageDisabled`,
    /// `storageUntested`, `storageFailed`, `storageTrouble` or `storageThreshold`.
    pub limited_by: Vec<String>,
    /// The same in sentences.
    pub reasons: Vec<String>,
}
