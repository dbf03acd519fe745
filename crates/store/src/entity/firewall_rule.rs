//! Rules of firewalls: of a ruleset, or of an interface.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "firewall_rules")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Of one of the two.
    pub ruleset_id: Option<i64>,
    pub interface_id: Option<i64>,
    /// Lower ones are judged first, and of the same priority those that were made first.
    pub priority: i32,
    pub inbound: bool,
    pub accept: bool,
    /// 4 or 6.
    pub family: i32,
    /// The IP protocol's number; 0 is any.
    pub protocol: i32,
    /// Networks; empty is any.
    pub source: String,
    pub destination: String,
    /// `22,80-90`; empty is any.
    pub source_ports: String,
    pub destination_ports: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
