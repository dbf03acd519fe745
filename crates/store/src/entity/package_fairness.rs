//! How long a package's servers may use how much of their processors.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "package_fairness")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub package_id: i64,
    /// Of all its processors' time; 0: servers use what they can.
    pub share_percent: i32,
    /// More than the share for so long leads to a throttle.
    pub after_minutes: i32,
    /// What is left of all its processors' time then.
    pub throttle_percent: i32,
    pub throttle_minutes: i32,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
