//! A PowerDNS of the test's own, from Debian's package, with its SQLite backend.

use std::{
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const KEY: &str = "key-of-a-test";
const SCHEMA: &str = "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql";
const START_LIMIT: Duration = Duration::from_secs(20);

pub struct PowerDns {
    /// Of its API.
    pub url: String,
    /// Where it answers questions.
    pub dns: SocketAddr,
    process: Option<Child>,
    dir: TempDir,
    client: reqwest::Client,
}

impl PowerDns {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("pdns.db");
        let made = sea_orm::Database::connect(format!("sqlite://{}?mode=rwc", database.display())).await.unwrap();
        made.execute_unprepared(&fs::read_to_string(SCHEMA).unwrap()).await.unwrap();
        made.close().await.unwrap();
        let (api, dns) = (free_tcp(), free_udp());
        let settings = format!(
            "launch=gsqlite3\ngsqlite3-database={}\nlocal-address={}\nlocal-port={}\nwebserver=yes\napi=yes\n\
             api-key={KEY}\nwebserver-address=127.0.0.1\nwebserver-port={}\nsocket-dir={}\nguardian=no\n\
             cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\nsecurity-poll-suffix=\n",
            database.display(),
            dns.ip(),
            dns.port(),
            api.port(),
            dir.path().display(),
        );
        fs::write(dir.path().join("pdns.conf"), settings).unwrap();
        let url = format!("http://{api}");
        let mut server = Self { url, dns, process: None, dir, client: reqwest::Client::new() };
        server.resume().await;
        server
    }

    /// Starts it again with what it had.
    pub async fn resume(&mut self) {
        self.process = Some(spawn(self.dir.path()));
        let begun = Instant::now();
        while self.call(reqwest::Method::GET, "/zones", None).await.is_none_or(|(status, _)| status != 200) {
            assert!(begun.elapsed() < START_LIMIT, "PowerDNS did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub async fn add_zone(&self, name: &str) {
        let body = json!({ "name": format!("{name}."), "kind": "Native", "nameservers": [] });
        let (status, answer) = self.call(reqwest::Method::POST, "/zones", Some(body)).await.unwrap();
        assert_eq!(status, 201, "{answer}");
    }

    /// Makes a name lead to an address.
    pub async fn add_address(&self, zone: &str, name: &str, kind: &str, address: &str) {
        let set = json!({ "name": format!("{name}."), "type": kind, "changetype": "REPLACE", "ttl": 60,
            "records": [{ "content": address, "disabled": false }] });
        let body = Some(json!({ "rrsets": [set] }));
        let (status, answer) = self.call(reqwest::Method::PATCH, &format!("/zones/{zone}."), body).await.unwrap();
        assert_eq!(status, 204, "{answer}");
    }

    /// What the zone has as PTR: names and where they point.
    pub async fn pointers(&self, zone: &str) -> Vec<(String, String)> {
        let path = format!("/zones/{}.", zone.replace('/', "=2F"));
        let (_, answer) = self.call(reqwest::Method::GET, &path, None).await.unwrap();
        let sets = answer["rrsets"].as_array().unwrap().iter().filter(|set| set["type"] == "PTR");
        let text = |value: &Value| value.as_str().unwrap().trim_end_matches('.').to_owned();
        let mut pointers: Vec<_> = sets.map(|set| (text(&set["name"]), text(&set["records"][0]["content"]))).collect();
        pointers.sort();
        pointers
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Option<(u16, Value)> {
        let request = self.client.request(method, format!("{}/api/v1/servers/localhost{path}", self.url));
        let request = request.header("X-API-Key", KEY).json(&body.unwrap_or_else(|| json!({})));
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.unwrap_or_default()))
    }
}

impl Drop for PowerDns {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(dir: &Path) -> Child {
    let log = fs::File::create(dir.join("log")).unwrap();
    let mut command = Command::new("pdns_server");
    command.arg(format!("--config-dir={}", dir.display())).args(["--daemon=no", "--write-pid=no"]);
    command.stdout(Stdio::null()).stderr(log).stdin(Stdio::null());
    command.spawn().expect("Debian's package pdns-server is installed")
}

fn free_tcp() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn free_udp() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
