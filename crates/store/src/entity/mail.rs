//! Mail to users. The user may be gone by now, so nothing refers to a row of theirs.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub user_id: i64,
    /// What it tells, as in `server_built`.
    pub kind: String,
    pub recipient: String,
    pub subject: String,
    /// Sealed, for it may hold a password; gone as soon as nothing more is tried.
    pub body_enc: Option<String>,
    pub attempts: i32,
    /// When it is tried next; null where nothing more is tried.
    pub due_at: Option<i64>,
    pub sent_at: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
