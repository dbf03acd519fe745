//! Who gets what from every operation of the panel.

use std::fmt::Write as _;

use berth_control::{config::Config, http::panel};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{Browser, PASSWORD, give_password, logged_in},
    rows::{self, Company},
    shares, shop,
};

const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon";

/// Every operation of the document with a body that it accepts; one without fails here.
pub fn operations(company: &Company) -> Vec<(String, String, Option<Value>)> {
    let document = serde_json::to_value(panel::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let body = match format!("{method} {path}").as_str() {
                "POST /session" => Some(json!({ "email": "jon@doe.test", "password": PASSWORD })),
                "POST /session/code" => Some(json!({ "code": "000000" })),
                "POST /session/proof" => Some(json!({ "password": PASSWORD })),
                "PUT /password" => Some(json!({ "current": PASSWORD, "new": PASSWORD })),
                "POST /forgotten-password" => Some(json!({ "email": "jon@doe.test" })),
                "PUT /forgotten-password" => Some(json!({ "token": "x", "new": PASSWORD })),
                "POST /second-factor" => Some(json!({ "password": PASSWORD })),
                "PUT /second-factor" => Some(json!({ "code": "000000" })),
                "POST /second-factor/end" | "POST /second-factor/codes" => {
                    Some(json!({ "password": PASSWORD, "code": "000000" }))
                }
                "POST /tokens" => Some(json!({ "name": "cron", "scopes": ["servers:read"] })),
                "POST /keys" => Some(json!({ "name": "laptop", "publicKey": PUBLIC_KEY })),
                "POST /servers/{uuid}/power" => Some(json!({ "action": "shutdown" })),
                "POST /servers/{uuid}/password" => Some(json!({})),
                "PUT /servers/{uuid}/name" => Some(json!({ "name": "web" })),
                "POST /servers/{uuid}/build" => {
                    Some(json!({ "templateId": company.template, "hostname": "a.example", "sshKeys": [company.key] }))
                }
                "POST /shop/servers" => Some(shop::order(company, company.package)),
                "PUT /servers/{uuid}/size" => Some(json!({ "sizeId": company.package })),
                "POST /servers/{uuid}/console" => Some(json!({ "kind": "serial" })),
                "POST /servers/{uuid}/shares" => Some(json!({ "email": "guest@doe.test", "rights": ["power"] })),
                "PUT /servers/{uuid}/shares/{id}" => Some(json!({ "rights": ["power"] })),
                "POST /invitations/{id}" => None,
                name if name.starts_with("GET ") || name.starts_with("DELETE ") => None,
                name => panic!("{name}: say here which body it takes"),
            };
            found.push((method, path.clone(), body));
        }
    }
    found.sort_by(|one, other| (&one.1, &one.0).cmp(&(&other.1, &other.0)));
    found
}

/// The operation's path at something of the owner's own that is there.
pub async fn at(app: &App, company: &Company, owner: &mut Browser, method: &str, path: &str) -> String {
    let uuid = match format!("{method} {path}").as_str() {
        // Only what its owner created by self service.
        "PUT /servers/{uuid}/size" | "DELETE /servers/{uuid}" => {
            let order = shop::order(company, company.package);
            let created = owner.call("POST", "/shop/servers", Some(order)).await;
            created.body["data"]["uuid"].as_str().unwrap().to_owned()
        }
        _ if path.contains("{uuid}") => {
            let id = company.built_server(app).await;
            app.get(&format!("/servers/{id}")).await.1["data"]["uuid"].as_str().unwrap().to_owned()
        }
        _ => String::new(),
    };
    let thing = match path {
        "/sessions/{id}" => owner.get("/sessions").await.body["data"][0]["id"].to_string(),
        "/servers/{uuid}/shares/{id}" => shares::invite(owner, &uuid, "somebody@doe.test", &[]).await.to_string(),
        "/tokens/{id}" => {
            let token = json!({ "name": "to go", "scopes": ["account:read"] });
            owner.call("POST", "/tokens", Some(token)).await.body["data"]["id"].to_string()
        }
        "/keys/{id}" => {
            let key = json!({ "name": "to go", "publicKey": PUBLIC_KEY });
            owner.call("POST", "/keys", Some(key)).await.body["data"]["id"].to_string()
        }
        _ => String::new(),
    };
    path.replace("{uuid}", &uuid).replace("{id}", &thing)
}

/// For each operation on the same things what their owner gets, another customer, a suspended one, and
/// nobody. The file is read by people: whoever gets a 2xx in another column than the first needs a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t03_another_customers_things_are_not_there() {
    let app = App::start_with(Database::sqlite(), |config| Config { strange_requests_per_second: 0, ..config }).await;
    let company = rows::company(&app, 1, 100).await;
    give_password(&app, company.user).await;
    shop::self_serving(&app, &company).await;
    let user = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    let mary = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    let user = json!({ "name": "Suspended", "email": "out@doe.test", "extRelationId": 8 });
    let out = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    for id in [mary, out] {
        give_password(&app, id).await;
    }
    let mut table = String::from("owner stranger suspended nobody\n");
    for (method, path, body) in operations(&company) {
        let (mut owner, mut stranger) = (logged_in(&app, "jon@doe.test").await, logged_in(&app, "mary@doe.test").await);
        let mut suspended = logged_in(&app, "out@doe.test").await;
        assert_eq!(app.put("/users/8/byExtRelation", json!({ "enabled": false })).await.0, 201);
        let path_of = match path.as_str() {
            "/invitations/{id}" => {
                let marys = shares::server_of(&app, &company, mary).await;
                let id = shares::invite(&mut stranger, &marys, "jon@doe.test", &["power"]).await;
                path.replace("{id}", &id.to_string())
            }
            _ => at(&app, &company, &mut owner, &method, &path).await,
        };
        let mut statuses = Vec::new();
        for browser in [&mut stranger, &mut suspended, &mut Browser::new(&app), &mut owner] {
            statuses.push(browser.call(&method, &path_of, body.clone()).await.status);
        }
        assert_eq!(app.put("/users/8/byExtRelation", json!({ "enabled": true })).await.0, 201);
        let [stranger, suspended, nobody, owner] = statuses[..] else { unreachable!() };
        let _ = writeln!(table, "{owner} {stranger} {suspended} {nobody} {method} {path}");
    }
    insta::assert_snapshot!("who_gets_what", table);
}
