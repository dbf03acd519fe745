//! A control server on a port of its own, without nodes behind it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use berth_control::{Context, bootstrap, clock::Clock, config::Config, http, random::OsRng, start};
use berth_store::{Micros, mail};
use serde_json::Value;

use berth_store::testing::Database;

/// 2025-01-20T14:00:47Z
pub const START: Micros = 1_737_381_647_000_000;

/// A clock that stands still until a test turns it.
pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Micros {
        self.0.load(Ordering::SeqCst)
    }
}

/// Letters are written, and handed to nobody.
pub fn with_mail(config: Config) -> Config {
    Config {
        mail_url: Some("smtp://127.0.0.1:9".to_owned()),
        mail_from: Some("Example <noreply@example.test>".to_owned()),
        public_url: Some("https://panel.example.test".to_owned()),
        ..config
    }
}

pub struct App {
    pub ctx: Context,
    pub url: String,
    pub token: String,
    clock: Arc<TestClock>,
    client: reqwest::Client,
    database: Option<Database>,
}

impl App {
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, |config| config).await
    }

    /// With settings of the test's own.
    pub async fn start_with(database: Database, settings: impl FnOnce(Config) -> Config) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The cause of a 500 is only in the log, so a test that fails shows it.
        let log = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::WARN);
        let _ = log.try_init();
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let config = Config {
            data_dir: database.dir.path().join("control"),
            database_url: Some(database.url.clone()),
            // Nobody works on its jobs but tests that say so.
            firewall_wait_s: 0,
            ..Config::default()
        };
        let ctx = start::start_with(settings(config), clock.clone(), Arc::new(OsRng)).await.unwrap();
        let admin = bootstrap::first_admin(&ctx, "admin@example.test").await.unwrap().unwrap();
        Self::serve(ctx, clock, admin.token, Some(database)).await
    }

    /// A second control server on the same database, with the same keys.
    pub async fn beside(&self, url: &str) -> Self {
        let config = Config { database_url: Some(url.to_owned()), ..(*self.ctx.config).clone() };
        let ctx = start::start_with(config, self.clock.clone(), Arc::new(OsRng)).await.unwrap();
        Self::serve(ctx, self.clock.clone(), self.token.clone(), None).await
    }

    async fn serve(ctx: Context, clock: Arc<TestClock>, token: String, database: Option<Database>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = http::router(&ctx).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { ctx, url, token, clock, client: reqwest::Client::new(), database }
    }

    /// PostgreSQL stops.
    pub fn lose_database(&mut self) {
        self.database = None;
    }

    /// What people were written, the newest first.
    pub async fn mailed(&self) -> Vec<String> {
        let (letters, _) = mail::page(self.ctx.store.read(), 0, 1_000).await.unwrap();
        letters.into_iter().map(|letter| letter.kind).collect()
    }

    pub fn pass(&self, micros: Micros) {
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<String>) -> (u16, Value) {
        self.call_as(&self.token, method, path, body).await
    }

    /// `path` is below `/api/v1`. An answer without a body is null.
    pub async fn call_as(&self, token: &str, method: &str, path: &str, body: Option<String>) -> (u16, Value) {
        let mut request = self.request(token, method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        Self::answer(request).await
    }

    pub fn request(&self, token: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}/api/v1{path}", self.url)).bearer_auth(token)
    }

    pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let is_csv =
            response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv"));
        let is_stream = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        if is_stream {
            // It may never end.
            return (response.status().as_u16(), Value::Null);
        }
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        let body = if is_csv {
            Value::String(text)
        } else if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        };
        (status, body)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("PUT", path, Some(body.to_string())).await
    }

    /// Removes something as the newer operations want it.
    pub async fn remove(&self, path: &str) -> (u16, Value) {
        self.call("DELETE", path, Some(r#"{"confirm": true}"#.to_owned())).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.call("DELETE", path, None).await
    }
}
