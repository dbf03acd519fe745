//! Clusters of PostgreSQL from Debian's package: made, started and stopped by its own programs.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The account that PostgreSQL runs as where the tests run as root, which it refuses to.
const ACCOUNT: &str = "postgres";
/// Where Debian puts the programs, one folder for each version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// Two thirds of a new cluster's files are of databases that only new databases are copied from.
pub const WITHOUT_TEMPLATES: [&str; 3] =
    ["UPDATE pg_database SET datistemplate = false", "DROP DATABASE template1", "DROP DATABASE template0"];

/// A folder below `dir` for the cluster's files, its socket and its log, which is PostgreSQL's account's.
pub fn home(dir: &Path) -> PathBuf {
    let home = dir.join("pg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        run(Command::new("chown").arg(ACCOUNT).arg(&home));
    }
    home
}

/// `initdb` with further options.
pub fn make(data: &Path, options: &[&str]) {
    let common = ["-A", "trust", "-U", "berth", "-N", "-E", "UTF8"];
    run(as_account("initdb").arg("-D").arg(data).args(common).args(options));
}

/// Takes connections on a socket in `home` when it returns.
pub fn start(data: &Path, home: &Path, durable: bool) {
    let fsync = if durable { "on" } else { "off" };
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync={fsync} -c max_connections=60 \
         -c shared_buffers=16MB",
        home.display()
    );
    run(as_account("pg_ctl").arg("-D").arg(data).arg("-l").arg(home.join("log")).args(["-w", "-o", &options, "start"]));
}

/// `mode` is `pg_ctl`'s: `fast` leaves files that can be copied, `immediate` those of a crash. It may have stopped.
pub fn stop(data: &Path, mode: &str) {
    let _ = as_account("pg_ctl").arg("-D").arg(data).args(["-m", mode, "stop"]).output();
}

/// A file or a folder, with owners, which PostgreSQL insists on.
pub fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").args(["-a", "--reflink=auto"]).args([from, to]));
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
