//! Who gets what from every operation of the customer API.

use berth_control::{
    http::customer,
    rights::{Right, Rights},
};
use berth_store::testing::Database;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    program::{EVERY_SCOPE, PUBLIC_KEY, call, person, server, share, start, token},
    rows::{self, Company},
};

/// What each operation takes: a scope, and a right where it is at a server.
fn takes(operation: &str) -> (Option<&'static str>, Option<Right>) {
    match operation {
        "GET /connect" => (None, None),
        "GET /account" | "GET /account/sshKeys" => (Some("account:read"), None),
        "POST /account/sshKeys" | "DELETE /account/sshKeys/{keyId}" => (Some("account:keys"), None),
        "GET /server" => (Some("servers:read"), None),
        "GET /server/{serverId}"
        | "GET /server/{serverId}/traffic"
        | "GET /server/{serverId}/tasks"
        | "GET /server/{serverId}/tasks/{taskId}" => (Some("servers:read"), Some(Right::View)),
        "POST /server/{serverId}/power/boot"
        | "POST /server/{serverId}/power/shutdown"
        | "POST /server/{serverId}/power/restart"
        | "POST /server/{serverId}/power/poweroff" => (Some("servers:power"), Some(Right::Power)),
        "GET /server/{serverId}/templates" | "POST /server/{serverId}/build" => {
            (Some("servers:build"), Some(Right::Rebuild))
        }
        "POST /server/{serverId}/resetPassword" => (Some("servers:password"), Some(Right::Password)),
        "PUT /server/{serverId}/name" => (Some("servers:settings"), Some(Right::Settings)),
        "GET /server/{serverId}/vnc" | "POST /server/{serverId}/vnc" | "POST /server/{serverId}/console" => {
            (Some("servers:console"), Some(Right::Console))
        }
        other => panic!("{other}: say here what it takes"),
    }
}

fn body(operation: &str, template: &str) -> Option<Value> {
    match operation {
        "POST /account/sshKeys" => Some(json!({ "name": "key", "publicKey": PUBLIC_KEY })),
        "PUT /server/{serverId}/name" => Some(json!({ "name": "web" })),
        "POST /server/{serverId}/build" => Some(json!({ "operatingSystemId": template, "hostname": "a.example" })),
        _ => None,
    }
}

fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(customer::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        found.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    assert!(found.len() > 15, "{found:?}");
    found
}

struct World {
    app: App,
    company: Company,
    template: String,
    jon: String,
    mary: String,
    marys_id: i64,
}

async fn world() -> World {
    let (app, company) = start(Database::sqlite(), |config| config).await;
    let marys_id = person(&app, "mary").await;
    let jon = token(&app, "jon@doe.test", &EVERY_SCOPE).await;
    let mary = token(&app, "mary@doe.test", &EVERY_SCOPE).await;
    let (_, uuid) = server(&app, &company).await;
    let families = call(&app, &jon, "GET", &format!("/server/{uuid}/templates"), None).await.1;
    let template = families["data"][0]["templates"][0]["id"].as_str().unwrap().to_owned();
    World { app, company, template, jon, mary, marys_id }
}

impl World {
    /// The path of an operation at a server, or at one of Jon's keys.
    async fn path(&self, path: &str, uuid: &str) -> String {
        let mut path = path.replace("{serverId}", uuid);
        if path.contains("{taskId}") {
            let tasks = call(&self.app, &self.jon, "GET", &format!("/server/{uuid}/tasks"), None).await.1;
            path = path.replace("{taskId}", tasks["data"][0]["id"].as_str().unwrap());
        }
        if path.contains("{keyId}") {
            let key = json!({ "name": "to go", "publicKey": PUBLIC_KEY });
            let made = call(&self.app, &self.jon, "POST", "/account/sshKeys", Some(&key)).await.1;
            path = path.replace("{keyId}", made["data"]["id"].as_str().unwrap());
        }
        path
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t03_every_operation_takes_its_scope_and_another_customers_things_are_not_there() {
    let world = world().await;
    let World { app, company, template, jon, mary, .. } = &world;
    for (method, path) in operations() {
        let name = format!("{method} {path}");
        let (scope, right) = takes(&name);
        let body = body(&name, template);
        let (_, uuid) = server(app, company).await;
        let path_of = world.path(&path, &uuid).await;
        for bad in ["", "brc_short", app.token.as_str(), &format!("brc_{}", "a".repeat(43))] {
            let (status, answer) = call(app, bad, &method, &path_of, body.as_ref()).await;
            assert_eq!((status, &answer), (401, &json!({ "message": "Unauthenticated." })), "{name}: {bad}");
        }
        if let Some(scope) = scope {
            let others: Vec<&str> = EVERY_SCOPE.into_iter().filter(|other| *other != scope).collect();
            let lacking = token(app, "jon@doe.test", &others).await;
            for of in [&path_of, &path_of.replace(&uuid, &Uuid::nil().to_string())] {
                let (status, answer) = call(app, &lacking, &method, of, body.as_ref()).await;
                assert_eq!((status, &answer["message"]), (403, &json!("this token lacks the scope")), "{name}");
            }
            forget_newest(app).await;
        }
        let (status, hers) = call(app, mary, &method, &path_of, body.as_ref()).await;
        if right.is_some() || path.contains("{keyId}") {
            assert_eq!(status, 404, "{name}: {hers}");
        } else {
            assert!(status < 300, "{name}: {hers}");
        }
        if right.is_some() {
            for unknown in [Uuid::nil().to_string(), "1".to_owned(), "x".to_owned()] {
                let of = path_of.replace(&uuid, &unknown);
                let nothing = call(app, jon, &method, &of, body.as_ref()).await;
                assert_eq!(nothing, (404, hers.clone()), "{name}: another's is as one that there is not");
            }
        }
        let (status, answer) = call(app, jon, &method, &path_of, body.as_ref()).await;
        assert!(status < 300, "{name}: {status} {answer}");
    }
}

/// So that there is room for the next.
async fn forget_newest(app: &App) {
    let mut browser = crate::browser::logged_in(app, "jon@doe.test").await;
    let newest = browser.get("/tokens").await.body["data"][0]["id"].clone();
    assert_eq!(browser.call("DELETE", &format!("/tokens/{newest}"), None).await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t03_a_guests_token_does_what_was_shared_and_nothing_else() {
    let world = world().await;
    let World { app, company, template, mary, marys_id, .. } = &world;
    for (method, path) in operations() {
        let name = format!("{method} {path}");
        let (_, Some(wanted)) = takes(&name) else { continue };
        for right in [wanted, Right::ALL.into_iter().find(|right| *right != wanted).unwrap()] {
            let (id, uuid) = server(app, company).await;
            let path_of = world.path(&path, &uuid).await;
            let rights = Rights::of(&[right]);
            let names = rights.names();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            share(app, id, (*marys_id, "mary@doe.test"), &names).await;
            let (status, answer) = call(app, mary, &method, &path_of, body(&name, template).as_ref()).await;
            if rights.has(wanted) {
                assert!(status < 300, "{name} with {names:?}: {status} {answer}");
            } else {
                assert_eq!(status, 403, "{name} with {names:?}: {answer}");
            }
            rows::end_jobs(app, id).await;
        }
    }
}
