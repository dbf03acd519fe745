//! What a node told last of an interface: totals since the node's epoch began.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "traffic_counters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub interface_id: i64,
    pub epoch: String,
    pub rx_bytes: i64,
    pub tx_bytes: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
