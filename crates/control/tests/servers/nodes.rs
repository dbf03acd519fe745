//! Nodes and groups over HTTP: what is changed of them, what placement makes of it, and what is in the way of removal.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    a_node_is_changed_field_by_field,
    wrong_changes_are_refused_with_the_field,
    a_node_with_servers_stays_and_says_how_many,
    limits_are_stretched_by_overcommit,
    closed_nodes_take_no_servers_and_say_why,
    groups_are_changed_and_removed_when_they_are_empty,
    resources_are_counted_from_rows,
    new_disks_take_the_nodes_format,
    servers_go_where_their_templates_processors_are,
);

async fn a_node_is_changed_field_by_field(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let path = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    let (_, before) = app.get(&path).await;
    assert_eq!(before["data"]["cpuOvercommitPercent"], 400, "as a new node has it");
    let change = json!({
        "name": "  node A  ", "maintenance": "1", "prohibit": true, "maxServers": "12", "maxCpu": 64, "maxMemory": 65536,
        "maxStorage": 2000, "cpuOvercommitPercent": 150, "memoryOvercommitPercent": 110,
        "storageOvercommitPercent": 200, "diskType": "raw", "diskCacheType": "writethrough", "nfType": "4",
        "backupStorageType": 0,
    });
    let (status, body) = app.put(&path, change).await;
    assert_eq!(status, 200, "{body}");
    let data = &body["data"];
    for (field, wanted) in [
        ("name", json!("node A")),
        ("maintenance", json!(true)),
        ("prohibit", json!(true)),
        ("enabled", json!(true)),
        ("maxServers", json!(12)),
        ("maxCpu", json!(64)),
        ("maxMemory", json!(65536)),
        ("maxStorage", json!(2000)),
        ("cpuOvercommitPercent", json!(150)),
        ("memoryOvercommitPercent", json!(110)),
        ("storageOvercommitPercent", json!(200)),
        ("diskType", json!("raw")),
        ("diskCacheType", json!("writethrough")),
        ("nfType", json!(4)),
        ("backupStorageType", json!(0)),
    ] {
        assert_eq!(data[field], wanted, "{field}");
    }
    assert_eq!(app.get(&path).await.1, body, "what was answered is what is kept");
    let (_, entries) = app.get("/audit?action=update_hypervisor").await;
    let entry = &entries["data"][0];
    assert_eq!((&entry["before"]["maxServers"], &entry["after"]["maxServers"]), (&json!(0), &json!(12)));
    assert!(entry["before"].get("enabled").is_none(), "what did not change is not told: {entry}");
    let same = json!({ "diskCacheType": "writethrough", "nfType": 4, "backupStorageType": "0" });
    for same in [json!({}), json!([]), json!({ "maxServers": 12 }), same] {
        assert_eq!(app.put(&path, same).await, (200, body.clone()));
    }
    assert_eq!(app.get("/audit?action=update_hypervisor").await.1["total"], 1, "nothing changed, nothing told");
}

