//! The command line against a control server of the test's own: what it prints for people and for programs, and how
//! it ends where the server refuses.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[path = "cli/catalogue.rs"]
mod catalogue;
#[path = "cli/goods.rs"]
mod goods;
#[path = "cli/guests.rs"]
mod guests;
#[path = "cli/logs.rs"]
mod logs;
#[path = "cli/nodes.rs"]
mod nodes;
#[path = "cli/servers.rs"]
mod servers;
#[path = "../../control/examples/simulated/shop.rs"]
mod shop;

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
    ctx: berth_control::Context,
    nodes: Vec<berth_agent::sim::SimNode>,
    dir: tempfile::TempDir,
    shutdown: CancellationToken,
}

struct Printed {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Control {
    /// Without a runner: nothing happens to a job but what is asked for.
    async fn start() -> Self {
        Self::start_with(0).await
    }

    /// All of it, with what a company sells, and a simulated node whose self-test has passed.
    async fn start_with_a_node() -> Self {
        let control = Self::start_with(1).await;
        let jobs = control.json(&["job", "list", "--hypervisor", "1", "--kind", "selftest"]).await;
        control.json(&["job", "watch", &jobs[0]["id"].to_string(), "--limit-s", "120"]).await;
        control
    }

    async fn start_with(nodes: usize) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = tempfile::tempdir().unwrap();
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = Config { data_dir: dir.path().to_owned(), listen, ..Config::default() };
        let ctx = start::start(config).await.unwrap();
        let admin = bootstrap::first_admin(&ctx, "admin@example.test").await.unwrap().unwrap();
        let shutdown = CancellationToken::new();
        let (told, address) = oneshot::channel();
        let ready = move |address: SocketAddr| {
            told.send(address).ok();
        };
        let nodes = match nodes {
            0 => {
                tokio::spawn(http::serve(ctx.clone(), shutdown.clone(), ready));
                Vec::new()
            }
            some => {
                let nodes = shop::open(&ctx, some).await.unwrap();
                tokio::spawn(berth_control::run(ctx.clone(), shutdown.clone(), ready));
                nodes
            }
        };
        let url = format!("https://{}", address.await.unwrap());
        let fingerprint = fingerprint(&dir.path().join("tls.crt"));
        Self { url, token: admin.token, fingerprint, ctx, nodes, dir, shutdown }
    }

    /// Work on a hypervisor, as an action would queue it.
    async fn put_job(&self, kind: &'static str) -> i64 {
        let now = self.ctx.now();
        let new = berth_store::job::NewJob {
            uuid: self.ctx.rng.uuid(),
            kind,
            action: "build_server".to_owned(),
            server_id: None,
            hypervisor_id: Some(7),
            lane: berth_store::job::LANE_MAIN,
            exclusive: false,
            step: "server.build.prepare".to_owned(),
            payload: serde_json::json!({}),
            run_at: now,
            deadline_at: now,
            now,
        };
        let put = self.ctx.store.write_tx::<_, berth_store::StoreError>(|tx| {
            let new = new.clone();
            Box::pin(async move { Ok(berth_store::job::enqueue(tx, new).await?.id) })
        });
        put.await.unwrap()
    }

    /// Runs `berth` as this control server's administrator.
    async fn berth(&self, args: &[&str]) -> Printed {
        self.berth_with(args, &self.token).await
    }

    fn command(&self, args: &[&str], token: &str) -> tokio::process::Command {
        let mut berth = tokio::process::Command::new(env!("CARGO_BIN_EXE_berth"));
        berth
            .args(args)
            .env("BERTH_URL", &self.url)
            .env("BERTH_TOKEN", token)
            .env("BERTH_FINGERPRINT", &self.fingerprint)
            .env("HOME", self.dir.path())
            .env_remove("XDG_CONFIG_HOME")
            .env("BERTH_DATA", self.dir.path())
            .stdin(Stdio::null());
        berth
    }

