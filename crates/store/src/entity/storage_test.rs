//! Whether a kind of storage passed its newest test on a node.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "storage_tests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    /// `directory`.
    pub kind: String,
    pub passed: bool,
    /// A sentence.
    pub detail: String,
    pub tested_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
