//! Storage points over HTTP: what is kept of them, where disks go, and what is in the way.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    rows::{self, Company},
};

berth_store::on_both_databases!(
    points_are_added_changed_and_removed,
    wrong_points_are_refused_with_the_field,
    disks_go_where_their_profile_says_and_are_counted_there,
    a_point_with_disks_stays_and_says_how_many,
    a_point_takes_disks_only_after_its_test_and_while_it_is_enabled,
    the_nodes_own_folder_takes_disks_only_after_its_test_like_any_other,
    a_disk_grows_where_it_is,
    as_many_as_are_told_fit_on_the_storage_that_they_ask_for,
);

const UNTESTED: &str = "takes no disks: its self-test has not passed yet. One is queued when a node joins; another is \
                        started with POST /compute/hypervisors/{hypervisorId}/selftest.";

fn storage(company: &Company) -> String {
    format!("/compute/hypervisors/{}/storage", company.hypervisors[0])
}

/// A storage point whose test passed; its id.
async fn point(app: &App, company: &Company, kind: &'static str, location: &'static str, capacity: i64) -> i64 {
    let field = if location.starts_with('/') { "path" } else { "pool" };
    let body = json!({ "name": format!("{kind} {location}"), "type": kind, field: location, "capacity": capacity });
    let (status, answer) = app.post(&storage(company), body).await;
    assert_eq!(status, 201, "{answer}");
    rows::storage_tested(app, company.hypervisors[0], kind, location, true).await;
    answer["data"]["id"].as_i64().unwrap()
}

async fn points_are_added_changed_and_removed(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let (_, body) = app.get(&storage(&company)).await;
    let local = &body["data"][0];
    assert_eq!(body["data"].as_array().unwrap().len(), 1, "its own folder");
    assert_eq!((&local["id"], &local["type"], &local["storageType"]), (&json!(0), &json!("directory"), &json!(1)));
    assert_eq!(local["path"], "/var/lib/berth/agent/volumes");
    assert_eq!((&local["usage"], &local["alerted"]), (&Value::Null, &Value::Null));
    assert_eq!(local["selftest"]["passed"], true, "its node was tested when it joined");

    let body =
        json!({ "name": " SSD ", "type": "mountpoint", "path": "/mnt/ssd", "capacity": "200", "diskType": "raw" });
    let (status, made) = app.post(&storage(&company), body.clone()).await;
    assert_eq!(status, 201, "{made}");
    let data = &made["data"];
    assert_eq!((&data["name"], &data["storageType"], &data["pool"]), (&json!("SSD"), &json!(3), &Value::Null));
    assert_eq!((&data["max"], &data["free"], &data["alertPercent"]), (&json!(200), &json!(200), &json!(95)));
    assert_eq!(app.post(&storage(&company), body.clone()).await.0, 409);
    let other_name = json!({ "name": "other", "type": "mountpoint", "path": "/mnt/ssd" });
    assert_eq!(app.post(&storage(&company), other_name).await.0, 409, "the same place twice");
    let elsewhere = format!("/compute/hypervisors/{}/storage", company.hypervisors[1]);
    assert_eq!(app.post(&elsewhere, body).await.0, 201, "another node has one too");

    let path = format!("{}/{}", storage(&company), data["id"]);
    let (status, changed) = app.put(&path, json!({ "capacity": 100, "enabled": "0", "alertPercent": 80 })).await;
    assert_eq!(status, 200, "{changed}");
    let now = &changed["data"];
    assert_eq!((&now["capacity"], &now["enabled"], &now["alertPercent"]), (&json!(100), &json!(false), &json!(80)));
    assert_eq!(app.get(&storage(&company)).await.1["data"][1], *now);
    let (_, entries) = app.get("/audit?action=update_storage_point").await;
    assert_eq!(
        entries["data"][0]["before"],
        json!({ "name": "SSD", "capacity": 200, "enabled": true, "alertPercent": 95 })
    );
    let node = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    assert_eq!(app.put(&node, json!({ "storageOvercommitPercent": 150 })).await.0, 200);
    assert_eq!(app.get(&node).await.1["data"]["storage"][0]["max"], 150, "over-commit is the node's");

    let local = format!("{}/0", storage(&company));
    let (status, changed) = app.put(&local, json!({ "alertPercent": 70, "enabled": false })).await;
    assert_eq!((status, &changed["data"]["alertPercent"]), (200, &json!(70)), "{changed}");
    let other = format!("/compute/hypervisors/{}", company.hypervisors[1]);
    assert_eq!(app.put(&other, json!({ "prohibit": true })).await.0, 200);
    let (status, refused) = app.post("/servers", company.order()).await;
    assert_eq!(status, 422, "{refused}");
    let told = refused["errors"].as_array().unwrap();
    assert!(told.contains(&json!("The storage of hypervisor hv0 is disabled.")), "{refused}");
    assert_eq!(app.delete(&local).await.0, 422, "its own folder stays");
    assert_eq!(app.delete(&path).await.0, 204);
    assert_eq!(app.delete(&path).await.0, 404);
}

