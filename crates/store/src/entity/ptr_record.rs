//! Names of addresses.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ptr_records")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub zone_id: i64,
    /// Whose address it was when it was named. Not a foreign key: the name outlives the server until it is cleared.
    pub server_id: i64,
    /// As the standard library writes it.
    pub address: String,
    /// `None` is to be cleared, and then the row goes.
    pub ptr: Option<String>,
    /// Counts the wishes, so that an older one is not taken for the newest.
    pub revision: i64,
    /// `pending`, `done` or `failed`.
    pub state: String,
    /// A sentence, where it failed.
    pub error: Option<String>,
    /// Whether the name leads back to the address; `None` before the first look.
    pub forward_confirmed: Option<bool>,
    pub checked_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
