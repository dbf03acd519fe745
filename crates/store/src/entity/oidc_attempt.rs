//! Logins by OpenID Connect that have begun.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oidc_attempts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    /// Hex of SHA-256 over the state that goes to the provider and comes back.
    pub state_hash: String,
    /// The same over what the browser that began holds in its cookie.
    pub browser_hash: String,
    /// The nonce and the verifier of PKCE, sealed.
    pub secrets_enc: String,
    /// The page of ours that the browser lands on.
    pub next: Option<String>,
    /// The session for which it is to be a proof; none, where somebody logs in.
    pub session_id: Option<i64>,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
