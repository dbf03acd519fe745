//! Connections and the one way to write.
//!
//! SQLite has one writer at a time whatever one does, so writers queue here, in the order they came, behind a fair
//! lock, each in an immediate transaction, and readers have a pool of their own. Without the lock sixteen clients
//! meet SQLite's own waiting, which is neither fair nor bounded. PostgreSQL runs writers side by side, serializable,
//! and those that collide run again.

use std::{pin::Pin, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseBackend, DatabaseConnection, DatabaseTransaction, IsolationLevel,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::{StoreError, migration::Migrator};

/// A write transaction. Only [`Store::write_tx`] makes one.
pub type Tx = DatabaseTransaction;

/// How often a transaction that the database gave up on is run again.
const TRIES: u32 = 12;

#[derive(Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    /// Held over a whole write transaction on SQLite; absent on PostgreSQL. Tokio's mutex is fair.
    writer: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl Store {
    /// Connects and brings the schema up to date. `url` is `sqlite:///path/to/file` or `postgres://...`.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let store = if url.starts_with("sqlite:") { Self::sqlite(url).await? } else { Self::postgres(url).await? };
        Migrator::up(&store.write, None).await?;
        Ok(store)
    }

    async fn sqlite(url: &str) -> Result<Self, StoreError> {
        let url = format!("{url}?mode=rwc");
        let options = |connections: u32| {
            let mut options = ConnectOptions::new(url.clone());
            options.max_connections(connections).min_connections(1).sqlx_logging(false);
            options.acquire_timeout(Duration::from_secs(30));
            options.map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    .pragma("foreign_keys", "ON")
                    .pragma("busy_timeout", "10000")
            });
            options
        };
        let write = Database::connect(options(1)).await?;
        let read = Database::connect(options(8)).await?;
        Ok(Self { read, write, writer: Some(Arc::default()) })
    }

    async fn postgres(url: &str) -> Result<Self, StoreError> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(24).min_connections(1).sqlx_logging(false);
        options.acquire_timeout(Duration::from_secs(30));
        let write = Database::connect(options).await?;
        Ok(Self { read: write.clone(), write, writer: None })
    }

    /// For reading outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    pub fn is_postgres(&self) -> bool {
        self.write.get_database_backend() == DatabaseBackend::Postgres
    }

    /// Runs `work` in one write transaction and commits what it did when it answers `Ok`.
    ///
    /// `work` may run several times, so it has no side effects outside the transaction; it gets what it needs by
    /// cloning it into the future: `store.write_tx(|tx| Box::pin(async move { ... }))`.
    pub async fn write_tx<T, E>(
        &self,
        work: impl for<'t> Fn(&'t Tx) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>,
    ) -> Result<T, E>
    where
        E: From<StoreError> + AsStoreError,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.write_once(&work).await {
                Err(error) if tries < TRIES && matches!(error.as_store_error(), Some(StoreError::Busy(_))) => {
                    // Longer for each try, and different for each task, so that those who collided part.
                    let spread = std::ptr::from_ref(&tries) as u64 % 7;
                    tokio::time::sleep(Duration::from_millis(u64::from(tries * tries) + spread)).await;
                }
                outcome => return outcome,
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that begins transactions")]
    async fn write_once<T, E>(
        &self,
        work: &impl for<'t> Fn(&'t Tx) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let _writer = match &self.writer {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        let options = if self.writer.is_some() {
            TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            }
        } else {
            TransactionOptions { isolation_level: Some(IsolationLevel::Serializable), ..TransactionOptions::default() }
        };
        let tx = self.write.begin_with_options(options).await.map_err(StoreError::from)?;
        match work(&tx).await {
            Ok(value) => {
                tx.commit().await.map_err(StoreError::from)?;
                Ok(value)
            }
            Err(error) => {
                // A transaction that can't be rolled back is rolled back by closing its connection.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }
}

/// Lets [`Store::write_tx`] see whether an action's own error was the database giving up.
pub trait AsStoreError {
    fn as_store_error(&self) -> Option<&StoreError>;
}

impl AsStoreError for StoreError {
    fn as_store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}
