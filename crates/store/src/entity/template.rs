//! OS templates: an image and what is said about it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "templates")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub category_id: i64,
    /// Name of the recipe or catalogue entry.
    pub slug: String,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    /// 1 x86_64, 2 aarch64.
    pub arch: i32,
    pub description: String,
    pub icon: String,
    pub eol: bool,
    pub eol_date: Option<i64>,
    pub eol_warning: bool,
    pub deploy_type: i32,
    pub vnc: bool,
    /// `linux`, `windows` or `unix`.
    pub os_type: String,
    pub uefi: bool,
    pub enabled: bool,
    /// `sha256:<hex>` or `sha512:<hex>`; empty until there is an image.
    pub image_digest: String,
    /// Null: kept by the control server.
    pub image_url: Option<String>,
    pub image_bytes: i64,
    pub image_virtual_bytes: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
