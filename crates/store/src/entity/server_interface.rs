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
    /// Pairs of queues; null leaves one.
    pub process_queues: Option<i32>,
    /// Null is the network's.
    pub mtu: Option<i32>,
    /// Reaches the node and its uplink, and no other isolated interface.
    pub port_isolated: bool,
    /// False: the guest sees no carrier.
    pub link_up: bool,
    /// What passes at once beyond the speed, in kB; 0 is the node's default.
    pub in_burst_kb: i64,
    pub out_burst_kb: i64,
    /// Packets a second in each direction; 0 is unlimited.
    pub packets_s: i64,
    /// The most of either speed while the traffic is used up, in kB/s; 0 is none.
    pub throttle_kbs: i64,
    /// Its addresses are told by DHCP, those of blocks that allow it.
    pub dhcp_v4: bool,
    pub dhcp_v6: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
