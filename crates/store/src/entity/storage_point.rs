//! Where a node keeps disks: its own folder, and others that an administrator added.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "storage_points")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    /// The node's own folder, which every node has once. Disks there name no storage point.
    pub is_local: bool,
    pub name: String,
    /// A name of `berth_proto::StorageKind`.
    pub kind: String,
    /// A folder, `group/pool`, a data set or a pool; empty where it is local.
    pub location: String,
    /// What may be given out before over-commit; 0 is unlimited. The local one's is its node's.
    pub capacity_gib: i64,
    /// Of what is really used: from here on it takes no new disks; 0 is never.
    pub alert_percent: i64,
    pub enabled: bool,
    /// Of new disks whose package inherits it: `inherit`, `qcow2` or `raw`.
    pub disk_format: String,
    /// As the node last told; null before.
    pub total_bytes: Option<i64>,
    pub used_bytes: Option<i64>,
    /// Why the node can't use it, a sentence; empty: it can.
    pub trouble: String,
    pub reported_at: Option<i64>,
    /// Since when it is above its threshold.
    pub alerted_at: Option<i64>,
    /// Whether its newest test passed; null before the first.
    pub test_passed: Option<bool>,
    pub test_detail: String,
    pub tested_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
