//! People who are logged in to the panel.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    /// Hex of SHA-256 over what the cookie holds.
    pub token_hash: String,
    /// What requests that change something repeat in a header.
    pub csrf: String,
    /// Where the login came from.
    pub address: Option<String>,
    /// As the browser named itself, cut.
    pub user_agent: String,
    pub expires_at: i64,
    /// To the minute.
    pub seen_at: i64,
    /// When a password or a second factor was last shown, or who one is at the provider of staff; never, where another
    /// site vouched.
    pub proved_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
