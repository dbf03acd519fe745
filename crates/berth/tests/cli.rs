//! The command line against a control server of the test's own: what it prints for people and for programs, and how
//! it ends where the server refuses.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[path = "cli/goods.rs"]
mod goods;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use berth_control::config::Config;
use berth_control::{bootstrap, http, start};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A control server in this process, on a port of its own.
struct Control {
    url: String,
    token: String,
    fingerprint: String,
    ctx: berth_control::Context,
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
        tokio::spawn(http::serve(ctx.clone(), shutdown.clone(), move |address| {
            told.send(address).ok();
        }));
        let url = format!("https://{}", address.await.unwrap());
        let fingerprint = fingerprint(&dir.path().join("tls.crt"));
        Self { url, token: admin.token, fingerprint, ctx, dir, shutdown }
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
        &["network", "update", "99", "1", "--mtu", "", "--default"],
        &["network", "remove", "99", "1", "--yes"],
    ] {
        let printed = control.berth(args).await;
        assert_eq!(printed.code, 1, "{args:?}");
        assert!(printed.stderr.contains("not found"), "{args:?}: {}", printed.stderr);
    }
}

/// A publisher of cloud images on this machine: what it has, by path.
struct Publisher {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Publisher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/bookworm", listener.local_addr().unwrap());
        let files = Arc::new(Mutex::new(BTreeMap::<String, Vec<u8>>::new()));
        let served = files.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let name = request.split_whitespace().nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or("");
                let body = served.lock().unwrap().get(name).cloned();
                let (status, body) = body.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                // Who has read enough of an image hangs up.
                stream.write_all(&[head.as_bytes(), &body].concat()).await.ok();
            }
        });
        Self { url, files }
    }

    fn put(&self, name: &str, body: &[u8]) {
        self.files.lock().unwrap().insert(name.to_owned(), body.to_vec());
    }

    /// An image of so many MiB with its line in the list of checksums; its checksum.
    fn publish(&self, dir: &Path, mib: u64) -> String {
        let file = dir.join(format!("{mib}.qcow2"));
        let made = std::process::Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", file.to_str().unwrap(), &format!("{mib}M")])
            .status();
        assert!(made.unwrap().success());
        let image = std::fs::read(file).unwrap();
        let sum = hex::encode(Sha512::digest(&image));
        self.put(CLOUD_IMAGE, &image);
        self.put("SHA512SUMS", format!("{}  other.qcow2\n{sum}  {CLOUD_IMAGE}\n", "0".repeat(128)).as_bytes());
        format!("sha512:{sum}")
    }
}

/// What the catalogue calls `debian-12`.
const CLOUD_IMAGE: &str = "debian-12-genericcloud-amd64.qcow2";

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_image_becomes_a_template_with_the_checksum_that_its_publisher_gives_now() {
    let (control, publisher) = (Control::start().await, Publisher::start().await);
    let listed = control.table(&["template", "catalogue"]).await;
    assert!(listed.contains("debian-12") && listed.contains("https://cloud.debian.org/"), "{listed}");
    let first = publisher.publish(control.dir.path(), 64);
    let add = ["template", "add", "debian-12", "--mirror", &publisher.url, "--allow-private", "127.0.0.1"];
    let made = control.json(&add).await;
    assert_eq!(made["imageDigest"], first.as_str());
    assert_eq!(made["imageUrl"], format!("{}/{CLOUD_IMAGE}", publisher.url));
    assert_eq!(made["imageVirtualBytes"], 64 << 20);
    assert_eq!(control.json(&add).await["id"], made["id"], "once more changes nothing");

    publisher.publish(control.dir.path(), 128);
    let moved = control.berth(&add).await;
    assert!(moved.code == 0 && moved.stdout.contains(&first), "{}", moved.stdout);
    assert!(moved.stderr.contains("with another image"), "{}", moved.stderr);
    let cache = control.dir.path().join("downloads");
    let renewed = control.json(&[&add[..], &["--upload", "--cache", cache.to_str().unwrap()]].concat()).await;
    assert_eq!((&renewed["id"], &renewed["imageUrl"]), (&made["id"], &Value::Null));
    assert_eq!(renewed["imageVirtualBytes"], 128 << 20);
    assert_eq!(std::fs::read_dir(cache.join("images")).unwrap().count(), 0, "the download is gone again");
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_a_publisher_that_is_private_hostile_or_not_what_it_should_be_makes_no_template() {
    let (control, publisher) = (Control::start().await, Publisher::start().await);
    let add = ["template", "add", "debian-12", "--mirror", &publisher.url, "--allow-private", "127.0.0.1"];
    let refused = async |args: &[&str], reason: &str| {
        let printed = control.berth(args).await;
        assert_eq!(printed.code, 1, "{reason}: {}", printed.stdout);
        assert!(printed.stderr.contains(reason), "{reason}: {}", printed.stderr);
    };
    refused(&add[..5], "is refused").await;
    refused(&["template", "add", "../debian-12"], "berth template catalogue").await;
    refused(&add, "was not found there").await;
    publisher.put("SHA512SUMS", b"<html>moved</html>");
    refused(&add, "no SHA-256 or SHA-512 sum").await;
    publisher.put("SHA512SUMS", &vec![b'a'; (1 << 20) + 1]);
    refused(&add, "which no list of checksums has").await;
    publisher.publish(control.dir.path(), 64);
    publisher.put(CLOUD_IMAGE, &[b'x'; 4096]);
    refused(&add, "not a qcow2 image").await;
    publisher.put(CLOUD_IMAGE, b"QFI");
    refused(&add, "too short").await;
    let (first, cache) = (publisher.publish(control.dir.path(), 64), control.dir.path().join("downloads"));
    let mut other = publisher.files.lock().unwrap()[CLOUD_IMAGE].clone();
    other.push(0);
    publisher.put(CLOUD_IMAGE, &other);
    let upload = [&add[..], &["--upload", "--cache", cache.to_str().unwrap()]].concat();
    refused(&upload, "wrong checksum").await;
    publisher.publish(control.dir.path(), 64);
    let made = control.json(&add).await;
    assert_eq!((made["id"].as_i64(), made["imageDigest"].as_str()), (Some(1), Some(first.as_str())), "it is the first");
}

/// Without a runner nothing happens to a job but what is asked for.
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
