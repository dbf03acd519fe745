//! When a node was last compared with the database, or why it was not.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hypervisor_comparisons")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    /// The newest that came to its end.
    pub compared_at: Option<i64>,
    /// Of the newest try, a sentence.
    pub error: Option<String>,
    pub tried_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
