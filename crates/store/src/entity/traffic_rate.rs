//! Bytes of an interface in five minutes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "traffic_rates")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub interface_id: i64,
    pub starts_at: i64,
    /// Towards the server.
    pub rx_bytes: i64,
    pub tx_bytes: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
