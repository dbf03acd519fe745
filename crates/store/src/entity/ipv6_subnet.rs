//! IPv6 subnets that were given out; made when first needed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ipv6_subnets")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub block_id: i64,
    /// Position within the block, from 1; 0 is kept back.
    pub subnet_index: i64,
    pub subnet: String,
    pub prefix_len: i32,
    pub interface_id: Option<i64>,
    pub position: i32,
    pub assigned_at: Option<i64>,
    pub released_at: Option<i64>,
    pub created_at: i64,
    /// When it was last given back; 0 where it never was.
    pub free_since: i64,
    /// Under which it is used, in small letters; null is its interface's own.
    pub mac: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
