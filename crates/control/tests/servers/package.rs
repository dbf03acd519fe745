//! Another package for a server.

use berth_store::{entity::hypervisor, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use crate::{
    app::App,
    modify::{limit, put, queued, shown},
    rows::{self, Company},
};

berth_store::on_both_databases!(
    a_server_takes_over_what_its_package_says,
    only_what_is_asked_for_is_taken_over,
    what_stays_is_said_and_is_no_mistake,
    what_can_not_be_done_changes_nothing,
    of_two_packages_at_once_the_server_is_wholly_one,
);

async fn made(app: &App, name: &str, memory: i64, disk: i64) -> i64 {
    made_with_plan(app, name, memory, disk, 0).await
}

async fn made_with_plan(app: &App, name: &str, memory: i64, disk: i64, plan: i64) -> i64 {
    let package = json!({
        "backupPlanId": plan,
        "name": name, "memory": memory, "primaryStorage": disk, "cpuCores": 4, "traffic": 77,
        "primaryNetworkSpeedIn": 100, "primaryNetworkSpeedOut": 200, "primaryStorageReadBytesSec": 1000,
        "primaryStorageWriteBytesSec": 2000, "primaryStorageReadIopsSec": 30, "primaryStorageWriteIopsSec": 40,
        "primaryNetworkPacketsPerSecond": 5000,
    });
    let (status, body) = app.post("/packages", package).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["id"].as_i64().unwrap()
}

async fn world(database: Database) -> (App, Company, i64) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    (app, company, id)
}

async fn package_of(app: &App, id: i64) -> i64 {
    berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap().package_id
}

/// What its node is told, and makes filters of.
async fn packets_of_spec(app: &App, id: i64) -> u32 {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), id).await.unwrap().unwrap();
    let spec = berth_control::spec::trial_spec(&app.ctx, &details).unwrap();
    assert!(spec.required_features.contains(&"interfaces.v1".to_owned()), "{:?}", spec.required_features);
    spec.interfaces[0].packets_s
}

async fn a_server_takes_over_what_its_package_says(database: Database) {
    let (app, _, id) = world(database).await;
    let large = made(&app, "Large", 2048, 50).await;
    let (status, body) = app.call("PUT", &format!("/servers/{id}/package/{large}"), None).await;
    assert_eq!((status, &body), (200, &json!({ "info": ["backup plan not updated. It matches the current value"] })));
    let server = shown(&app, id).await;
    assert_eq!(server["settings"]["resources"], json!({ "memory": 2048, "storage": 50, "traffic": 77, "cpuCores": 4 }));
    let (disk, interface) = (&server["storage"][0], &server["network"]["interfaces"][0]);
    assert_eq!(
        (&disk["bytes"], &disk["iops"]),
        (&json!({ "read": 1000, "write": 2000 }), &json!({ "read": 30, "write": 40 }))
    );
    assert_eq!((&interface["inAverage"], &interface["outAverage"]), (&json!(100), &json!(200)));
    assert_eq!((&interface["packetsPerSecond"], packets_of_spec(&app, id).await), (&json!(5000), 5000));
    assert_eq!((package_of(&app, id).await, queued(&app, id).await), (large, vec!["modify_server".to_owned()]));
    let (_, log) = app.get("/audit?action=change_package").await;
    let (before, after) = (&log["data"][0]["before"], &log["data"][0]["after"]);
    assert_eq!((&before["memory"], &after["memory"], &after["package"]), (&json!(512), &json!(2048), &json!(large)));
}

async fn only_what_is_asked_for_is_taken_over(database: Database) {
    let (app, _, id) = world(database).await;
    let (_, plan) = app.post("/backups/plans", json!({ "name": "Nightly" })).await;
    let plan = plan["data"]["id"].as_i64().unwrap();
    let large = made_with_plan(&app, "Large", 2048, 50, plan).await;
    let none = json!({
        "backupPlan": false, "cpu": "false", "memory": 0, "primaryDiskReadIOPS": false,
        "primaryDiskReadThroughput": false, "primaryDiskSize": false, "primaryDiskWriteIOPS": false,
        "primaryDiskWriteThroughput": false, "primaryNetworkInboundSpeed": false, "primaryNetworkOutboundSpeed": false,
        "primaryNetworkTraffic": false, "primaryNetworkPacketsPerSecond": false,
    });
    let before = shown(&app, id).await;
    let path = format!("/servers/{id}/package/{large}");
    assert_eq!(put(&app, &path, none.clone()).await, (200, json!({ "info": [] })));
    assert_eq!((package_of(&app, id).await, queued(&app, id).await), (large, Vec::new()));
    assert_eq!(shown(&app, id).await["settings"], before["settings"]);
    for (flag, pointer, value) in [
        ("memory", "/settings/resources/memory", json!(2048)),
        ("cpu", "/cpu/cores", json!(4)),
        ("primaryDiskSize", "/storage/0/capacity", json!(50)),
        ("primaryDiskReadIOPS", "/storage/0/iops/read", json!(30)),
        ("primaryDiskWriteIOPS", "/storage/0/iops/write", json!(40)),
        ("primaryDiskReadThroughput", "/storage/0/bytes/read", json!(1000)),
        ("primaryDiskWriteThroughput", "/storage/0/bytes/write", json!(2000)),
        ("primaryNetworkInboundSpeed", "/network/interfaces/0/inAverage", json!(100)),
        ("primaryNetworkOutboundSpeed", "/network/interfaces/0/outAverage", json!(200)),
        ("primaryNetworkPacketsPerSecond", "/network/interfaces/0/packetsPerSecond", json!(5000)),
        ("primaryNetworkTraffic", "/settings/resources/traffic", json!(77)),
        ("backupPlan", "/backupPlan", json!({ "id": plan, "name": "Nightly" })),
    ] {
        let mut wanted = none.clone();
        wanted[flag] = json!(true);
        assert_ne!(shown(&app, id).await.pointer(pointer), Some(&value), "{flag}");
        assert_eq!(put(&app, &path, wanted).await, (200, json!({ "info": [] })), "{flag}");
        assert_eq!(shown(&app, id).await.pointer(pointer), Some(&value), "{flag}");
    }
}

