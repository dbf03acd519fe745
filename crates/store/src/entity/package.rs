//! What is sold: sizes and limits of a new server.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "packages")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub enabled: bool,
    pub memory_mib: i64,
    pub primary_storage_gib: i64,
    pub traffic_gb: i64,
    pub cpu_cores: i64,
    pub network_in_kbs: i64,
    pub network_out_kbs: i64,
    /// Packets a second in each direction; 0 is unlimited.
    pub packets_s: i64,
    /// `inherit`, `qcow2` or `raw`.
    pub disk_type: String,
    pub storage_profile: i32,
    pub network_profile: i32,
    pub read_bytes_s: Option<i64>,
    pub write_bytes_s: Option<i64>,
    pub read_iops: Option<i64>,
    pub write_iops: Option<i64>,
    pub backup_plan_id: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
