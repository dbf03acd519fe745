//! Servers of self service, those that are gone included: how far each is metered.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "metered_servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server_id: i64,
    pub server_uuid: Uuid,
    pub name: String,
    /// 1 by the hour, 2 of a resource pack.
    pub self_service: i32,
    pub profile_id: Option<i64>,
    /// Of a customer.
    pub pack_id: Option<i64>,
    /// What its package says, as it was when the server got it; what it has beyond that are add-ons.
    pub included_memory_mib: i64,
    pub included_storage_gib: i64,
    pub included_cpu: i64,
    /// The first hour that is not in the ledger; `None` when all are.
    pub next_hour_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
