//! What a server used of its processors lately, and the throttle that came of it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cpu_fairness")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server_id: i64,
    /// Since when it has used more than its share without a break.
    pub over_since: Option<i64>,
    pub throttled_until: Option<i64>,
    /// Of all its processors' time, over the minute of the last look.
    pub used_percent: i32,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
