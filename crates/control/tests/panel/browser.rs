//! A browser as far as logins go: it keeps cookies and repeats the session's secret.

use berth_control::actions::passwords;
use berth_store::user::{self, Change};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::app::App;

pub const PASSWORD: &str = "correct horse battery";
/// Of somebody who is on the way to the provider and back.
const SIGN_ON: &str = "__Host-berth-oidc=";

pub struct Browser {
    base: String,
    client: reqwest::Client,
    /// `name=value`, or several of them as they are sent.
    pub cookie: Option<String>,
    /// The same, of a way to the provider that was begun.
    pub sign_on: Option<String>,
    pub csrf: String,
    /// How it names itself.
    pub user_agent: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub body: Value,
}

impl Browser {
    pub fn new(app: &App) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let user_agent = "Firefox".to_owned();
        Self { base: app.url.clone(), client, cookie: None, sign_on: None, csrf: String::new(), user_agent }
    }

    /// A request as this browser would send it, to a path on the panel's host.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).header("user-agent", &self.user_agent);
        for cookie in [&self.cookie, &self.sign_on].into_iter().flatten() {
            request = request.header("cookie", cookie);
        }
        request
    }

    /// Sends it, and keeps what cookies it sets.
    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for set in headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            match pair.strip_prefix(SIGN_ON) {
                Some(value) => self.sign_on = (!value.is_empty()).then(|| pair.to_owned()),
                None => self.keep(pair),
            }
        }
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// A cookie in the place of the one of its name; without a value, none.
    fn keep(&mut self, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap();
        let held = self.cookie.take().unwrap_or_default();
        let is_another = |held: &&str| held.split_once('=').is_some_and(|(known, _)| known != name);
        let others = held.split("; ").filter(is_another);
        let kept: Vec<&str> = others.chain((!value.is_empty()).then_some(pair)).collect();
        self.cookie = (!kept.is_empty()).then(|| kept.join("; "));
    }

    /// `path` is below `/panel/api`.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method.parse().unwrap(), &format!("/panel/api{path}"));
        let request = request.header("x-csrf-token", &self.csrf);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        self.send(request).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn log_in(&mut self, email: &str, password: &str) -> Answer {
        let answer = self.call("POST", "/session", Some(json!({ "email": email, "password": password }))).await;
        if answer.status == 200 {
            self.csrf = answer.body["data"]["csrf"].as_str().unwrap().to_owned();
        }
        answer
    }

    /// Proves by password that it is still whoever logged in, as dangerous operations want after a while.
    pub async fn prove(&mut self) {
        let proof = json!({ "password": PASSWORD });
        let proved = self.call("POST", "/session/proof", Some(proof)).await;
        assert_eq!(proved.status, 204, "{}", proved.body);
    }
}

/// Gives a user a password that the tests know.
pub async fn give_password(app: &App, id: i64) {
    set_hash(app, id, passwords::hash(&app.ctx, PASSWORD).await.unwrap()).await;
}

/// Nothing is no password.
pub async fn set_hash(app: &App, id: i64, hash: String) {
    let now = app.ctx.now();
    let given = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let hash = hash.clone();
        Box::pin(async move {
            let row = user::by_id(tx, id).await?.unwrap();
            let change = Change { password_hash: Some(hash), ..Change::default() };
            Ok(user::change(tx, row, change, now).await?)
        })
    });
    given.await.unwrap();
}

/// Lets a user in, or not.
pub async fn suspend(app: &App, id: i64, is_out: bool) {
    let now = app.ctx.now();
    let changed = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        Box::pin(async move {
            let row = user::by_id(tx, id).await?.unwrap();
            let change = Change { suspended: Some(is_out), ..Change::default() };
            Ok(user::change(tx, row, change, now).await?)
        })
    });
    changed.await.unwrap();
}

/// A browser that is logged in, with a fresh proof.
pub async fn logged_in(app: &App, email: &str) -> Browser {
    let mut browser = Browser::new(app);
    let answer = browser.log_in(email, PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    browser
}
