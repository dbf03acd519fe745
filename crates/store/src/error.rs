//! What can go wrong in the database, as far as callers tell it apart.

use sea_orm::{DbErr, SqlErr};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A uniqueness rule was broken; the text is the database's and names the columns or the rule.
    #[error("already exists: {0}")]
    Unique(String),
    /// A row that was referred to is not there, or one that is to go is still referred to.
    #[error("still or not referred to: {0}")]
    ForeignKey(String),
    /// The database gave up on the transaction for another's sake; it can be run again.
    #[error("the database was busy: {0}")]
    Busy(String),
    #[error("database: {0}")]
    Database(DbErr),
    /// Something in the database is not what this release can read.
    #[error("stored data: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether the uniqueness rule of these columns was the one broken. SQLite names `table.column`, PostgreSQL the
    /// rule, whose name has the table and its columns joined by underscores.
    pub fn violates(&self, table: &str, columns: &[&str]) -> bool {
        let StoreError::Unique(text) = self else { return false };
        let sqlite = columns.iter().map(|c| format!("{table}.{c}")).collect::<Vec<_>>().join(", ");
        let postgres = format!("{table}_{}", columns.join("_"));
        text.contains(&sqlite) || text.contains(&postgres)
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(text)) => StoreError::Unique(text),
            Some(SqlErr::ForeignKeyConstraintViolation(text)) => StoreError::ForeignKey(text),
            _ if is_busy(&error) => StoreError::Busy(error.to_string()),
            _ => StoreError::Database(error),
        }
    }
}

/// PostgreSQL: serialization failure and deadlock (SQLSTATE 40001, 40P01). SQLite: SQLITE_BUSY and its variants.
fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Exec(runtime) | DbErr::Query(runtime) | DbErr::Conn(runtime)) = error else { return false };
    let sea_orm::RuntimeErr::SqlxError(sqlx) = runtime else { return false };
    let Some(database) = sqlx.as_database_error() else { return false };
    matches!(database.code().as_deref(), Some("40001" | "40P01" | "5" | "261" | "517"))
}