async fn wrong_changes_are_refused_with_the_field(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let path = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    let (_, before) = app.get(&path).await;
    for (field, wrong) in [
        ("name", json!("ab")),
        ("name", json!("x".repeat(151))),
        ("name", json!("a\nbc")),
        ("name", json!({})),
        ("maintenance", json!("perhaps")),
        ("maxServers", json!(-1)),
        ("maxServers", json!(10_000)),
        ("maxCpu", json!("lots")),
        ("maxMemory", json!(i64::MAX)),
        ("maxStorage", json!(1.5)),
        ("cpuOvercommitPercent", json!(0)),
        ("memoryOvercommitPercent", json!(10_001)),
        ("storageOvercommitPercent", json!([1])),
        ("diskType", json!("../raw")),
        ("groupId", json!(999)),
        ("ip", json!("192.0.2.1")),
        ("nfType", json!(0)),
        ("nfType", json!(5)),
        ("nfType", json!(i64::MAX)),
        ("nfType", json!("nftables")),
        ("diskCacheType", json!("default")),
        ("diskCacheType", json!("")),
        ("diskCacheType", json!(["none"])),
        ("backupStorageType", json!(2)),
        ("backupStorageType", json!(-1)),
        ("backupStorageType", json!({})),
        ("capacityVersion", json!(9)),
        ("uuid", json!("x")),
    ] {
        let (status, answer) = app.put(&path, json!({ field: wrong })).await;
        let sentence = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && sentence.contains(field), "{field} {wrong}: {status} {answer}");
    }
    let wrong = json!({ "nfType": 1, "backupStorageType": 1, "diskCacheType": "fast" });
    let sentences = json!([
        "The diskCacheType must be one of inherit, none, writethrough, writeback, directsync, unsafe.",
        "The nfType must be 4: nodes filter with nftables, for IPv4 and IPv6.",
        "The backupStorageType must be 0: nodes keep no backups.",
    ]);
    assert_eq!(app.put(&path, wrong).await, (422, json!({ "errors": sentences })), "every mistake at once");
    let (_, other) = app.get(&format!("/compute/hypervisors/{}", company.hypervisors[1])).await;
    let (status, answer) =
        app.put(&path, json!({ "name": other["data"]["name"].as_str().unwrap().to_owned() + "x" })).await;
    assert_eq!((status, answer["data"]["name"].as_str()), (200, Some("hv1x")));
    assert_eq!(app.put(&path, json!({ "name": "hv1" })).await.0, 409, "it is the other node's");
    let long = json!({ "name": "a node" });
    assert_eq!(app.put(&format!("/compute/hypervisors/{}", company.hypervisors[1]), long.clone()).await.0, 200);
    let (status, answer) = app.put(&path, long).await;
    assert!(status == 409 && answer["msg"].is_string(), "{status} {answer}");
    assert_eq!(app.get(&path).await.1["data"]["maxServers"], before["data"]["maxServers"]);
    for id in ["999", "0", "x", "1%20OR%201=1"] {
        let path = format!("/compute/hypervisors/{id}");
        let gone = (404, json!({ "msg": "hypervisor not found" }));
        assert_eq!(app.put(&path, json!({})).await, gone);
        assert_eq!(app.remove(&path).await, gone);
    }
}