async fn wrong_points_are_refused_with_the_field(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let good = json!({ "name": "SSD", "type": "mountpoint", "path": "/mnt/ssd" });
    for (field, wrong) in [
        ("name", json!("ab")),
        ("type", json!("tape")),
        ("type", json!(3)),
        ("path", json!("mnt")),
        ("path", json!("/mnt/../etc")),
        ("path", json!("/")),
        ("pool", json!("tank")),
        ("capacity", json!(-1)),
        ("capacity", json!(1_i64 << 40)),
        ("alertPercent", json!(101)),
        ("enabled", json!("perhaps")),
        ("diskType", json!("vmdk")),
        ("testPassed", json!(true)),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        let (status, answer) = app.post(&storage(&company), body.clone()).await;
        let sentence = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && sentence.contains(field), "{body}: {status} {answer}");
    }
    for pool in ["vg0", "--force/x", "vg0/thin/x", "vg0/thin;ls", ""] {
        let body = json!({ "name": "LVM", "type": "lvm-thin", "pool": pool });
        assert_eq!(app.post(&storage(&company), body).await.0, 422, "{pool}");
    }
    let local = format!("{}/0", storage(&company));
    for change in [json!({ "name": "mine" }), json!({ "capacity": 5 }), json!({ "diskType": "raw" })] {
        assert_eq!(app.put(&local, change.clone()).await.0, 422, "{change}");
    }
    assert_eq!(app.get(&storage(&company)).await.1["data"].as_array().unwrap().len(), 1);
    for id in ["999", "x", "-1", "1"] {
        let path = format!("{}/{id}", storage(&company));
        assert_eq!(app.put(&path, json!({})).await.0, 404, "{id}: its own folder is 0 and nothing else");
        assert_eq!(app.delete(&path).await.0, 404, "{id}");
    }
    assert_eq!(app.get("/compute/hypervisors/999/storage").await.0, 404);
    assert_eq!(app.post("/compute/hypervisors/999/storage", good).await.0, 404);
}

fn order(company: &Company, more: Value) -> Value {
    let mut order = company.order();
    let fields = more.as_object().unwrap().clone();
    order.as_object_mut().unwrap().extend(fields);
    order
}

