//! Single IPv4 addresses of a block; each belongs to one interface or none.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ipv4_addresses")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub block_id: i64,
    /// As a number, network byte order.
    pub address: i64,
    pub interface_id: Option<i64>,
    /// Order on the interface.
    pub position: i32,
    pub reserved: bool,
    pub assigned_at: Option<i64>,
    pub released_at: Option<i64>,
    pub created_at: i64,
    /// When it was last given back; 0 where it never was given.
    pub free_since: i64,
    /// Under which it is used, in small letters; null is its interface's own.
    pub mac: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