async fn what_stays_is_said_and_is_no_mistake(database: Database) {
    let (app, company, id) = world(database).await;
    let (status, body) = put(&app, &format!("/servers/{id}/package/{}", company.package), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let said = [
        "memory",
        "CPU cores",
        "primary disk",
        "traffic",
        "primary network speed inbound",
        "primary network speed outbound",
        "backup plan",
        "read IOPS",
        "write IOPS",
        "read bytes/sec",
        "write bytes/sec",
    ];
    let sentences = body["info"].as_array().unwrap();
    assert_eq!(sentences.len(), said.len(), "{body}");
    for (sentence, what) in sentences.iter().zip(said) {
        let why = if what == "primary disk" { "It either matches or is lower than" } else { "It matches" };
        assert_eq!(sentence, &json!(format!("{what} not updated. {why} the current value")));
    }
    assert_eq!(queued(&app, id).await, [] as [&str; 0]);
    let bound = made(&app, "Bound", 512, 5).await;
    let path = format!("/servers/{id}/package/{bound}");
    let packets = json!("primary network packets per second not updated. It matches the current value");
    let has = |answer: (u16, Value)| answer.1["info"].as_array().unwrap().contains(&packets);
    assert!(!has(put(&app, &path, json!({})).await) && has(put(&app, &path, json!({})).await));
    let small = made(&app, "Small disk", 256, 1).await;
    let (status, body) = put(&app, &format!("/servers/{id}/package/{small}"), json!([])).await;
    let disk = "primary disk not updated. It either matches or is lower than the current value";
    assert!(status == 200 && body["info"].as_array().unwrap().contains(&json!(disk)), "{body}");
    let resources = shown(&app, id).await["settings"]["resources"].take();
    assert_eq!((&resources["memory"], &resources["storage"]), (&json!(256), &json!(5)), "the rest is done");
}

async fn what_can_not_be_done_changes_nothing(database: Database) {
    let (app, company, id) = world(database).await;
    let large = made(&app, "Large", 2048, 50).await;
    let (_, body) = app
        .post(
            "/packages",
            json!({
                "name": "Off", "memory": 600, "primaryStorage": 6, "cpuCores": 1, "enabled": false,
            }),
        )
        .await;
    let off = body["data"]["id"].clone();
    limit(&app, &company, hypervisor::ActiveModel { max_memory_mib: Set(1024), ..Default::default() }).await;
    let before = shown(&app, id).await;
    let refused = |sentence: &str| (422, json!({ "errors": [sentence] }));
    for package in [json!(999), json!(0), json!(-1), json!("x"), off] {
        let package = package.as_str().map_or_else(|| package.to_string(), str::to_owned);
        let answer = put(&app, &format!("/servers/{id}/package/{package}"), json!({})).await;
        assert_eq!(answer, refused("Invalid or disabled package"), "{package}");
    }
    let path = format!("/servers/{id}/package/{large}");
    let full = "Hypervisor hv0 has 512 MB of memory free, and 1536 more are needed.";
    assert_eq!(put(&app, &path, json!({})).await, refused(full));
    for wrong in [json!({ "cpu": "maybe" }), json!({ "memory": [1] }), json!({ "primaryDiskSize": {} }), json!("x")] {
        let (status, body) = put(&app, &path, wrong).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{body}");
    }
    assert_eq!(shown(&app, id).await, before);
    assert_eq!((package_of(&app, id).await, queued(&app, id).await), (company.package, Vec::new()));
}

async fn of_two_packages_at_once_the_server_is_wholly_one(database: Database) {
    let (app, _, id) = world(database).await;
    let packages = [made(&app, "One", 1024, 10).await, made(&app, "Two", 2048, 20).await];
    let calls = packages.into_iter().cycle().take(6).map(|package| {
        let app = &app;
        async move { put(app, &format!("/servers/{id}/package/{package}"), json!({})).await.0 }
    });
    assert_eq!(futures::future::join_all(calls).await, [200; 6]);
    let memory = shown(&app, id).await["settings"]["resources"]["memory"].take();
    let wanted: Value = if package_of(&app, id).await == packages[0] { json!(1024) } else { json!(2048) };
    assert_eq!(memory, wanted);
    let allocated = shown(&app, id).await["hypervisor"]["resources"]["memory"]["allocated"].take();
    assert_eq!((allocated, queued(&app, id).await.len()), (wanted, 1));
}
