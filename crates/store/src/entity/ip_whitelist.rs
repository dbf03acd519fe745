//! Networks besides its own addresses that an interface's filter lets through.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ip_whitelist")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub interface_id: i64,
    /// 4 or 6.
    pub family: i32,
    /// The network's first address, in its usual form.
    pub address: String,
    pub prefix_len: i32,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
