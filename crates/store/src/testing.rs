//! Databases for tests and benchmarks: a file of SQLite, or a PostgreSQL of their own from Debian's package. Compiled
//! only with the feature `testing`, which nothing that is shipped turns on.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

mod step_gate;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use tempfile::TempDir;

pub use step_gate::StepGate;

/// The account that PostgreSQL runs as where the tests run as root, which it refuses to.
const ACCOUNT: &str = "postgres";
/// Where Debian puts the programs, one folder for each version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// Gone with everything in it when it is dropped.
pub struct Database {
    /// As [`crate::Store::connect`] takes it.
    pub url: String,
    /// Also for what else a test wants to be gone afterwards.
    pub dir: TempDir,
    postgres: Option<PathBuf>,
}

/// Whether what is committed must survive a power cut. Tests are about rules and do without; benchmarks are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    No,
    Yes,
}

impl Database {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("berth.db").display());
        Self { url, dir, postgres: None }
    }

    pub fn postgres() -> Self {
        Self::postgres_that_is(Durable::No)
    }

    /// A server on a socket of its own, in a folder of its own.
    pub fn postgres_that_is(durable: Durable) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = dir.path().join("pg");
        fs::create_dir(&cluster).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&cluster, fs::Permissions::from_mode(0o700)).unwrap();
        if is_root() {
            run(Command::new("chown").arg("-R").arg(ACCOUNT).arg(&cluster));
        }
        let data = cluster.join("data");
        copy_cluster(&cluster, &data);
        let fsync = if durable == Durable::Yes { "on" } else { "off" };
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync={fsync} -c max_connections=60 \
             -c shared_buffers=16MB",
            cluster.display()
        );
        run(as_account("pg_ctl")
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(cluster.join("log"))
            .args(["-w", "-o", &options, "start"]));
        let url = format!("postgres://berth@localhost/postgres?host={}", cluster.display());
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
            let _ = as_account("pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "stop"]).output();
        }
    }
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

/// `initdb` takes seconds of a processor, and each test wants a cluster: it is made once for a build folder and copied.
fn copy_cluster(cluster: &std::path::Path, data: &std::path::Path) {
    let programs = std::env::current_exe().unwrap();
    let version = newest_version().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    let account = if is_root() { ACCOUNT.to_owned() } else { String::new() };
    let kept = programs.with_file_name(format!("postgres-{}{account}", version.unwrap_or_default()));
    if kept.exists() {
        run(Command::new("cp").arg("-a").arg(&kept).arg(data));
        return;
    }
    run(as_account("initdb").arg("-D").arg(data).args(["-A", "trust", "-U", "berth", "-N", "-E", "UTF8"]));
    // Several tests may come here at once: each has a folder of its own, and whole ones are put in place at once.
    let part = kept.with_extension(cluster.parent().and_then(|dir| dir.file_name()).unwrap_or_default());
    run(Command::new("cp").arg("-a").arg(data).arg(&part));
    if fs::rename(&part, &kept).is_err() {
        let _ = fs::remove_dir_all(&part);
    }
}

fn is_root() -> bool {
    String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0"
}

fn newest_version() -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).map(|dir| dir.flatten().map(|entry| entry.path()).collect());
    let versions: Vec<PathBuf> = versions.unwrap_or_default();
    versions.into_iter().max()
}

/// A program of PostgreSQL's, wherever Debian put it.
fn as_account(program: &str) -> Command {
    let path = newest_version().map_or_else(|| PathBuf::from(program), |version| version.join("bin").join(program));
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("runuser");
    command.arg("-u").arg(ACCOUNT).arg("--").arg(path);
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
