//! A customer's program: a token and calls below `/api`.

use berth_control::config::Config;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    browser::{Browser, give_password, logged_in},
    rows::{self, Company},
};

pub const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p program";
pub const EVERY_SCOPE: [&str; 8] = [
    "servers:read",
    "servers:power",
    "servers:console",
    "servers:build",
    "servers:password",
    "servers:settings",
    "account:read",
    "account:keys",
];

pub async fn start(database: Database, settings: impl FnOnce(Config) -> Config) -> (App, Company) {
    let wanted = |config| {
        let config = Config { strange_requests_per_second: 0, customer_requests_per_second: 0, ..config };
        settings(with_mail(config))
    };
    let app = App::start_with(database, wanted).await;
    let company = rows::company(&app, 1, 100).await;
    give_password(&app, company.user).await;
    (app, company)
}

/// A customer who can log in.
pub async fn person(app: &App, name: &str) -> i64 {
    let user = json!({ "name": name, "email": format!("{name}@doe.test") });
    let id = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    give_password(app, id).await;
    id
}

/// What a token is made with in the panel.
pub fn wish(scopes: &[&str]) -> Value {
    json!({ "name": "a program", "scopes": scopes })
}

pub async fn make(browser: &mut Browser, wish: Value) -> Value {
    let made = browser.call("POST", "/tokens", Some(wish)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["data"].clone()
}

pub async fn token(app: &App, email: &str, scopes: &[&str]) -> String {
    let mut browser = logged_in(app, email).await;
    make(&mut browser, wish(scopes)).await["secret"].as_str().unwrap().to_owned()
}

/// `path` is below `/api`.
pub async fn call(app: &App, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), format!("{}/api{path}", app.url));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    App::answer(request).await
}

/// A built server of Jon's: its id and its UUID.
pub async fn server(app: &App, company: &Company) -> (i64, String) {
    let id = company.built_server(app).await;
    let uuid = app.get(&format!("/servers/{id}")).await.1["data"]["uuid"].as_str().unwrap().to_owned();
    (id, uuid)
}
