//! How self service is set up: one row.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_service_settings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// 1 prices contain the tax, 2 it comes on top, 3 none is shown.
    pub tax_status: i32,
    /// Hundredths of a percent.
    pub tax_bp: i64,
    pub show_hourly_rate: bool,
    pub show_monthly_rate: bool,
    /// Balances in micro-tokens at which a notice is given, the highest first.
    pub low_credit: Json,
    /// Hours without credit until servers are suspended.
    pub suspend_after_h: i64,
    /// Hours without credit until servers are deleted; 0 is never.
    pub delete_after_h: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