async fn disks_go_where_their_profile_says_and_are_counted_there(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let ssd = point(&app, &company, "mountpoint", "/mnt/ssd", 100).await;
    let lvm = point(&app, &company, "lvm-thin", "vg0/thin", 0).await;
    let more = json!({
        "storageProfile": 4, "additionalStorage1Enable": true, "additionalStorage1Profile": 3,
        "additionalStorage1Capacity": 20, "additionalStorage2Enable": true, "additionalStorage2Profile": 0,
        "additionalStorage2Capacity": 7,
    });
    let (status, body) = app.post("/servers", order(&company, more)).await;
    assert_eq!(status, 201, "{body}");
    let disks = body["data"]["storage"].as_array().unwrap();
    let of = |disk: &Value| (disk["hypervisorStorageId"].clone(), disk["type"].clone(), disk["locationType"].clone());
    assert_eq!(of(&disks[0]), (json!(lvm), json!("raw"), json!("lvm-thin")), "devices are raw");
    assert_eq!(of(&disks[1]), (json!(ssd), json!("qcow2"), json!("mountpoint")));
    assert_eq!(of(&disks[2]), (Value::Null, json!("qcow2"), json!("mountpoint")), "any is the node's own folder first");
    assert!(disks[1]["path"].as_str().unwrap().starts_with("/mnt/ssd/"));
    let (_, again) = app.get(&format!("/servers/{}", body["data"]["id"])).await;
    let resources = &again["data"]["hypervisor"]["resources"];
    assert_eq!(again["data"]["storage"], body["data"]["storage"]);
    assert_eq!(*resources, body["data"]["hypervisor"]["resources"], "the same from rows and from the create");
    assert_eq!(resources["localStorage"]["allocated"], 7);
    let others = resources["otherStorage"].as_array().unwrap();
    let of = |other: &Value| (other["id"].clone(), other["storageType"].clone(), other["allocated"].clone());
    assert_eq!(
        others.iter().map(of).collect::<Vec<_>>(),
        [(json!(ssd), json!(3), json!(20)), (json!(lvm), json!(4), json!(5)),]
    );
    assert_eq!(
        (&others[0]["max"], &others[0]["free"], &others[0]["path"]),
        (&json!(100), &json!(80), &json!("/mnt/ssd"))
    );
    assert_eq!((&others[1]["max"], &others[1]["free"], &others[1]["path"]), (&json!(0), &json!(-5), &Value::Null));
    let (_, group) = app.get(&format!("/compute/hypervisors/groups/{}/resources", company.group)).await;
    assert_eq!(group["data"][0]["resources"]["otherStorage"], resources["otherStorage"]);
    let (_, listed) = app.get(&storage(&company)).await;
    let allocated: Vec<_> = listed["data"].as_array().unwrap().iter().map(|point| point["allocated"].clone()).collect();
    assert_eq!(allocated, [7, 20, 5]);
    let package = format!("/packages/{}", company.package);
    assert_eq!(app.put(&package, json!({ "primaryStorageProfile": 3 })).await.0, 200);
    let (_, body) = app.post("/servers", company.order()).await;
    assert_eq!(body["data"]["storage"][0]["hypervisorStorageId"], ssd, "the package's profile");
    let (status, body) = app.post("/servers", order(&company, json!({ "storageProfile": 5 }))).await;
    assert_eq!((status, &body["errors"]), (422, &json!(["Hypervisor hv0 has no storage with the profile 5."])));
}

async fn a_point_with_disks_stays_and_says_how_many(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let ssd = point(&app, &company, "mountpoint", "/mnt/ssd", 100).await;
    let two_disks = json!({
        "storageProfile": 3, "additionalStorage1Enable": true, "additionalStorage1Profile": 3,
        "additionalStorage1Capacity": 20,
    });
    assert_eq!(app.post("/servers", order(&company, two_disks)).await.0, 201);
    assert_eq!(app.post("/servers", order(&company, json!({ "storageProfile": 3 }))).await.0, 201);
    let (status, answer) = app.delete(&format!("{}/{ssd}", storage(&company))).await;
    let wanted = "The storage point mountpoint /mnt/ssd has 3 disks of 2 servers; delete or move them first.";
    assert_eq!((status, &answer["errors"]), (422, &json!([wanted])));
}

async fn a_point_takes_disks_only_after_its_test_and_while_it_is_enabled(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let body = json!({ "name": "ZFS", "type": "zfs", "pool": "tank/vm", "capacity": 8 });
    let id = app.post(&storage(&company), body).await.1["data"]["id"].as_i64().unwrap();
    let wanted = order(&company, json!({ "storageProfile": 5 }));
    let refused = async || {
        let (status, body) = app.post("/servers?dryRun=true", wanted.clone()).await;
        assert_eq!(status, 422, "{body}");
        assert_eq!(app.post("/servers", wanted.clone()).await, (422, body.clone()), "as the trial said");
        body["errors"].clone()
    };
    let storage_is = |how: &str| json!([format!("The storage {id} (zfs) of hypervisor hv0 {how}")]);
    assert_eq!(refused().await, storage_is(UNTESTED));
    rows::storage_tested(&app, company.hypervisors[0], "zfs", "tank/vm", false).await;
    assert_eq!(refused().await, storage_is("failed its self-test."));
    rows::storage_tested(&app, company.hypervisors[0], "zfs", "tank/vm", true).await;
    assert_eq!(app.post("/servers", wanted.clone()).await.0, 201);
    assert_eq!(refused().await, storage_is("has 3 GB free."));
    assert_eq!(app.put(&format!("{}/{id}", storage(&company)), json!({ "enabled": false })).await.0, 200);
    assert_eq!(refused().await, storage_is("is disabled."));
}

