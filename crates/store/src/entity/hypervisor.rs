//! Nodes with an agent.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hypervisors")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Also in the node's certificate.
    pub uuid: Uuid,
    pub group_id: i64,
    pub name: String,
    pub ip: String,
    pub ip_alt: Option<String>,
    pub hostname: Option<String>,
    pub port: i32,
    pub ssh_port: i32,
    /// 0 no, 3 yes.
    pub commissioned: i32,
    pub maintenance: bool,
    pub enabled: bool,
    pub prohibit: bool,
    /// [`crate::hypervisor::NF_TYPE`] until there is another one.
    pub nf_type: i32,
    /// 0: unlimited, as the three below.
    pub max_servers: i64,
    pub max_cpu: i64,
    pub max_memory_mib: i64,
    pub max_storage_gib: i64,
    /// Of each limit, how much of it may be given out: 100 is no over-commit.
    pub cpu_overcommit_percent: i64,
    pub memory_overcommit_percent: i64,
    pub storage_overcommit_percent: i64,
    /// Of new disks whose package inherits it: `inherit`, `qcow2` or `raw`.
    pub default_disk_type: String,
    /// libvirt's cache mode of disks that name none; `inherit` leaves it to the node's agent.
    pub default_disk_cache_type: String,
    pub data_dir: String,
    pub timezone: String,
    /// NodeFacts as the agent last told.
    pub facts: Json,
    pub facts_at: Option<i64>,
    pub certificate_serial: Option<String>,
    pub certificate_expires_at: Option<i64>,
    /// Hex of SHA-256 over the node's public key, by which it is known when it comes for a new certificate.
    pub key_sha256: Option<String>,
    pub event_incarnation: String,
    pub event_sequence: i64,
    /// Bumped by every placement; locks the row.
    pub capacity_version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
