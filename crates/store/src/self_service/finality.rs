//! Up to where the ledger is final: nothing is booked before that time any more.
//!
//! It is one time for all customers, the beginning of a month, and only goes forward. Who books holds it until their
//! transaction has ended, so that it can't go past what they are about to book; who reads it before they read the ledger
//! sees all that was booked before it.

use sea_orm::{ColumnTrait, DatabaseBackend, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::{Db, Micros, StoreError, Tx, entity::setting, setting as settings};

/// Among the settings; the row is always there.
const NAME: &str = "ledger_final_until";

pub async fn get(db: &impl Db) -> Result<Micros, StoreError> {
    read(row().one(db).await?)
}

/// As [`get`]; it stays there until the transaction has ended.
pub async fn hold(tx: &Tx) -> Result<Micros, StoreError> {
    // Writers of SQLite are alone anyway.
    let is_postgres = tx.get_database_backend() == DatabaseBackend::Postgres;
    let query = if is_postgres { row().lock_shared() } else { row() };
    read(query.one(tx).await?)
}

/// Goes forward to a time; one that is final already changes nothing.
pub async fn advance(tx: &Tx, until: Micros, now: Micros) -> Result<(), StoreError> {
    if get(tx).await? < until {
        settings::set(tx, NAME, &until.to_string(), now).await?;
    }
    Ok(())
}

fn row() -> Select<setting::Entity> {
    setting::Entity::find().filter(setting::Column::Name.eq(NAME))
}

fn read(row: Option<setting::Model>) -> Result<Micros, StoreError> {
    let time = row.and_then(|row| row.value.parse().ok());
    time.ok_or_else(|| StoreError::Corrupt(format!("the setting {NAME} is no time")))
}
