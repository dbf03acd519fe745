//! Packages over HTTP: made from little, changed without touching servers, and kept while somebody has them.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    a_name_alone_makes_a_package_that_is_disabled,
    packages_are_changed_and_servers_keep_what_they_have,
    wrong_changes_of_packages_are_refused,
    packages_in_use_stay,
);

async fn a_name_alone_makes_a_package_that_is_disabled(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (status, body) = app.post("/packages", json!({ "name": "Bare" })).await;
    assert_eq!(status, 201, "{body}");
    let data = &body["data"];
    assert_eq!(
        (&data["enabled"], &data["memory"], &data["primaryStorage"], &data["cpuCores"]),
        (&json!(false), &json!(1024), &json!(10), &json!(1))
    );
    let mut order = company.order();
    order["packageId"] = data["id"].clone();
    let (status, refused) = app.post("/servers", order.clone()).await;
    assert_eq!((status, refused), (422, json!({ "errors": ["Invalid or disabled package"] })));
    let (status, refused) = app.post("/packages", json!({ "name": "Bold", "enabled": true })).await;
    assert!(status == 422 && refused["errors"][0].as_str().unwrap().contains("enabled"), "{refused}");
    assert_eq!(app.put(&format!("/packages/{}", data["id"]), json!({ "enabled": true })).await.0, 200);
    assert_eq!(app.post("/servers", order).await.0, 201);
}

async fn packages_are_changed_and_servers_keep_what_they_have(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = format!("/servers/{}", company.server(&app).await);
    let (_, before) = app.get(&server).await;
    let path = format!("/packages/{}", company.package);
    let change = json!({
        "name": "Large", "description": "More of it.", "memory": "2048", "primaryStorage": 40, "cpuCores": 4,
        "traffic": 5000, "primaryNetworkSpeedIn": 1000, "primaryDiskType": "raw", "primaryStorageReadIopsSec": 500,
        "primaryNetworkPacketsPerSecond": "20000",
    });
    let (status, body) = app.put(&path, change).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["data"]["memory"], &body["data"]["primaryStorageReadIopsSec"]), (&json!(2048), &json!(500)));
    assert_eq!(app.get(&path).await.1, body);
    let (_, after) = app.get(&server).await;
    assert_eq!(before["data"]["settings"]["resources"], after["data"]["settings"]["resources"]);
    let packets = "/data/network/interfaces/0/packetsPerSecond";
    assert_eq!(after.pointer(packets), Some(&json!(0)));
    let (_, body) = app.put(&path, json!({ "description": null, "primaryStorageReadIopsSec": null })).await;
    assert_eq!(
        (&body["data"]["description"], &body["data"]["primaryStorageReadIopsSec"]),
        (&Value::Null, &Value::Null)
    );
    let id = company.server(&app).await;
    let (_, server) = app.get(&format!("/servers/{id}")).await;
    assert_eq!(server["data"]["settings"]["resources"]["memory"], 2048, "new ones have the new size");
    assert_eq!(server.pointer(packets), Some(&json!(20_000)));
}

async fn wrong_changes_of_packages_are_refused(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/packages/{}", company.package);
    let (_, before) = app.get(&path).await;
    for (field, wrong) in [
        ("name", json!("")),
        ("memory", json!(63)),
        ("memory", json!(i64::MAX)),
        ("primaryStorage", json!(0)),
        ("cpuCores", json!("$(id)")),
        ("traffic", json!(-1)),
        ("primaryDiskType", json!("vmdk")),
        ("primaryStorageProfile", json!(i64::MAX)),
        ("primaryNetworkProfile", json!(21)),
        ("primaryStorageWriteBytesSec", json!(-5)),
        ("primaryNetworkPacketsPerSecond", json!(-1)),
        ("primaryNetworkPacketsPerSecond", json!(100_000_001)),
        ("backupPlanId", json!(1)),
        ("price", json!(1)),
    ] {
        let (status, answer) = app.put(&path, json!({ field: wrong })).await;
        let sentence = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && sentence.contains(field), "{field} {wrong}: {status} {answer}");
    }
    assert_eq!(app.post("/packages", json!({ "name": "Other" })).await.0, 201);
    assert_eq!(app.put(&path, json!({ "name": "Other" })).await.0, 409);
    assert_eq!(app.get(&path).await.1, before);
    assert_eq!(app.put("/packages/999", json!({})).await, (404, json!({ "msg": "package not found" })));
}

async fn packages_in_use_stay(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/packages/{}", company.package);
    let server = company.server(&app).await;
    let kept = json!({ "packageIds": [company.package] });
    assert_eq!(app.put(&format!("/media/templates/{}", company.template), kept).await.0, 200);
    let (status, answer) = app.remove(&path).await;
    let wanted = json!({ "errors": [
        "1 servers are of package Small; disable it instead.",
        "1 templates are kept for this package alone: micro.",
    ] });
    assert_eq!((status, answer), (422, wanted));
    let (_, made) = app.post("/packages", json!({ "name": "Unused" })).await;
    let unused = format!("/packages/{}", made["data"]["id"]);
    assert_eq!(app.delete(&unused).await.0, 422, "not without a confirmation");
    assert_eq!((app.remove(&unused).await.0, app.get(&unused).await.0), (204, 404));
    assert_eq!(app.get(&format!("/servers/{server}")).await.0, 200);
}
