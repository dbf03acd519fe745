//! The HTTP client of the command line and of `berth up`: the same API that everybody else uses, with errors that
//! show the server's own sentences.

mod error;
mod events;
mod profile;
mod tls;

use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::Value;

pub use error::ClientError;
#[cfg(test)]
pub use profile::up_file;
pub use profile::{Profile, ProfileArgs};
pub use tls::{client_config, fingerprint};

const CONNECT_LIMIT_S: u64 = 10;
const REQUEST_LIMIT_S: u64 = 60;
/// An image on a slow line.
const UPLOAD_LIMIT_S: u64 = 3_600;
/// An answer larger than this is not one of the API's.
const ANSWER_LIMIT_BYTES: usize = 32 << 20;
const API_PATH: &str = "/api/v1";
/// Largest page that the API gives.
const PAGE_ROWS: usize = 200;

/// One control server with one token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
    tls: rustls::ClientConfig,
}

impl Client {
    pub fn new(profile: &Profile) -> Result<Self, ClientError> {
        let url = profile.url.as_deref().ok_or_else(|| {
            ClientError::Settings(
                "No control server is known here: give --url and --token, or BERTH_URL and BERTH_TOKEN.".to_owned(),
            )
        })?;
        let base = Url::parse(url.trim_end_matches('/'))
            .map_err(|e| ClientError::Settings(format!("{url:?} is not an address: {e}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(ClientError::Settings(format!("{url:?} is not the address of a control server")));
        }
        let tls = client_config(profile)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .connect_timeout(Duration::from_secs(CONNECT_LIMIT_S))
            .timeout(Duration::from_secs(REQUEST_LIMIT_S))
            // The API never redirects, and a token must not follow one.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| ClientError::Settings(causes(&e)))?;
        Ok(Self { http, base, token: profile.token.clone(), tls })
    }

    /// From flags, environment and settings files.
    pub fn from_args(args: &ProfileArgs) -> Result<Self, ClientError> {
        Self::new(&Profile::resolve(args)?)
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    /// For the console's WebSocket.
    pub fn tls(&self) -> &rustls::ClientConfig {
        &self.tls
    }

    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.call(Method::GET, path, &[], None).await
    }

    pub async fn get_with(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, ClientError> {
        self.call(Method::GET, path, query, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call(Method::PUT, path, &[], Some(body)).await
    }

    /// Removes something for good, as the operations that ask whether it is meant want it.
    pub async fn remove(&self, path: &str) -> Result<Value, ClientError> {
        self.call(Method::DELETE, path, &[], Some(&serde_json::json!({ "confirm": true }))).await
    }

    pub async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, ClientError> {
        self.call(Method::DELETE, path, query, None).await
    }

    /// Sends a file as the body, as long as that takes.
    pub async fn upload(&self, path: &str, file: tokio::fs::File) -> Result<Value, ClientError> {
        self.send_file(Method::PUT, path, file).await
    }

    /// As [`Self::upload`], of something that is new.
    pub async fn upload_new(&self, path: &str, file: tokio::fs::File) -> Result<Value, ClientError> {
        self.send_file(Method::POST, path, file).await
    }

    async fn send_file(&self, method: Method, path: &str, file: tokio::fs::File) -> Result<Value, ClientError> {
        let what = format!("{method} {path}");
        let request = self.http.request(method, self.address(path)).timeout(Duration::from_secs(UPLOAD_LIMIT_S));
        let request = request.header("Content-Type", "application/octet-stream").body(file);
        self.send(&what, request).await
    }

    /// All rows of a paged list, page after page; also takes the lists that have no pages.
    pub async fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, ClientError> {
        let (mut rows, mut page) = (Vec::new(), 1_u64);
        loop {
            let (size, number) = (PAGE_ROWS.to_string(), page.to_string());
            let mut query = query.to_vec();
            query.extend([("results", size.as_str()), ("page", number.as_str())]);
            let mut answer = self.get_with(path, &query).await?;
            let Value::Array(mut data) = answer["data"].take() else {
                return Err(ClientError::Answer { what: format!("GET {path}"), reason: "no list in it".to_owned() });
            };
            rows.append(&mut data);
            if page >= answer["last_page"].as_u64().unwrap_or(1) {
                return Ok(rows);
            }
            page += 1;
        }
    }

    /// `path` is below `/api/v1` and starts with a slash. An answer without a body is `Null`, CSV is a text.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let what = format!("{method} {path}");
        let mut url = self.address(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(&what, request).await
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{API_PATH}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    async fn send(&self, what: &str, mut request: reqwest::RequestBuilder) -> Result<Value, ClientError> {
        request = request.header("Accept", "application/json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let unreachable =
            |e: reqwest::Error| ClientError::Unreachable { url: self.base.to_string(), reason: causes(&e) };
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let content = answer.headers().get(reqwest::header::CONTENT_TYPE);
        let is_csv = content.is_some_and(|content| content.as_bytes().starts_with(b"text/csv"));
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_LIMIT_BYTES {
                return Err(ClientError::Answer { what: what.to_owned(), reason: "it is too long".to_owned() });
            }
        }
        if !(200..300).contains(&status) {
            return Err(ClientError::refused(status, &String::from_utf8_lossy(&bytes)));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        if is_csv {
            return Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
        serde_json::from_slice(&bytes).map_err(|e| ClientError::Answer { what: what.to_owned(), reason: e.to_string() })
    }
}

/// The whole chain of reasons: reqwest's outermost one says only that something failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
