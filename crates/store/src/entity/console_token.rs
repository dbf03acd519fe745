//! One-time tokens of console sockets.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub server_id: i64,
    /// `vnc` or `serial`.
    pub kind: String,
    pub token_hash: String,
    /// Sealed RFB password.
    pub password_enc: String,
    /// Sealed token, shown again by GET while it is fresh.
    pub token_enc: String,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    /// Who looks, where it is a person; those of the Global API have none.
    pub user_id: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
