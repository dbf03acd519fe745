//! A database of a test's own.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use tempfile::TempDir;

/// The account that PostgreSQL runs as where the tests run as root, which it refuses to.
const ACCOUNT: &str = "postgres";

pub struct Database {
    pub url: String,
    pub dir: TempDir,
    postgres: Option<PathBuf>,
}

impl Database {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("berth.db").display());
        Self { url, dir, postgres: None }
    }

    /// A server on a socket of its own, without durability: the tests are about rules, not about power cuts.
    pub fn postgres() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = dir.path().join("pg");
        fs::create_dir(&cluster).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&cluster, fs::Permissions::from_mode(0o700)).unwrap();
        if is_root() {
            run(Command::new("chown").arg("-R").arg(ACCOUNT).arg(&cluster));
        }
        let data = cluster.join("data");
        run(as_account("initdb").arg("-D").arg(&data).args(["-A", "trust", "-U", "berth", "-N", "-E", "UTF8"]));
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=60 \
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
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(data) = &self.postgres {
            let _ = as_account("pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "stop"]).output();
        }
    }
}

fn is_root() -> bool {
    String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0"
}

/// A program of PostgreSQL's, wherever Debian put it.
fn as_account(program: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").map(|dir| dir.flatten().map(|entry| entry.path()).collect());
    let mut versions: Vec<PathBuf> = versions.unwrap_or_default();
    versions.sort();
    let path = versions.last().map_or_else(|| PathBuf::from(program), |version| version.join("bin").join(program));
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
