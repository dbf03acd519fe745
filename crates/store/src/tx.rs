//! Connections and the one way to write.
//!
//! SQLite has one writer at a time whatever one does, so writers queue here, in the order they came, behind a fair
//! lock, each in an immediate transaction, and readers have a pool of their own. Without the lock sixteen clients
//! meet SQLite's own waiting, which is neither fair nor bounded. PostgreSQL runs writers side by side, serializable,
//! and those that collide run again.

use std::{pin::Pin, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseBackend, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sqlx::{Connection, Sqlite, pool::PoolOptions},
};
use sea_orm_migration::MigratorTrait;

use crate::{StoreError, migration::Migrator};

/// A write transaction. Only [`Store::write_tx`] makes one.
pub type Tx = DatabaseTransaction;

/// How often a transaction that the database gave up on is run again.
const TRIES: u32 = 12;
/// How long one waits for a connection before the database counts as away.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(30);
const SQLITE_READERS: u32 = 8;
const POSTGRES_READERS: u32 = 12;
const POSTGRES_WRITERS: u32 = 12;

#[derive(Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    /// Held over a whole write transaction on SQLite; absent on PostgreSQL. Tokio's mutex is fair.
    writer: Option<Arc<tokio::sync::Mutex<()>>>,
    /// Held by a writer that runs again.
    again: Arc<tokio::sync::Mutex<()>>,
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
            options.acquire_timeout(ACQUIRE_LIMIT);
            // A file does not hang up: to ask it before each statement only costs.
            options.test_before_acquire(false);
            options.map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    .pragma("foreign_keys", "ON")
                    .pragma("busy_timeout", "10000")
            });
            options.map_sqlx_sqlite_pool_opts(closed_if_confused);
            options
        };
        let write = Database::connect(options(1)).await?;
        let read = Database::connect(options(SQLITE_READERS)).await?;
        Ok(Self { read, write, writer: Some(Arc::default()), again: Arc::default() })
    }

    /// Readers and writers have connections of their own, so that writers who read beside their transaction never
    /// wait for each other.
    async fn postgres(url: &str) -> Result<Self, StoreError> {
        let options = |connections: u32| {
            let mut options = ConnectOptions::new(url);
            options.max_connections(connections).min_connections(1).sqlx_logging(false);
            options.acquire_timeout(ACQUIRE_LIMIT);
            options
        };
        let mut writing = options(POSTGRES_WRITERS);
        // Said once for each connection and not once for each transaction, which saves a round trip.
        writing
            .map_sqlx_postgres_opts(|postgres| postgres.options([("default_transaction_isolation", "serializable")]));
        let write = Database::connect(writing).await?;
        let read = Database::connect(options(POSTGRES_READERS)).await?;
        Ok(Self { read, write, writer: None, again: Arc::default() })
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
        let mut turn = None;
        loop {
            tries += 1;
            match self.write_once(&work).await {
                Err(error) if tries < TRIES && matches!(error.as_store_error(), Some(StoreError::Busy(_))) => {
                    // Those of this process who lost take turns, so that they don't make each other lose again; the
                    // pause is for others, longer for each try.
                    if turn.is_none() {
                        turn = Some(self.again.lock().await);
                    }
                    tokio::time::sleep(Duration::from_millis(u64::from(tries * tries))).await;
                }
                outcome => return outcome,
            }
        }
    }

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
        let tx = self.begin().await?;
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

    #[expect(clippy::disallowed_methods, reason = "the one place that begins transactions")]
    async fn begin(&self) -> Result<Tx, StoreError> {
        if self.writer.is_some() {
            let mode = Some(SqliteTransactionMode::Immediate);
            let options = TransactionOptions { sqlite_transaction_mode: mode, ..TransactionOptions::default() };
            return Ok(self.write.begin_with_options(options).await?);
        }
        // In a task of its own, which goes on when the caller is dropped. The driver does not know of a transaction
        // before the database has answered: dropped in between it would go back to the pool with the transaction
        // open, for the next one to stumble over.
        let pool = self.write.clone();
        match tokio::spawn(async move { pool.begin().await }).await {
            Ok(begun) => Ok(begun?),
            Err(error) => Err(StoreError::Away(error.to_string())),
        }
    }
}

/// SQLite ends a transaction by itself when the disk is full, and then there is nothing to roll back. The driver
/// still counts it as open, so the next one would be a savepoint within nothing. Such a connection is closed.
fn closed_if_confused(pool: PoolOptions<Sqlite>) -> PoolOptions<Sqlite> {
    pool.after_release(|connection, _| {
        Box::pin(async move {
            // A rollback that was begun has ended when this is answered.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
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
