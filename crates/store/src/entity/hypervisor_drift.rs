//! Where a node and the database differ, as of their newest comparison.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hypervisor_drifts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    pub kind: String,
    /// A domain's name, or a server's UUID.
    pub subject: String,
    pub server_id: Option<i64>,
    pub first_seen_at: i64,
    pub last_seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
