//! Ports of nodes that lead to servers behind their address translation.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "port_forwards")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    pub interface_id: i64,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Of the node.
    pub public_port: i32,
    /// The server's, as a number in network byte order.
    pub address: i64,
    pub port: i32,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
