//! DNS servers that keep the names of addresses.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dns_services")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub name: String,
    /// Of the API, without a path: `http://192.0.2.53:8081`.
    pub url: String,
    /// How PowerDNS calls itself in its API; `localhost` unless it was configured.
    pub server_name: String,
    /// Sealed.
    pub api_key_enc: String,
    pub enabled: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
