//! What a person logs in with instead of a password: the public half of a key that an authenticator keeps.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub user_id: i64,
    /// As the authenticator names it, in base64url without padding.
    pub credential_id: String,
    /// As `webauthn-rs` writes it: the public key, the newest signature counter, what was asked for at its making.
    pub credential: Json,
    /// The newest signature counter that a login showed; 0 before, and always of authenticators that count nothing.
    pub counter: i64,
    pub name: String,
    pub used_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
