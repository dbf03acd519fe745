//! When backups of servers are to be made, and how many are kept.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_plans")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub name: String,
    /// Days of the week as a list, 1 Monday to 7 Sunday, in order.
    pub days: Json,
    /// Since midnight in UTC.
    pub minute: i32,
    /// Backups of a server that are kept.
    pub keep: i32,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
