//! VLANs of interfaces.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "interface_vlans")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub interface_id: i64,
    /// 1 to 4094, once for an interface.
    pub vlan: i32,
    /// How frames without a tag are of it: `untagged`, `tagged`, or empty where they are not.
    pub native_mode: String,
    /// The guest's frames of it carry a tag; its only one otherwise.
    pub trunk: bool,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
