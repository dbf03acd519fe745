//! Claims of periodic work: one row for each task and due time.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "periodic_tasks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub task: String,
    pub due_at: i64,
    pub claimed_by: String,
    pub finished_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
