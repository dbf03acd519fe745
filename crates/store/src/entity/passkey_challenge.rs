//! A challenge that a browser is to answer with a passkey, once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkey_challenges")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Hex of SHA-256 over what tells the browser apart that was challenged.
    pub holder_hash: String,
    /// As `webauthn-rs` writes it.
    pub state: Json,
    /// Who asked for it, as a client of the limits; empty where that is not known.
    pub address: String,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
