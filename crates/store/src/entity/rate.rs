//! What something costs, and from when on.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rates")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `package:<id>`, `addon:<item>`, `currency:<id>` or `month_hours`.
    pub subject: String,
    /// Micro-tokens a month, 10^-10 of a currency for a token, or hours a month (0 is as many as it has).
    pub value: i64,
    pub valid_from: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
