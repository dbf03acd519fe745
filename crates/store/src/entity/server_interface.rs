//! Network interfaces of a server.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_interfaces")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    pub network_id: i64,
    pub position: i32,
    pub is_primary: bool,
    pub enabled: bool,
    /// Ten decimal digits; names the tap.
    pub tag: i64,
    pub mac: String,
    /// `eth0`, as the guest calls it.
    pub name: String,
    pub driver: Option<i32>,
    pub in_average_kbs: i64,
    pub out_average_kbs: i64,
    pub ip_filter: bool,
    pub network_profile: i32,
    pub firewall_enabled: bool,
    /// Nothing passes in either direction.
    pub quarantined: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
