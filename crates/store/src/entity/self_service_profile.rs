//! Group profiles: where and what their customers may create.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "self_service_profiles")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `hourly` or `resource`.
    pub kind: String,
    pub name: String,
    pub enabled: bool,
    /// Of one customer by this profile; 0 is no limit.
    pub max_servers: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
