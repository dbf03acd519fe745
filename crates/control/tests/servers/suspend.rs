//! Suspension.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    modify::{put, queued, shown},
    rows,
};

berth_store::on_both_databases!(
    a_suspended_server_is_locked_and_its_flag_is_there_at_once,
    suspension_waits_for_nobody_and_twice_is_once,
    unsuspending_calls_a_delayed_deletion_off,
    of_suspensions_at_once_the_end_is_one_of_them,
);

async fn order(app: &App, id: i64, what: &str) {
    assert_eq!(app.post(&format!("/servers/{id}/{what}"), json!([])).await, (204, Value::Null), "{what}");
}

async fn a_suspended_server_is_locked_and_its_flag_is_there_at_once(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    assert_eq!(app.post(&format!("/servers/{id}/vnc"), json!({ "vnc": true })).await.0, 200);
    order(&app, id, "suspend").await;
    let server = shown(&app, id).await;
    assert_eq!(
        (&server["suspended"], &server["vnc"]["enabled"], &server["state"]),
        (&json!(true), &json!(false), &json!("complete"))
    );
    assert_eq!(
        queued(&app, id).await,
        ["modify_server", "suspend_server"],
        "the node hears of the screen, then of this"
    );
    let token = berth_store::console_token::fresh(app.ctx.store.read(), id, "vnc", app.ctx.now()).await.unwrap();
    assert_eq!(token, None);
    let build = json!({ "operatingSystemId": company.template });
    for (method, path) in [
        ("POST", "power/boot"),
        ("POST", "power/shutdown"),
        ("POST", "power/restart"),
        ("POST", "power/poweroff"),
        ("POST", "build"),
        ("POST", "resetPassword"),
        ("POST", "vnc"),
        ("GET", "vnc"),
        ("POST", "console"),
    ] {
        let body = (method == "POST").then(|| build.to_string());
        let (status, body) = app.call(method, &format!("/servers/{id}/{path}"), body).await;
        assert_eq!((status, &body["msg"]), (423, &json!("The server is suspended.")), "{method} {path}");
    }
    for (path, body) in [
        ("modify/memory", json!({ "memory": 1024 })),
        ("modify/name", json!({ "name": "x" })),
        ("modify/traffic", json!({ "traffic": 5 })),
        ("owner/1", json!({})),
    ] {
        assert_eq!(put(&app, &format!("/servers/{id}/{path}"), body).await.0, 201, "{path}");
    }
    assert_eq!(put(&app, &format!("/servers/{id}/package/{}", company.package), json!({})).await.0, 200);
    order(&app, id, "unsuspend").await;
    let server = shown(&app, id).await;
    assert_eq!((&server["suspended"], &server["vnc"]["enabled"]), (&json!(false), &json!(true)));
    assert_eq!(app.post(&format!("/servers/{id}/power/boot"), json!({})).await.0, 200);
    order(&app, id, "suspend").await;
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204, "a suspended server can be deleted");
}

async fn suspension_waits_for_nobody_and_twice_is_once(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    // Nothing is on a node yet.
    for what in ["suspend", "suspend", "unsuspend", "unsuspend"] {
        order(&app, id, what).await;
        assert_eq!(queued(&app, id).await, [] as [&str; 0]);
    }
    let build = json!({ "operatingSystemId": company.template });
    assert_eq!(app.post(&format!("/servers/{id}/build"), build).await.0, 200);
    for _ in 0..3 {
        order(&app, id, "suspend").await;
    }
    assert_eq!(queued(&app, id).await, ["build_server", "suspend_server"]);
    order(&app, id, "unsuspend").await;
    assert_eq!(queued(&app, id).await, ["build_server", "suspend_server", "unsuspend_server"]);
    let (_, log) = app.get("/audit?action=suspend_server").await;
    assert_eq!(log["total"], 2, "what changed nothing is no change: {log}");
    let last = &log["data"][0];
    assert_eq!((&last["before"]["suspended"], &last["after"]["suspended"]), (&json!(false), &json!(true)));
}

async fn unsuspending_calls_a_delayed_deletion_off(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    for suspended in [true, false] {
        if suspended {
            order(&app, id, "suspend").await;
        }
        assert_eq!(app.delete(&format!("/servers/{id}?delay=60")).await.0, 204);
        order(&app, id, "unsuspend").await;
        let server = shown(&app, id).await;
        assert_eq!((&server["deleteLevel"], &server["suspended"]), (&json!(0), &json!(false)));
        assert_eq!(server["tasks"]["actions"]["pending"], json!([]));
    }
}

async fn of_suspensions_at_once_the_end_is_one_of_them(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let calls = (0..8).map(|n| {
        let (app, what) = (&app, if n % 2 == 0 { "suspend" } else { "unsuspend" });
        async move { app.post(&format!("/servers/{id}/{what}"), json!({})).await.0 }
    });
    assert_eq!(futures::future::join_all(calls).await, [204; 8]);
    let queued = queued(&app, id).await;
    let alternate = queued.iter().enumerate().all(|(n, action)| (action == "suspend_server") == (n % 2 == 0));
    assert!(alternate, "{queued:?}");
    assert_eq!(shown(&app, id).await["suspended"], queued.len() % 2 == 1);
}
