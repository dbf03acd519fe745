//! Pairs of tokens by which another site logs a user in, once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "login_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    /// The server whose page the browser lands on.
    pub server_id: Option<i64>,
    /// Hex of SHA-256 over each token.
    pub first_hash: String,
    pub second_hash: String,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    /// Of a pair whose user has a second factor: hex of SHA-256 over what the browser's cookie holds until its code is shown.
    pub wait_hash: Option<String>,
    pub waits_until: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
