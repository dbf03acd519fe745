//! What can go wrong in the database, as far as callers tell it apart.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

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
    /// Nothing of the transaction was kept; with room on the disk it can be run again.
    #[error("the database's disk is full: {0}")]
    Full(String),
    /// The database does not answer. What a transaction that was being committed came to is not known.
    #[error("the database is away: {0}")]
    Away(String),
    #[error("database: {0}")]
    Database(DbErr),
    /// Something in the database is not what this release can read.
    #[error("stored data: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether the uniqueness rule of exactly these columns was the one broken. SQLite tells `table.column` of each;
    /// PostgreSQL tells the rule, whose name has the table and its columns joined by underscores between a prefix of
    /// ours or a suffix of its own.
    pub fn violates(&self, table: &str, columns: &[&str]) -> bool {
        let StoreError::Unique(text) = self else { return false };
        let told_by_sqlite = columns.iter().map(|c| format!("{table}.{c}")).collect::<Vec<_>>().join(", ");
        let joined = format!("{table}_{}", columns.join("_"));
        let rules = [format!("{joined}_key"), format!("uq_{joined}"), format!("uqp_{joined}")];
        text.ends_with(&format!(": {told_by_sqlite}")) || rules.iter().any(|rule| text.contains(&format!("\"{rule}\"")))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(text)) => StoreError::Unique(text),
            Some(SqlErr::ForeignKeyConstraintViolation(text)) => StoreError::ForeignKey(text),
            _ => match Trouble::of(&error) {
                Some(Trouble::Busy) => StoreError::Busy(error.to_string()),
                Some(Trouble::Full) => StoreError::Full(error.to_string()),
                Some(Trouble::Away) => StoreError::Away(error.to_string()),
                None => StoreError::Database(error),
            },
        }
    }
}

/// What is wrong with the database and not with the statement.
enum Trouble {
    Busy,
    Full,
    Away,
}

impl Trouble {
    fn of(error: &DbErr) -> Option<Self> {
        if matches!(error, DbErr::ConnectionAcquire(_)) {
            return Some(Trouble::Away);
        }
        let (DbErr::Exec(runtime) | DbErr::Query(runtime) | DbErr::Conn(runtime)) = error else { return None };
        let RuntimeErr::SqlxError(error) = runtime else { return None };
        match error.as_ref() {
            sqlx::Error::Database(told) => told.code().and_then(|code| Self::of_code(&code)),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Some(Trouble::Away)
            }
            _ => None,
        }
    }

    /// SQLite's result codes (sqlite.org/rescode.html) and PostgreSQL's SQLSTATEs (its manual, appendix A).
    fn of_code(code: &str) -> Option<Self> {
        match code {
            // SQLITE_BUSY and its variants; serialization failure and deadlock.
            "5" | "261" | "517" | "773" | "40001" | "40P01" => Some(Trouble::Busy),
            // SQLITE_FULL; disk full.
            "13" | "53100" => Some(Trouble::Full),
            // Shut down, crashed, starting up; too many clients.
            "57P01" | "57P02" | "57P03" | "53300" => Some(Trouble::Away),
            _ => None,
        }
    }
}
