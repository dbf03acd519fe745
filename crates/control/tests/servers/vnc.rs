//! Consoles: tokens and the doors that they open.

use berth_control::{
    actions::server_console::{self, ConsoleKind},
    clock::SECOND,
};
use berth_store::{entity::server, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::{app::App, rows};

berth_store::on_both_databases!(
    t15_a_console_token_is_fresh_for_a_minute_and_every_post_replaces_it,
    t15_a_token_opens_one_console_of_its_kind_within_a_minute,
    the_node_hears_of_a_screen_that_is_switched,
);

async fn t15_a_console_token_is_fresh_for_a_minute_and_every_post_replaces_it(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let path = format!("/servers/{id}/vnc");
    let (status, first) = app.get(&path).await;
    assert_eq!(status, 200, "{first}");
    let vnc = &first["data"]["vnc"];
    assert_eq!((&vnc["enabled"], &vnc["hostname"], &vnc["ip"]), (&json!(false), &json!(null), &json!("127.0.0.1")));
    assert_eq!(vnc["password"].as_str().unwrap().len(), 8);
    let token = vnc["wss"]["token"].as_str().unwrap();
    assert_eq!(vnc["wss"]["url"], format!("/vnc/?token={token}"));
    assert_eq!(app.get(&path).await.1, first, "the present token while it is fresh");
    app.pass(61 * SECOND);
    assert_ne!(app.get(&path).await.1, first, "a new one when it is too old");
    let mut tokens = vec![token.to_owned()];
    for (body, enabled) in [
        (json!({ "action": "enable" }), true),
        (json!({ "vnc": false }), false),
        (json!({ "enabled": "true" }), true),
        (json!([]), true),
        (json!({ "action": "DISABLE" }), false),
    ] {
        let (status, answer) = app.post(&path, body).await;
        assert_eq!((status, &answer["data"]["vnc"]["enabled"]), (200, &json!(enabled)));
        assert_eq!(answer["data"]["queueId"], json!(null));
        let token = answer["data"]["vnc"]["wss"]["token"].as_str().unwrap().to_owned();
        assert!(!tokens.contains(&token));
        tokens.push(token);
    }
    assert_eq!(app.post(&path, json!({ "action": "toggle" })).await.0, 422);
    let (status, serial) = app.post(&format!("/servers/{id}/console"), json!({})).await;
    assert_eq!(status, 200, "{serial}");
    assert!(serial["data"]["wss"]["url"].as_str().unwrap().starts_with("/vnc/serial?token="));
    // A plain GET opens nothing and uses no token up.
    let plain = reqwest::get(format!("{}/vnc/?token={token}", app.url)).await.unwrap();
    assert_eq!(plain.status(), 405);
    for (origin, token, status) in [("https://evil.example", token, 403), ("", "unknown", 403)] {
        assert_eq!(upgrade(&app, origin, token).await, status);
    }
}

/// The status of an attempt to open a socket.
async fn upgrade(app: &App, origin: &str, token: &str) -> u16 {
    let mut request = reqwest::Client::new()
        .get(format!("{}/vnc/?token={token}", app.url))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    if !origin.is_empty() {
        request = request.header("origin", origin);
    }
    request.send().await.unwrap().status().as_u16()
}

async fn the_node_hears_of_a_screen_that_is_switched(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let generation = async || berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap().generation;
    let queued = async || app.get(&format!("/queue?serverId={id}&state=queued")).await.1["total"].clone();
    let before = generation().await;
    for (body, generations, jobs) in [
        (json!({ "action": "disable" }), 0, 0),
        (json!([]), 0, 0),
        (json!({ "action": "enable" }), 1, 1),
        (json!({ "vnc": true }), 1, 1),
        (json!({ "action": "disable" }), 2, 1),
    ] {
        assert_eq!(app.post(&format!("/servers/{id}/vnc"), body.clone()).await.0, 200);
        assert_eq!((generation().await - before, queued().await), (generations, json!(jobs)), "{body}");
    }
}

async fn t15_a_token_opens_one_console_of_its_kind_within_a_minute(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let fresh = async || {
        let (_, answer) = app.post(&format!("/servers/{id}/vnc"), json!({ "action": "enable" })).await;
        answer["data"]["vnc"].clone()
    };
    let open = async |kind, token: &str| server_console::open(&app.ctx, kind, token).await.ok();
    let vnc = fresh().await;
    let token = vnc["wss"]["token"].as_str().unwrap();
    assert!(open(ConsoleKind::Serial, token).await.is_none(), "a token of the screen opens no terminal");
    // Of many who come with it at once, one gets in.
    let all = futures::future::join_all((0..10).map(|_| open(ConsoleKind::Vnc, token))).await;
    let [opening] = &all.into_iter().flatten().collect::<Vec<_>>()[..] else { panic!("not once") };
    assert_eq!((opening.server.id, opening.password.as_str()), (id, vnc["password"].as_str().unwrap()));
    assert!(open(ConsoleKind::Vnc, token).await.is_none());
    assert_ne!(app.get(&format!("/servers/{id}/vnc")).await.1["data"]["vnc"], vnc, "used up, so a new one");
    let old = fresh().await;
    app.pass(61 * SECOND);
    assert!(open(ConsoleKind::Vnc, old["wss"]["token"].as_str().unwrap()).await.is_none());
    for (row, why) in [
        (server::ActiveModel { vnc_enabled: Set(false), ..Default::default() }, "switched off"),
        (server::ActiveModel { vnc_enabled: Set(true), suspended: Set(true), ..Default::default() }, "suspended"),
        (server::ActiveModel { suspended: Set(false), deleting: Set(true), ..Default::default() }, "deleted"),
    ] {
        let token = fresh().await;
        rows::change(&app, id, row).await;
        assert!(open(ConsoleKind::Vnc, token["wss"]["token"].as_str().unwrap()).await.is_none(), "{why}");
        let back = server::ActiveModel { suspended: Set(false), deleting: Set(false), ..Default::default() };
        rows::change(&app, id, back).await;
    }
}
