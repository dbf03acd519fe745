//! Resource packs as they are sold. A limit of 0 is none.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_packs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `resource`, of which a customer may have several, or `hourly`, which bounds hourly servers.
    pub kind: String,
    pub name: String,
    pub enabled: bool,
    pub total_servers: i64,
    pub total_memory_mib: i64,
    pub total_storage_gib: i64,
    pub total_cpu: i64,
    pub total_traffic_gb: i64,
    pub max_memory_mib: i64,
    pub max_storage_gib: i64,
    pub max_cpu: i64,
    pub max_traffic_gb: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
