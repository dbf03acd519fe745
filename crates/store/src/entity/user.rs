//! People who own servers, and staff.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub name: String,
    pub email: String,
    /// Lower case; what must be unique.
    pub email_key: String,
    pub password_hash: String,
    /// Whether the role is one that administers. What the release before reads.
    pub admin: bool,
    /// Of staff; a customer has none.
    pub role: Option<String>,
    pub ext_relation_id: Option<i64>,
    pub rel_str: Option<String>,
    pub self_service: i32,
    pub self_service_hourly_credit: bool,
    pub timezone: String,
    /// A tag of BCP 47.
    pub language: String,
    pub suspended: bool,
    pub two_factor_auth: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
