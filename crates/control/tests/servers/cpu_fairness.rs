//! Servers that use more than their share of processors for long: throttled, told of, and let go by themselves.

use berth_control::{actions::cpu_fairness, clock::MINUTE, spec};
use berth_proto as proto;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    rows,
};

berth_store::on_both_databases!(
    sustained_use_is_throttled_recorded_and_lifted_by_itself,
    shares_of_packages_are_set_and_read,
);

/// What the server's node says, for each processor in full use 100, and a look at it.
async fn used(app: &App, server: i64, cpu_percent: f64) {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let stats = proto::ServerStats {
        server_uuid: details.server.uuid.to_string(),
        power: proto::Power::Running.into(),
        cpu_percent,
        cpu_steal_percent: 2.5,
        ..Default::default()
    };
    let sample = proto::StatsSample { servers: vec![stats], ..Default::default() };
    app.pass(MINUTE);
    app.ctx.live.store(details.hypervisor.uuid, sample, app.ctx.now());
    cpu_fairness::look_at_all(&app.ctx).await.unwrap();
}

/// What its node is told that it gets of its processors' time.
async fn told(app: &App, server: i64) -> u32 {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    spec::trial_spec(&app.ctx, &details).unwrap().cpu_throttle_percent
}

async fn sustained_use_is_throttled_recorded_and_lifted_by_itself(database: Database) {
    let app = App::start_with(database, with_mail).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    order["cpuCores"] = json!(2);
    let (status, made) = app.post("/servers", order).await;
    assert_eq!(status, 201, "{made}");
    let server = made["data"]["id"].as_i64().unwrap();
    let standing = async || app.get(&format!("/servers/{server}/cpuFairness")).await.1["data"].clone();
    let none = json!({ "used": null, "steal": null, "overSince": null, "throttled": false, "throttle": null,
                       "throttledUntil": null });
    assert_eq!(standing().await, none);
    used(&app, server, 200.0).await;
    assert_eq!(standing().await["used"], Value::Null, "nobody asked for a share");

    let policy = json!({ "share": 80, "minutes": 3, "throttle": 40, "throttleMinutes": 10 });
    let path = format!("/packages/{}/cpuFairness", company.package);
    assert_eq!(app.call("PUT", &path, Some(policy.to_string())).await.0, 204);
    for _ in 0..5 {
        used(&app, server, 155.0).await;
    }
    let idle = standing().await;
    assert_eq!((&idle["used"], &idle["overSince"], &idle["steal"]), (&json!(78), &Value::Null, &json!(2.5)));
    for _ in 0..3 {
        used(&app, server, 190.0).await;
        assert_eq!(standing().await["throttled"], false);
    }
    assert!(standing().await["overSince"].is_string());
    used(&app, server, 190.0).await;
    let throttled = standing().await;
    assert_eq!((&throttled["throttled"], &throttled["throttle"]), (&json!(true), &json!(40)));
    assert!(throttled["throttledUntil"].is_string());
    assert_eq!(told(&app, server).await, 40);
    let entries = app.get("/audit?action=throttle_cpu").await.1;
    assert_eq!((&entries["total"], &entries["data"][0]["after"]["used"]), (&json!(1), &json!(95)));

    assert_eq!(app.mailed().await, ["cpu_throttle"], "its owner was written");

    // A throttle of its own that is stricter holds beside it.
    let own = format!("/servers/{server}/modify/cpuThrottle");
    assert_eq!(app.call("PUT", &own, Some(json!({ "percent": 75 }).to_string())).await.0, 201);
    assert_eq!(told(&app, server).await, 25);
    for _ in 0..9 {
        used(&app, server, 80.0).await;
    }
    assert_eq!(standing().await["throttled"], true);
    assert_eq!(app.mailed().await, ["cpu_throttle"], "once");
    used(&app, server, 80.0).await;
    let free = standing().await;
    assert_eq!((&free["throttled"], &free["throttledUntil"]), (&json!(false), &Value::Null));
    assert_eq!(app.get("/audit?action=unthrottle_cpu").await.1["total"], 1);
    assert_eq!(told(&app, server).await, 25, "its own throttle stays");
    assert_eq!(letters(&app).await, (1, 1), "its owner was written that it is over");

    // Whoever takes the share away lets go of those that are throttled.
    for _ in 0..4 {
        used(&app, server, 200.0).await;
    }
    assert_eq!(standing().await["throttled"], true);
    assert_eq!(app.call("PUT", &path, Some(json!({ "share": 0 }).to_string())).await.0, 204);
    used(&app, server, 200.0).await;
    assert_eq!(standing().await["throttled"], false);
    assert_eq!(letters(&app).await, (2, 2), "of each throttle its beginning and its end");
}

/// How many were written of throttles that began, and of those that ended.
async fn letters(app: &App) -> (usize, usize) {
    let all = app.mailed().await;
    let of = |kind: &str| all.iter().filter(|letter| *letter == kind).count();
    assert_eq!(of("cpu_throttle") + of("cpu_throttle_ended"), all.len());
    (of("cpu_throttle"), of("cpu_throttle_ended"))
}

async fn shares_of_packages_are_set_and_read(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/packages/{}/cpuFairness", company.package);
    let off = json!({ "share": 0, "minutes": 0, "throttle": 0, "throttleMinutes": 0 });
    assert_eq!(app.get(&path).await.1["data"], off);
    let policy = json!({ "share": "80", "minutes": 60, "throttle": 50, "throttleMinutes": 30 });
    assert_eq!(app.call("PUT", &path, Some(policy.to_string())).await, (204, Value::Null));
    assert_eq!(app.get(&path).await.1["data"]["share"], 80);
    for (field, wrong) in [
        ("share", json!(101)),
        ("share", json!(-1)),
        ("minutes", json!(0)),
        ("minutes", json!(1441)),
        ("throttle", json!(100)),
        ("throttle", json!(0)),
        ("throttleMinutes", json!(0)),
        ("throttleMinutes", json!("long")),
        ("more", json!(1)),
    ] {
        let mut body = policy.clone();
        body[field] = wrong;
        let (status, answer) = app.call("PUT", &path, Some(body.to_string())).await;
        assert!(status == 422 && answer["errors"].to_string().contains(field), "{body}: {answer}");
    }
    assert_eq!(app.call("PUT", &path, Some(json!({ "share": 0, "minutes": 7 }).to_string())).await.0, 204);
    assert_eq!(app.get(&path).await.1["data"], off);
    assert_eq!(app.get("/packages/999/cpuFairness").await, (404, json!({ "msg": "package not found" })));
    assert_eq!(app.get("/servers/999/cpuFairness").await, (404, json!({ "msg": "server not found" })));
}
