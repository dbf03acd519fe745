//! MAC addresses that an interface may use besides its own.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "extra_macs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Six pairs of hexadecimal digits in small letters, with colons; no two rows have the same.
    pub mac: String,
    pub interface_id: i64,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
