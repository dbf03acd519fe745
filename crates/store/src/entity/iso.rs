//! ISO images for servers' drives.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "isos")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub name: String,
    pub description: Option<String>,
    /// 1 x86_64, 2 aarch64.
    pub arch: i32,
    /// Null: kept by the control server.
    pub url: Option<String>,
    pub filename: String,
    pub enabled: bool,
    /// For servers of every owner; otherwise for those of `users`.
    pub global: bool,
    /// Ids.
    pub users: Json,
    /// Otherwise it was mounted by its URL, and goes when no server has it mounted.
    pub in_library: bool,
    /// `sha256:<hex>`; empty until the first node has fetched it, or it was uploaded.
    pub digest: String,
    /// 0 until that is known.
    pub size_bytes: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
