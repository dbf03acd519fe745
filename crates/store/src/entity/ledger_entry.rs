//! The ledger: a balance is the sum of its rows. Append-only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_entries")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    /// `credit`, `cancellation` or `usage`.
    pub kind: String,
    /// Below zero where it is taken from the balance.
    pub amount_micro: i64,
    /// Of usage the beginning of the hour.
    pub at: i64,
    pub credit_id: Option<i64>,
    pub server_id: Option<i64>,
    /// Of usage: `server` or an add-on.
    pub item: Option<String>,
    pub hour_at: Option<i64>,
    pub package_id: Option<i64>,
    pub quantity: i64,
    /// A month of it, all of the quantity.
    pub price_micro: i64,
    /// Which hour of it in its month this is, from 1.
    pub hour_of_month: i64,
    /// What the hour is worth.
    pub rated_micro: i64,
    /// Whether that was charged.
    pub billable: bool,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