    async fn berth_with(&self, args: &[&str], token: &str) -> Printed {
        let output = self.command(args, token).output().await.unwrap();
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
async fn what_berth_up_wrote_is_found_where_berth_data_says() {
    let control = Control::start().await;
    let Control { url, token, fingerprint, .. } = &control;
    let (data, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = format!("url = {url:?}\ntoken = {token:?}\nfingerprint = {fingerprint:?}\n");
    std::fs::write(data.path().join("cli.toml"), file).unwrap();
    let run = async |data: &Path| {
        let mut berth = tokio::process::Command::new(env!("CARGO_BIN_EXE_berth"));
        for name in ["BERTH_URL", "BERTH_TOKEN", "BERTH_FINGERPRINT", "BERTH_CA_FILE", "XDG_CONFIG_HOME"] {
            berth.env_remove(name);
        }
        berth.args(["token", "list"]).env("HOME", empty.path()).env("BERTH_DATA", data);
        berth.stdin(Stdio::null()).output().await.unwrap()
    };
    assert!(run(data.path()).await.status.success());
    let unknown = run(empty.path()).await;
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(1) && said.starts_with("No control server is known here"), "{said}");
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
async fn who_has_no_relation_is_shown_and_deleted_by_id_or_address() {
    let control = Control::start().await;
    let make = async |name: &str, email: &str| {
        control.json(&["user", "create", "--name", name, "--email", email]).await["id"].to_string()
    };
    let (ann, bob) = (make("Ann", "ann@example.test").await, make("Bob", "bob@example.test").await);
    assert_eq!(control.json(&["user", "show", "--email", "ANN@example.test"]).await["id"].to_string(), ann);
    assert_eq!(control.json(&["user", "show", "--id", &bob]).await["name"], "Bob");
    assert_eq!(control.berth(&["user", "delete", "--email", "ann@example.test"]).await.code, 0);
    assert_eq!(control.berth(&["user", "delete", "--id", &bob]).await.code, 0);
    let gone = control.berth(&["user", "show", "--id", &bob]).await;
    assert_eq!((gone.code, gone.stderr.trim()), (1, "user not found"));
    let gone = control.berth(&["user", "delete", "--email", "ann@example.test"]).await;
    assert_eq!((gone.code, gone.stderr.trim()), (1, "There is no user with the address ann@example.test."));
    for args in [&["user", "delete"][..], &["user", "delete", "17", "--id", "1"]] {
        assert_eq!(control.berth(args).await.code, 2, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_becomes_one_of_the_staff_by_address_and_has_a_token_that_does_less() {
    let control = Control::start().await;
    let made = control.json(&["user", "create", "--name", "Ann Smith", "--email", "ann@example.test"]).await;
    let shown = control.json(&["user", "role", "ANN@example.test", "read-only"]).await;
    assert_eq!((&shown["id"], shown["role"].as_str()), (&made["id"], Some("read-only")));
    let id = made["id"].to_string();
    let token = control.json(&["token", "create", "--name", "Ann's", "--user", &id]).await;
    let secret = token["token"].as_str().unwrap();
    assert_eq!(control.berth_with(&["user", "list"], secret).await.code, 0);
    let refused = control.berth_with(&["user", "role", "ann@example.test", "owner"], secret).await;
    assert_eq!((refused.code, refused.stderr.trim()), (1, "this token lacks the permission"));
    let unknown = control.berth(&["user", "role", "bob@example.test", "support"]).await;
    assert_eq!((unknown.code, unknown.stderr.trim()), (1, "There is no user with the address bob@example.test."));
    let taken = control.json(&["user", "role", "ann@example.test", "customer"]).await;
    assert!(taken["role"].is_null(), "{taken}");
    assert_eq!(control.berth_with(&["user", "list"], secret).await.code, 1);
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
async fn what_a_company_sells_is_changed_and_removed() {
    let control = Control::start().await;
    let made =
        control.json(&["package", "create", "--name", "Small", "--memory-mib", "512", "--storage-gib", "5"]).await;
    let id = made["id"].to_string();
    let changed = control
        .json(&["package", "update", &id, "--memory-mib", "1024", "--enabled", "false", "--packets-per-second", "9000"])
        .await;
    assert_eq!((&changed["memory"], &changed["enabled"]), (&Value::from(1024), &Value::from(false)));
    assert_eq!(changed["primaryNetworkPacketsPerSecond"], 9000);
    let nothing = control.berth(&["package", "update", &id]).await;
    assert!(nothing.code == 1 && nothing.stderr.contains("--help"), "{}", nothing.stderr);
    let asked = control.berth(&["package", "remove", &id]).await;
    assert!(asked.code == 1 && asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert_eq!(control.berth(&["package", "remove", &id, "--yes"]).await.code, 0);
    assert_eq!(control.json(&["package", "list"]).await, serde_json::json!([]));

    let category = control.json(&["template", "category", "create", "--name", "Linux", "--position", "-2"]).await;
    let id = category["id"].to_string();
    let changed = control.json(&["template", "category", "update", &id, "--icon", "linux_logo.png"]).await;
    assert_eq!((&changed["position"], &changed["icon"]), (&Value::from(-2), &Value::from("linux_logo.png")));
    assert!(control.table(&["template", "category", "list"]).await.contains("linux_logo.png"));
    assert_eq!(control.berth(&["template", "category", "remove", &id, "--yes"]).await.code, 0);

    let picture = control.dir.path().join("picture.png");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\nrest").unwrap();
    let icon = control.json(&["template", "icon", "upload", picture.to_str().unwrap()]).await;
    assert!(icon["path"].as_str().unwrap().starts_with("/img/logo/"), "{icon}");
    assert_eq!(control.berth(&["template", "icon", "remove", &icon["id"].to_string(), "--yes"]).await.code, 0);

    for args in [
        ["hypervisor", "maintenance", "9", "on"],
        ["hypervisor", "remove", "9", "--yes"],
        ["group", "remove", "9", "--yes"],
        ["template", "remove", "9", "--yes"],
        ["hypervisor", "metrics", "9", "--minutes=5"],
        ["group", "fits", "9", "--package=1"],
    ] {
        let printed = control.berth(&args).await;
        assert!(printed.code == 1 && printed.stderr.contains("not found"), "{args:?}: {}", printed.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_the_servers_words() {
    let control = Control::start().await;
    for args in [
        &["server", "show", "99"][..],
        &["server", "ssh", "99"],
        &["server", "rename", "99", "web"],
        &["server", "resize", "99", "--memory-mib", "1024"],
        &["server", "resize", "99", "--cpu", "2", "--disk-gib", "20"],
        &["server", "throttle", "99", "50"],
        &["server", "package", "99", "1"],
        &["server", "owner", "99", "1"],
        &["server", "protect", "99", "--off"],
        &["server", "suspend", "99"],
        &["server", "unsuspend", "99"],
        &["server", "disk", "list", "99"],
        &[
            "server",
            "disk",
            "add",
            "99",
            "--size-gib",
            "5",
            "--filesystem",
            "ext4",
            "--bus",
            "scsi",
            "--read-iops",
            "500",
        ],
        &["server", "disk", "change", "99", "b", "--size-gib", "6", "--cache", "", "--write-bytes", "0", "--later"],
        &["server", "disk", "remove", "99", "b", "--yes"],
        &["job", "show", "99"],
        &["hypervisor", "storage", "list", "99"],
        &["hypervisor", "storage", "add", "99", "--name", "SSD", "--type", "mountpoint", "--path", "/mnt/ssd"],
        &["hypervisor", "storage", "set", "99", "0", "--alert-percent", "80"],
        &["hypervisor", "storage", "remove", "99", "1", "--yes"],
        &["network", "list", "99"],
        &["network", "create", "99", "--name", "Customers", "--bridge", "br1", "--mtu", "1400"],
        &["network", "update", "99", "1", "--mtu", "", "--ip-block-group", "", "--default"],
        &["network", "remove", "99", "1", "--yes"],
    ] {
        let printed = control.berth(args).await;
        assert_eq!(printed.code, 1, "{args:?}");
        assert!(printed.stderr.contains("not found"), "{args:?}: {}", printed.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_called_off_taken_up_again_and_watched() {
    let control = Control::start().await;
    let build = control.put_job("build").await.to_string();
    let listed = control.json(&["job", "list", "--state", "queued", "--kind", "build", "--hypervisor", "7"]).await;
    assert_eq!((&listed[0]["id"].to_string(), listed.as_array().unwrap().len()), (&build, 1));
    assert!(control.table(&["job", "list"]).await.contains("build_server"), "for people too");
    assert_eq!(control.json(&["job", "list", "--state", "failed"]).await, serde_json::json!([]));
    let watched = tokio::spawn({
        let (url, token, fingerprint) = (control.url.clone(), control.token.clone(), control.fingerprint.clone());
        let build = build.clone();
        async move { watch(&url, &token, &fingerprint, &build).await }
    });
    let cancelled = control.json(&["job", "cancel", &build]).await;
    assert_eq!(cancelled["queue"], "cancelled");
    let printed = watched.await.unwrap();
    assert!(printed.contains("It was cancelled before it began."), "{printed}");
    let again = control.json(&["job", "retry", &build]).await["queueId"].as_i64().unwrap();
    assert!(again.to_string() != build);
    let refused = control.berth(&["job", "retry", &build]).await;
    assert!(refused.code == 1 && refused.stderr.contains("came after this one"), "{}", refused.stderr);
    let late = control.berth(&["job", "watch", &again.to_string(), "--limit-s", "1"]).await;
    assert!(late.code == 1 && late.stderr.contains("had not ended after 1 s"), "{}", late.stderr);
}

/// What is printed by who watches a job that fails.
async fn watch(url: &str, token: &str, fingerprint: &str, job: &str) -> String {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_berth"))
        .args(["job", "watch", job, "--limit-s", "60"])
        .envs([("BERTH_URL", url), ("BERTH_TOKEN", token), ("BERTH_FINGERPRINT", fingerprint)])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn one_agent_at_a_time_works_in_a_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("agent.toml");
    std::fs::write(&config, format!("data_dir = \"{}\"\n", dir.path().display())).unwrap();
    let run = async || {
        let mut berth = tokio::process::Command::new(env!("CARGO_BIN_EXE_berth"));
        let output = berth.args(["agent", "run", "--config"]).arg(&config).stdin(Stdio::null()).output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let lock = berth_agent::pid_lock::take(&dir.path().join("agent.lock")).unwrap().unwrap();
    let refused = run().await;
    let own = format!("already (process {})", std::process::id());
    assert!(refused.contains("an agent works in") && refused.contains(&own), "{refused}");
    drop(lock);
    // It comes one step further.
    assert!(run().await.contains("has not been enrolled"));
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
