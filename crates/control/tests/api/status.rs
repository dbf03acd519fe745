//! `GET /status`: well, or not and why.

use std::time::Duration;

use berth_control::{nodes, scheduler};
use berth_store::testing::Database;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{app::App, shop};

berth_store::on_both_databases!(a_check_that_fails_is_told_and_makes_it_503);

const MINUTE: i64 = 60_000_000;

async fn status(app: &App) -> (u16, Value) {
    let (status, body) = app.get("/status").await;
    assert_eq!(body["data"]["healthy"], status == 200, "one flag and the status say the same: {body}");
    (status, body["data"].clone())
}

async fn eventually(app: &App, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let (_, body) = status(app).await;
            if wanted(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found).await.expect("it changes in a minute")
}

async fn a_check_that_fails_is_told_and_makes_it_503(database: Database) {
    let kind = if database.url.starts_with("postgres") { "postgresql" } else { "sqlite" };
    let app = App::start(database).await;
    let (code, just_started) = status(&app).await;
    assert_eq!((code, &just_started["database"]["kind"]), (200, &json!(kind)), "{just_started}");
    assert_eq!(just_started["version"], env!("CARGO_PKG_VERSION"));
    assert!(just_started["database"]["answeredMs"].is_f64());
    assert!(just_started["scheduledTasks"]["tasks"].as_array().unwrap().len() > 1, "{just_started}");

    // Nothing takes the tasks up, and that shows after a while.
    app.pass(4 * 60 * MINUTE);
    let (code, stuck) = status(&app).await;
    assert_eq!((code, &stuck["scheduledTasks"]["healthy"]), (503, &json!(false)), "{stuck}");
    let shutdown = CancellationToken::new();
    tokio::spawn(scheduler::run(app.ctx.clone(), "test".to_owned(), shutdown.clone()));
    eventually(&app, |body| body["healthy"] == true).await;

    // A node that is not heard is missed, unless it is meant to be away.
    let _nodes = shop::open(&app.ctx, 1).await.unwrap();
    let away = eventually(&app, |body| body["hypervisors"]["healthy"] == false).await;
    let alert = &away["hypervisors"]["alerts"][0];
    assert!(alert["alert"].as_str().unwrap().starts_with("Nothing is heard of the hypervisor"), "{away}");
    let watching = tokio::spawn(nodes::watch::run(app.ctx.clone(), shutdown.clone()));
    let (code, queued) = app.post("/compute/hypervisors/1/selftest", json!({})).await;
    assert_eq!(code, 200, "{queued}");
    let well = eventually(&app, |body| body["hypervisors"]["healthy"] == true).await;
    assert_eq!((&well["cache"]["hypervisors"], &well["hypervisors"]["total"]), (&json!(1), &json!(1)));
    assert!(well["queue"]["queued"].as_i64().unwrap() >= 1, "a self-test waits: {well}");
    shutdown.cancel();
    watching.await.unwrap();
}
