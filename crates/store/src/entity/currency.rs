//! Currencies, and what a token is worth in each.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "currencies")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Three capital letters.
    pub code: String,
    /// Of one token, in 10^-10 of the currency.
    pub value: i64,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub is_default: bool,
    pub enabled: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
