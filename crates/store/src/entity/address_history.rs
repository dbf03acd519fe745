//! Who held an address, from when until when. Rows outlive the servers that they name.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "address_history")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// As a number; null for a subnet.
    pub ipv4: Option<i64>,
    /// A subnet's first address; null for an IPv4 address.
    pub ipv6: Option<String>,
    /// 32 for an IPv4 address.
    pub prefix_len: i32,
    pub server_id: i64,
    pub server_uuid: Uuid,
    /// The server's owner when it got the address.
    pub user_id: i64,
    pub interface_id: i64,
    pub assigned_at: i64,
    pub released_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