async fn the_nodes_own_folder_takes_disks_only_after_its_test_like_any_other(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.server(&app).await;
    rows::never_tested(&app, company.hypervisors[0]).await;
    let (_, body) = app.get(&storage(&company)).await;
    assert_eq!(body["data"][0]["selftest"], Value::Null);
    let untested = json!([format!("The storage of hypervisor hv0 {UNTESTED}")]);
    for path in ["/servers?dryRun=true", "/servers"] {
        let (status, body) = app.post(path, company.order()).await;
        assert_eq!((status, &body["errors"]), (422, &untested), "{path}");
    }
    let (status, body) = app.post(&format!("/servers/{server}/disks"), json!({ "sizeGb": 5 })).await;
    assert_eq!((status, &body["errors"]), (422, &untested), "no further disk of a server that is there either");
    let fits = format!("/compute/hypervisors/groups/{}/fits?packageId={}", company.group, company.package);
    let (_, body) = app.get(&fits).await;
    assert_eq!(
        (&body["data"]["fits"], &body["data"]["hypervisors"][0]["limitedBy"]),
        (&json!(0), &json!(["storageUntested"]))
    );
    let size = json!({ "drive": "a", "size": 11 });
    let (status, body) = app.put(&format!("/servers/{server}/modify/storage"), size).await;
    assert!(status < 300, "a disk that is there grows: {status} {body}");

    // A storage point beside it that has passed takes what would go to either.
    let ssd = point(&app, &company, "mountpoint", "/mnt/ssd", 100).await;
    let (status, body) = app.post("/servers", company.order()).await;
    assert_eq!((status, &body["data"]["storage"][0]["hypervisorStorageId"]), (201, &json!(ssd)), "{body}");
}

async fn a_disk_grows_where_it_is(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    point(&app, &company, "mountpoint", "/mnt/ssd", 10).await;
    let (_, body) = app.post("/servers", order(&company, json!({ "storageProfile": 3 }))).await;
    let path = format!("/servers/{}/modify/storage", body["data"]["id"]);
    let (status, answer) = app.put(&path, json!({ "drive": "a", "size": 11 })).await;
    let wanted = "Hypervisor hv0 has 5 GB of storage free, and 6 more are needed.";
    assert_eq!((status, &answer["errors"]), (422, &json!([wanted])), "its own folder has room without end");
    let (status, answer) = app.put(&path, json!({ "drive": "a", "size": 10 })).await;
    assert!(status < 300, "{status} {answer}");
    assert_eq!(app.get(&storage(&company)).await.1["data"][1]["allocated"], 10);
}

async fn as_many_as_are_told_fit_on_the_storage_that_they_ask_for(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 50).await;
    point(&app, &company, "mountpoint", "/mnt/ssd", 12).await;
    point(&app, &company, "mountpoint", "/mnt/ssd2", 6).await;
    let package = format!("/packages/{}", company.package);
    assert_eq!(app.put(&package, json!({ "primaryStorageProfile": 3 })).await.0, 200);
    let path = format!("/compute/hypervisors/groups/{}/fits?packageId={}", company.group, company.package);
    let (_, body) = app.get(&path).await;
    assert_eq!(body["data"]["fits"], 3, "two and one, of 5 GB each: {body}");
    assert_eq!(body["data"]["hypervisors"][0]["limitedBy"], json!(["storage", "storage"]));
    assert_eq!(body["data"]["hypervisors"][1]["limitedBy"], json!(["storageProfile"]));
    for _ in 0..3 {
        company.server(&app).await;
    }
    assert_eq!(app.post("/servers", company.order()).await.0, 422);
}
