//! Servers that are shared with other users.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_shares")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    /// As the owner wrote it.
    pub email: String,
    /// Lower case; what must be unique among a server's.
    pub email_key: String,
    /// Whose it is since it was accepted.
    pub guest_id: Option<i64>,
    /// List of names.
    pub rights: Json,
    /// Of the invitation; an accepted one holds on.
    pub expires_at: i64,
    pub accepted_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
