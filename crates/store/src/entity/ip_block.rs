//! Blocks of addresses with what guests are told about them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ip_blocks")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub name: String,
    /// 4 or 6.
    pub family: i32,
    pub gateway: String,
    /// IPv4: of the netmask; IPv6: of the source prefix.
    pub prefix_len: i32,
    /// IPv6: the prefix that subnets are cut from.
    pub source_prefix: Option<String>,
    /// IPv6: of each server's subnet.
    pub subnet_prefix_len: Option<i32>,
    pub resolver1: Option<String>,
    pub resolver2: Option<String>,
    pub enabled: bool,
    pub network_profile: i32,
    /// Its addresses may be told by DHCP.
    pub dhcp: bool,
    /// IPv6: nodes that route lead each subnet to its guest's address in it.
    pub route_block: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
