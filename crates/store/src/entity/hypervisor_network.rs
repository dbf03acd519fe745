//! Bridges of a node that servers can be attached to.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hypervisor_networks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub hypervisor_id: i64,
    pub name: String,
    /// `simpleBridge`, `lvNatv1` where the node translates addresses, `lvNetwork` where it routes, `lvBridgeOVS`.
    pub kind: String,
    pub bridge: String,
    pub mtu: Option<i32>,
    /// The node makes the bridge for the control server.
    pub made: bool,
    pub is_primary: bool,
    pub is_default: bool,
    /// Its blocks serve the network, after those that are bound to it.
    pub ip_block_group_id: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
