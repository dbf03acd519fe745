//! What was said and done about a server's traffic in its current period.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "traffic_states")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server_id: i64,
    pub month: i32,
    /// The highest notice that was given, in percent; 0 is none.
    pub noticed: i32,
    pub throttled: bool,
    /// By the policy, not by somebody.
    pub suspended: bool,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
