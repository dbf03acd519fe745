//! Changes that wait for a power change of a server.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_actions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub server_id: i64,
    pub action: String,
    pub requires: Json,
    pub collected: bool,
    pub complete: bool,
    pub failed: bool,
    pub payload: Json,
    /// What the running guest lacks, in the node's word (`ObservedServer.waits_for_start`); empty for what does not
    /// wait for a start.
    pub waits_for: String,
    /// Of the specification that has the change.
    pub generation: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
