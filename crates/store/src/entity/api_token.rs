//! Bearer tokens of the Global API, stored as SHA-256.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub user_id: i64,
    pub name: String,
    /// Hex of SHA-256 over the token.
    pub token_hash: String,
    /// List of permission names; ["*"] is all.
    pub abilities: Json,
    /// List of CIDR texts; empty allows every address.
    pub allow_list: Json,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