async fn a_node_with_servers_stays_and_says_how_many(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let servers = [company.server(&app).await, company.server(&app).await];
    let path = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    for body in [None, Some("{}"), Some("[]"), Some(r#"{"confirm": false}"#), Some(r#"{"confirm": true, "force": 1}"#)]
    {
        let (status, answer) = app.call("DELETE", &path, body.map(str::to_owned)).await;
        assert!(status == 422 && answer["errors"][0].is_string(), "{body:?}: {status} {answer}");
    }
    assert_eq!(app.delete(&format!("/servers/{}", servers[0])).await.0, 204);
    let (status, answer) = app.remove(&path).await;
    let wanted = "Hypervisor hv0 has 2 servers, 1 of them being deleted; delete or move them first.";
    assert_eq!((status, answer), (422, json!({ "errors": [wanted] })));
    let spare = format!("/compute/hypervisors/{}", rows::spare_hypervisor(&app, company.group).await);
    assert_eq!(app.remove(&spare).await, (204, Value::Null));
    assert_eq!(app.get(&spare).await.0, 404);
    assert_eq!(app.get("/compute/hypervisors").await.1["total"], 1);
}

async fn limits_are_stretched_by_overcommit(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 50).await;
    let path = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    let change = json!({ "maxCpu": 2, "cpuOvercommitPercent": 150, "maxMemory": 1024, "memoryOvercommitPercent": 100 });
    assert_eq!(app.put(&path, change).await.0, 200);
    for _ in 0..2 {
        company.server(&app).await;
    }
    let (status, refused) = app.post("/servers", company.order()).await;
    assert_eq!((status, &refused["errors"][0]), (422, &json!("Hypervisor hv0 has 0 MB of memory free.")));
    assert_eq!(app.put(&path, json!({ "memoryOvercommitPercent": 200 })).await.0, 200);
    company.server(&app).await;
    let (status, refused) = app.post("/servers", company.order()).await;
    assert_eq!((status, &refused["errors"]), (422, &json!(["Hypervisor hv0 has 0 CPU cores free."])));
    let (_, page) = app.get(&format!("/compute/hypervisors/groups/{}/resources", company.group)).await;
    let resources = &page["data"][0]["resources"];
    assert_eq!(resources["cpuCores"], json!({ "units": "#", "max": 3, "allocated": 3, "free": 0, "percent": 100.0 }));
    assert_eq!(
        resources["memory"],
        json!({ "units": "MB", "max": 2048, "allocated": 1536, "free": 512, "percent": 75.0 })
    );
}

async fn closed_nodes_take_no_servers_and_say_why(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let node = |n: usize| format!("/compute/hypervisors/{}", company.hypervisors[n]);
    assert_eq!(app.put(&node(0), json!({ "maintenance": true, "enabled": false })).await.0, 200);
    for _ in 0..3 {
        let id = company.server(&app).await;
        assert_eq!(app.get(&format!("/servers/{id}")).await.1["data"]["hypervisorId"], company.hypervisors[1]);
    }
    assert_eq!(app.put(&node(1), json!({ "prohibit": true })).await.0, 200);
    let (status, answer) = app.post("/servers?dryRun=true", company.order()).await;
    let wanted = json!({ "errors": [
        "Hypervisor hv0 is disabled.", "Hypervisor hv0 is in maintenance.", "Hypervisor hv1 takes no new servers.",
    ] });
    assert_eq!((status, answer), (422, wanted));
    let mut order = company.order();
    order["storageProfile"] = json!(6);
    order["networkProfile"] = json!(3);
    let (_, answer) = app.post("/servers?dryRun=true", order).await;
    let told = answer["errors"].as_array().unwrap();
    assert!(told.contains(&json!("Hypervisor hv1 has no storage with the profile 6.")), "{answer}");
    let addresses = "The IP blocks of hypervisor hv1 have fewer than 1 free IPv4 addresses.";
    assert!(told.contains(&json!(addresses)), "no block has the profile: {answer}");
    let (_, page) = app.get(&format!("/compute/hypervisors/groups/{}/resources", company.group)).await;
    assert!(page["data"].as_array().unwrap().iter().all(|node| node["hypervisor"]["accept"] == false), "{page}");
    assert_eq!(app.put(&node(0), json!({ "maintenance": 0, "enabled": 1 })).await.0, 200);
    company.server(&app).await;
}

async fn groups_are_changed_and_removed_when_they_are_empty(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let path = format!("/compute/hypervisors/groups/{}", company.group);
    let (status, made) = app.post("/compute/hypervisors/groups", json!({ "name": "Second", "default": true })).await;
    assert_eq!(status, 201, "{made}");
    let second = format!("/compute/hypervisors/groups/{}", made["data"]["id"]);
    assert_eq!(app.get(&path).await.1["data"]["default"], false, "one group is the default");
    let change = json!({ "label": "AMS", "description": "", "distributionType": 13, "default": true, "icon": "linux" });
    let (status, body) = app.put(&path, change).await;
    assert_eq!(status, 200, "{body}");
    let data = &body["data"];
    assert_eq!((&data["label"], &data["description"], &data["icon"]), (&json!("AMS"), &Value::Null, &json!("linux")));
    assert_eq!((&data["distributionType"], &data["default"]), (&json!(13), &json!(true)));
    assert_eq!(app.get(&second).await.1["data"]["default"], false);
    for wrong in [
        json!({ "distributionType": 6 }),
        json!({ "distributionType": -1 }),
        json!({ "icon": "../../etc/passwd" }),
        json!({ "name": "" }),
        json!({ "id": 7 }),
    ] {
        let (status, answer) = app.put(&path, wrong.clone()).await;
        assert!(status == 422 && answer["errors"][0].is_string(), "{wrong}: {status} {answer}");
    }
    assert_eq!(app.put(&path, json!({ "name": "Second" })).await.0, 409);
    let (status, answer) = app.remove(&path).await;
    let wanted = "Hypervisor group Default has 2 hypervisors; move or remove them first.";
    assert_eq!((status, answer), (422, json!({ "errors": [wanted] })));
    let id = made["data"]["id"].clone();
    for node in &company.hypervisors {
        assert_eq!(app.put(&format!("/compute/hypervisors/{node}"), json!({ "groupId": id })).await.0, 200);
    }
    let token = json!({ "groupId": company.group });
    assert_eq!(app.post("/compute/hypervisors/enrolmentTokens", token).await.0, 201);
    assert_eq!(app.remove(&path).await.0, 204);
    assert_eq!(app.remove(&path).await, (404, json!({ "msg": "hypervisor group not found" })));
    let mut order = company.order();
    order["hypervisorId"] = id;
    assert_eq!(app.post("/servers", order).await.0, 201, "nodes work in their new group");
}

async fn resources_are_counted_from_rows(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let path = format!("/compute/hypervisors/groups/{}/resources", company.group);
    let id = company.server(&app).await;
    let (_, page) = app.get(&path).await;
    let node = page["data"].as_array().unwrap().iter().find(|node| node["resources"]["servers"]["allocated"] == 1);
    let resources = &node.unwrap()["resources"];
    assert_eq!(resources["servers"], json!({ "units": "#", "max": 0, "allocated": 1, "free": -1, "percent": null }));
    assert_eq!(resources["network"]["total"]["ipv4"]["free"], 9, "the block is shared, and one is taken");
    assert_eq!(resources["localStorage"]["allocated"], 5);
    app.delete(&format!("/servers/{id}")).await;
    let (_, page) = app.get(&path).await;
    let servers = |n: usize| page["data"][n]["resources"]["servers"]["allocated"].as_i64().unwrap();
    assert_eq!(servers(0) + servers(1), 1, "one that is being deleted still takes room");
}

async fn new_disks_take_the_nodes_format(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    let format = async || {
        let id = company.server(&app).await;
        let (_, body) = app.get(&format!("/servers/{id}")).await;
        (body["data"]["storage"][0]["type"].clone(), body["data"]["hypervisor"]["defaultDiskType"].clone())
    };
    assert_eq!(format().await, (json!("qcow2"), json!("inherit")));
    assert_eq!(app.put(&path, json!({ "diskType": "raw" })).await.0, 200);
    assert_eq!(format().await, (json!("raw"), json!("raw")));
    let own = json!({ "primaryDiskType": "qcow2" });
    assert_eq!(app.put(&format!("/packages/{}", company.package), own).await.0, 200);
    assert_eq!(format().await.0, "qcow2", "the package's own choice wins");
}

async fn servers_go_where_their_templates_processors_are(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let template = format!("/media/templates/{}", company.template);
    let mut order = company.order();
    order["operatingSystemId"] = json!(company.template.to_string());
    let (status, body) = app.post("/servers", order.clone()).await;
    assert_eq!(status, 201, "{body}");
    let server = body["data"]["id"].clone();
    let offered = async || app.get(&format!("/servers/{server}/templates")).await.1["data"].as_array().unwrap().len();
    assert_eq!(offered().await, 1);
    assert_eq!(app.put(&template, json!({ "arch": 2 })).await.0, 200);
    assert_eq!(offered().await, 0, "the node has other processors");
    let (status, body) = app.post("/servers?dryRun=1", order.clone()).await;
    assert_eq!((status, body), (422, json!({ "errors": ["Hypervisor hv0 has no aarch64 processors."] })));
    let build = json!({ "operatingSystemId": company.template });
    let (status, body) = app.post(&format!("/servers/{server}/build"), build).await;
    assert!(status == 422 && body["errors"][0].as_str().unwrap().contains("processors"), "{status} {body}");
    order["operatingSystemId"] = json!(999);
    let (status, body) = app.post("/servers", order).await;
    assert_eq!((status, body), (422, json!({ "errors": ["Invalid or disabled operating system template"] })));
}
