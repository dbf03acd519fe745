//! The API as a billing module sees it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::wait::until;

/// Of a Debian under emulation, on a machine that does other things.
const BUILD_LIMIT_S: u64 = 480;
const JOB_LIMIT_S: u64 = 240;

/// A control server with a token. Trusts any certificate: the address is this host's own.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    pub base: String,
    pub token: String,
}

/// Status and body; `Null` where there is no body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Api {
    pub fn new(base: &str, token: &str) -> Self {
        // A second call is refused, and changes nothing.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        Self { http, base: base.to_owned(), token: token.to_owned() }
    }

    /// `None` where the server can't be reached.
    pub async fn try_call(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Some(Answer { status, body })
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let what = format!("{method} {path}");
        self.try_call(method, &format!("/api/v1{path}"), body).await.unwrap_or_else(|| panic!("{what}: no answer"))
    }

    /// The `data` of a successful answer.
    pub async fn get(&self, path: &str) -> Value {
        self.expect(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.expect(Method::POST, path, Some(body)).await
    }

    async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let what = format!("{method} {path}");
        let mut answer = self.call(method, path, body).await;
        assert!((200..300).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
        answer.body["data"].take()
    }

    /// Hands a file over; must succeed.
    pub async fn put_file(&self, path: &str, file: &std::path::Path) {
        let bytes = std::fs::read(file).expect("the file");
        let request = self.http.put(format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token).body(bytes);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "PUT {path}: {}", answer.text().await.unwrap_or_default());
    }

    /// Polls until the build has ended, through restarts of the control server; the server's state.
    pub async fn build_end(&self, id: i64) -> Value {
        until(&format!("build of server {id}"), BUILD_LIMIT_S, async || {
            let answer = self.try_call(Method::GET, &format!("/api/v1/servers/{id}"), None).await?;
            let server = &answer.body["data"];
            matches!(server["state"].as_str(), Some("complete" | "failed")).then(|| server.clone())
        })
        .await
    }

    /// A power action; its ended job.
    pub async fn power(&self, id: i64, action: &str) -> Value {
        let answer = self.post(&format!("/servers/{id}/power/{action}"), &json!({})).await;
        self.job_end(answer["queueId"].as_i64().expect("a job")).await
    }

    pub async fn job_end(&self, job: i64) -> Value {
        until(&format!("job {job}"), JOB_LIMIT_S, async || {
            let answer = self.try_call(Method::GET, &format!("/api/v1/queue/{job}"), None).await?;
            let job = &answer.body["data"];
            (!job["finished"].is_null()).then(|| job.clone())
        })
        .await
    }

    /// Whether the guest runs, as the node sees it.
    pub async fn running(&self, id: i64) -> bool {
        self.get(&format!("/servers/{id}?remoteState=true")).await["remoteState"]["running"] == true
    }

    pub async fn delete_server(&self, id: i64) {
        let answer = self.call(Method::DELETE, &format!("/servers/{id}?delay=0"), None).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
}
