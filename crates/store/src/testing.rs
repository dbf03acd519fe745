//! Databases for tests and benchmarks: a file of SQLite, or a PostgreSQL of their own from Debian's package. Compiled
//! only with the feature `testing`, which nothing that is shipped turns on.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod cluster;
mod prepared;
mod step_gate;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use crate::Store;

pub use step_gate::StepGate;

/// Names a folder in which databases are made, say one in memory, in place of the one for temporary files.
const PLACE: &str = "BERTH_TEST_DATABASES";

/// Gone with everything in it when it is dropped.
pub struct Database {
    /// As [`crate::Store::connect`] takes it.
    pub url: String,
    /// Also for what else a test wants to be gone afterwards.
    pub dir: TempDir,
    postgres: Option<PathBuf>,
}

impl Database {
    /// Its schema is up to date.
    pub fn sqlite() -> Self {
        let dir = folder();
        let file = dir.path().join("berth.db");
        prepared::copy_of("sqlite", &file, |file| {
            let empty = tempfile::tempdir().unwrap();
            let url = sqlite_url(&empty.path().join("berth.db"));
            migrate(url, vec![format!("VACUUM INTO '{}'", file.display())]);
        });
        Self { url: sqlite_url(&file), dir, postgres: None }
    }

    /// Its schema is up to date.
    pub fn postgres() -> Self {
        Self::on_postgres(false, |data| {
            prepared::copy_of("postgres", data, |data| {
                let made = Self::on_postgres(false, |data| cluster::make(data, &["--wal-segsize=1"]));
                migrate(made.url.clone(), cluster::WITHOUT_TEMPLATES.map(str::to_owned).to_vec());
                let stopped = made.postgres.as_ref().unwrap();
                cluster::stop(stopped, "fast");
                cluster::copy(stopped, data);
            });
        })
    }

    /// What is committed to it survives a power cut. Empty.
    pub fn durable_postgres() -> Self {
        Self::on_postgres(true, |data| cluster::make(data, &[]))
    }

    /// A server on a socket of its own, in a folder of its own, over the files that `make` puts there. Tests are about
    /// rules and do without what survives a power cut; benchmarks are not.
    fn on_postgres(durable: bool, make: impl FnOnce(&Path)) -> Self {
        let dir = if durable { tempfile::tempdir().unwrap() } else { folder() };
        let home = cluster::home(dir.path());
        let data = home.join("data");
        make(&data);
        cluster::start(&data, &home, durable);
        let url = format!("postgres://berth@localhost/postgres?host={}", home.display());
        Self { url, dir, postgres: Some(data) }
    }

    /// What the PostgreSQL server wrote: each error that it gave to a client is in it. Empty for SQLite.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("pg/log")).unwrap_or_default()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(data) = &self.postgres {
            cluster::stop(data, "immediate");
        }
    }
}

/// For one database that nobody needs after a power cut.
fn folder() -> TempDir {
    env::var_os(PLACE).map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap()
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// Brings the schema up to date, then runs statements. On a thread of its own, since tests ask from within a runtime.
fn migrate(url: String, statements: Vec<String>) {
    let work = async move {
        let store = Store::connect(&url).await.unwrap();
        for statement in statements {
            store.read().execute_unprepared(&statement).await.unwrap();
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(work)).join().unwrap();
}

/// Each of these tests, functions that take a [`Database`], runs once on SQLite and once on PostgreSQL.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::testing::Database::sqlite()).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::testing::Database::postgres()).await; })+
        }
    };
}
