//! What a person's second factor is made of.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factors")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub user_id: i64,
    /// Base32, as authenticators take it.
    pub secret_enc: String,
    /// Of 30 s since 1970, the newest that a code was taken of: none is taken twice.
    pub last_step: i64,
    /// Null until its owner has shown a code; it is asked for from then on.
    pub confirmed_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
