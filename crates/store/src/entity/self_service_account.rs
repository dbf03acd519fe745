//! A customer's choices, and what was done about a balance that ran out.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_service_accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    pub currency_id: Option<i64>,
    /// Bounds their hourly servers.
    pub hourly_pack_id: Option<i64>,
    /// The lowest threshold that they were told of since they were above it.
    pub noticed_micro: Option<i64>,
    pub out_since_at: Option<i64>,
    /// When their servers were suspended for it.
    pub suspended_at: Option<i64>,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
