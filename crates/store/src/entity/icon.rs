//! Pictures that are served at `/img/logo/<name>`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "icons")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Made of the picture's checksum, never of what somebody sent.
    pub name: String,
    pub media_type: String,
    pub picture: Vec<u8>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
