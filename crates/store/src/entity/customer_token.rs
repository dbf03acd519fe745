//! Customers' own bearer tokens, of the customer API alone; stored as SHA-256.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    pub name: String,
    /// Hex of SHA-256 over the token.
    pub token_hash: String,
    /// List of names.
    pub scopes: Json,
    /// List of CIDR texts; empty allows every address.
    pub allow_list: Json,
    pub expires_at: Option<i64>,
    /// To some minutes.
    pub used_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
