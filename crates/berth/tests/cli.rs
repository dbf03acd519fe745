//! The command line against a control server of the test's own: what it prints for people and for programs, and how
//! it ends where the server refuses.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use berth_control::config::Config;
use berth_control::{bootstrap, http, start};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A control server in this process, on a port of its own.
struct Control {
    url: String,
    token: String,
    fingerprint: String,
    dir: tempfile::TempDir,
    shutdown: CancellationToken,
}

struct Printed {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Control {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = tempfile::tempdir().unwrap();
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = Config { data_dir: dir.path().to_owned(), listen, ..Config::default() };
        let ctx = start::start(config).await.unwrap();
        let admin = bootstrap::first_admin(&ctx, "admin@example.test").await.unwrap().unwrap();
        let shutdown = CancellationToken::new();
        let (told, address) = oneshot::channel();
        tokio::spawn(http::serve(ctx, shutdown.clone(), move |address| {
            told.send(address).ok();
        }));
        let url = format!("https://{}", address.await.unwrap());
        let fingerprint = fingerprint(&dir.path().join("tls.crt"));
        Self { url, token: admin.token, fingerprint, dir, shutdown }
    }

    /// Runs `berth` as this control server's administrator.
    async fn berth(&self, args: &[&str]) -> Printed {
        self.berth_with(args, &self.token).await
    }

    async fn berth_with(&self, args: &[&str], token: &str) -> Printed {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_berth"))
            .args(args)
            .env("BERTH_URL", &self.url)
            .env("BERTH_TOKEN", token)
            .env("BERTH_FINGERPRINT", &self.fingerprint)
            .env("HOME", self.dir.path())
            .env_remove("XDG_CONFIG_HOME")
            .env("BERTH_DATA", self.dir.path())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Printed { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The printed JSON of a command that succeeds.
    async fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--json");
        let printed = self.berth(&all).await;
        assert_eq!(printed.code, 0, "{args:?}: {}", printed.stderr);
        serde_json::from_str(&printed.stdout).unwrap()
    }

    /// The printed table of a command that succeeds, with what differs from run to run replaced.
    async fn table(&self, args: &[&str]) -> String {
        let printed = self.berth(args).await;
        assert_eq!(printed.code, 0, "{args:?}: {}", printed.stderr);
        printed.stdout
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn fingerprint(file: &Path) -> String {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    hex::encode(Sha256::digest(CertificateDer::from_pem_file(file).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_ends_with_status_1_and_the_servers_sentence() {
    let control = Control::start().await;
    let printed = control.berth_with(&["token", "list"], "wrong").await;
    assert_eq!(printed.code, 1);
    assert!(printed.stderr.starts_with("Unauthenticated."), "{}", printed.stderr);
    assert_eq!(printed.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_than_the_pinned_one_is_refused_before_the_token_is_sent() {
    let mut control = Control::start().await;
    control.fingerprint = "00".repeat(32);
    let printed = control.berth(&["token", "list"]).await;
    assert_eq!(printed.code, 1);
    assert!(printed.stderr.contains("could not be reached"), "{}", printed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_created_listed_shown_and_deleted() {
    let control = Control::start().await;
    let made = control
        .json(&["user", "create", "--name", "Ann Smith", "--email", "ann@example.test", "--ext-relation", "17"])
        .await;
    assert!(made["password"].as_str().is_some_and(|p| p.len() >= 20), "{made}");
    insta::assert_snapshot!(without_times(&control.table(&["user", "list"]).await));
    insta::assert_snapshot!(without_times(&control.table(&["user", "show", "17"]).await));
    assert_eq!(control.berth(&["user", "delete", "17"]).await.code, 0);
    let gone = control.berth(&["user", "show", "17"]).await;
    assert_eq!((gone.code, gone.stderr.trim()), (1, "ext_relation_id not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_created_used_and_revoked() {
    let control = Control::start().await;
    let made = control.json(&["token", "create", "--name", "shop", "--expires-days", "30"]).await;
    let secret = made["token"].as_str().unwrap();
    assert_eq!(control.berth_with(&["user", "list"], secret).await.code, 0);
    let listed = control.table(&["token", "list"]).await;
    assert!(listed.contains("shop") && !listed.contains(secret), "{listed}");
    assert_eq!(control.berth(&["token", "revoke", &made["id"].to_string()]).await.code, 0);
    assert_eq!(control.berth_with(&["user", "list"], secret).await.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_the_servers_words() {
    let control = Control::start().await;
    for args in [["server", "show", "99"], ["server", "ssh", "99"], ["job", "show", "99"]] {
        let printed = control.berth(&args).await;
        assert_eq!(printed.code, 1, "{args:?}");
        assert!(printed.stderr.contains("not found"), "{args:?}: {}", printed.stderr);
    }
}

#[test]
fn completion_scripts_name_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_berth"))
            .args(["completion", shell])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("hypervisor") && script.contains("console"), "{shell}");
    }
}

/// Times and what stands to their right are different in each run.
fn without_times(printed: &str) -> String {
    let line = |line: &str| match line.find("20").filter(|at| line[*at..].chars().nth(4) == Some('-')) {
        Some(at) => format!("{}<time>\n", &line[..at]),
        None => format!("{line}\n"),
    };
    printed.lines().map(line).collect()
}
