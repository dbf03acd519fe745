//! Disks of a server that exists: made, changed and removed, and how much of a node they take.

use berth_store::{entity::hypervisor, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use crate::{
    app::App,
    modify::{limit, put, queued, shown},
    rows::{self, Company},
};

berth_store::on_both_databases!(
    a_disk_of_a_server_that_is_not_built_is_made_with_it_or_never,
    without_apply_a_change_waits_and_with_it_one_job_carries_it,
    a_disk_that_leaves_keeps_its_room_until_it_is_gone,
    a_disk_goes_where_there_is_room_or_where_it_is_told,
    wrong_disks_are_refused_and_change_nothing,
    the_primary_disk_and_those_of_a_protected_server_stay,
);

async fn world(database: Database) -> (App, Company, i64, String) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let path = format!("/servers/{id}/disks");
    (app, company, id, path)
}

async fn made(app: &App, path: &str, body: Value) -> Value {
    let (status, mut answer) = app.post(path, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"].take()
}

async fn remove(app: &App, path: &str, body: Value) -> (u16, Value) {
    app.call("DELETE", path, Some(body.to_string())).await
}

fn refusal((status, body): &(u16, Value)) -> String {
    assert_eq!(*status, 422, "{body}");
    body["errors"].to_string()
}

fn actions(disk: &Value) -> Vec<&str> {
    disk["pending"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect()
}

/// GB that are given out on the server's node.
async fn allocated(app: &App, id: i64) -> Value {
    shown(app, id).await["hypervisor"]["resources"]["localStorage"]["allocated"].take()
}

async fn a_disk_of_a_server_that_is_not_built_is_made_with_it_or_never(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let path = format!("/servers/{id}/disks");
    let order = json!({ "sizeGb": "20", "filesystem": "ext4", "format": "raw", "bus": "scsi", "cache": "none",
                        "io": "native", "qos": { "readIops": 500, "writeBytes": "1048576" }, "apply": true });
    let disk = made(&app, &path, order).await;
    let read = |field: &str| disk[field].clone();
    assert_eq!((read("id"), read("drive"), read("primary")), (json!(2), json!("b"), json!(false)));
    assert_eq!((read("sizeGb"), read("capacity"), read("status")), (json!(20), json!(20), json!(1)));
    assert_eq!((read("filesystem"), read("format"), read("type")), (json!("ext4"), json!("raw"), json!("raw")));
    assert_eq!((read("bus"), read("cache"), read("io")), (json!("scsi"), json!("none"), json!("native")));
    let qos = json!({ "readIops": 500, "writeIops": 0, "readBytes": 0, "writeBytes": 1_048_576 });
    assert_eq!((read("qos"), read("storagePointId")), (qos, json!(0)));
    assert_eq!(read("iops"), json!({ "read": 500, "write": null }));
    assert_eq!(actions(&disk), ["Create HDD (sdb)"]);
    for reference in ["2", "b", "B"] {
        assert_eq!(app.get(&format!("{path}/{reference}")).await.1["data"], disk, "{reference}");
    }
    let (_, list) = app.get(&path).await;
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][1]), (2, &disk));
    assert_eq!(allocated(&app, id).await, 25);
    assert_eq!(queued(&app, id).await, [] as [&str; 0], "its build makes it");
    let (status, answer) = put(&app, &format!("{path}/a"), json!({ "sizeGb": 6, "qos": { "readIops": 9 } })).await;
    assert_eq!((status, answer["data"]["pending"].clone()), (200, json!([])), "{answer}");
    assert_eq!(remove(&app, &format!("{path}/b"), json!({ "confirm": true })).await, (204, Value::Null));
    let server = shown(&app, id).await;
    assert_eq!((server["storage"].as_array().unwrap().len(), allocated(&app, id).await), (1, json!(6)));
    assert_eq!(server["tasks"]["actions"]["pending"], json!([]));
}

async fn without_apply_a_change_waits_and_with_it_one_job_carries_it(database: Database) {
    let (app, _, id, path) = world(database).await;
    let generation =
        || async { berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap().generation };
    let before = generation().await;
    let disk = made(&app, &path, json!({ "sizeGb": 3 })).await;
    assert_eq!((actions(&disk), queued(&app, id).await.len()), (vec!["Create HDD (sdb)"], 0));
    assert_eq!(disk["qos"]["readIops"], 0, "the package has no limits");
    let change = async |body: Value| {
        let (status, mut answer) = put(&app, &format!("{path}/b"), body).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].take()
    };
    let disk = change(json!({ "sizeGb": 4, "cache": "writethrough", "qos": { "writeIops": 70 } })).await;
    assert_eq!(actions(&disk), ["Create HDD (sdb)"], "it waits once, for what it is to be");
    assert_eq!(
        (&disk["sizeGb"], &disk["cache"], &disk["qos"]["writeIops"]),
        (&json!(4), &json!("writethrough"), &json!(70))
    );
    let disk = change(json!({ "cache": null, "qos": { "readBytes": 8 } })).await;
    assert_eq!((&disk["cache"], &disk["qos"]["writeIops"]), (&Value::Null, &json!(70)), "what is left out stays");
    assert_eq!((generation().await, queued(&app, id).await.len()), (before + 3, 0));
    assert_eq!(change(json!({})).await, disk);
    assert_eq!((generation().await, queued(&app, id).await.len()), (before + 3, 0), "nothing is asked for");
    let (_, primary) = put(&app, &format!("{path}/1"), json!({ "sizeGb": 9 })).await;
    assert_eq!(actions(&primary["data"]), ["Change HDD (sda)"]);
    change(json!({ "apply": true })).await;
    made(&app, &path, json!({ "sizeGb": 1, "apply": true })).await;
    assert_eq!(queued(&app, id).await, ["modify_server"], "what waited goes with it");
    let (_, log) = app.get("/audit?action=update_disk").await;
    let entries = log["data"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!((&entries[3]["before"]["sizeGb"], &entries[3]["after"]["sizeGb"]), (&json!(3), &json!(4)));
    assert_eq!(entries[3]["after"]["drive"], "b");
}

async fn a_disk_that_leaves_keeps_its_room_until_it_is_gone(database: Database) {
    let (app, company, id, path) = world(database).await;
    limit(&app, &company, hypervisor::ActiveModel { max_storage_gib: Set(15), ..Default::default() }).await;
    made(&app, &path, json!({ "sizeGb": 10 })).await;
    assert_eq!(remove(&app, &format!("{path}/b"), json!({ "confirm": true })).await.0, 204);
    let (_, disk) = app.get(&format!("{path}/b")).await;
    assert_eq!((&disk["data"]["status"], &disk["data"]["enabled"]), (&json!(4), &json!(false)));
    assert_eq!(actions(&disk["data"]), ["Remove HDD (sdb)"]);
    assert_eq!((allocated(&app, id).await, queued(&app, id).await.len()), (json!(15), 0));
    let answer = app.post(&path, json!({ "sizeGb": 1 })).await;
    assert_eq!(refusal(&answer), r#"["Hypervisor hv0 has 0 GB of storage free."]"#);
    let answer = put(&app, &format!("{path}/b"), json!({ "sizeGb": 10 })).await;
    assert_eq!(refusal(&answer), r#"["The disk is being removed."]"#);
    let answer = put(&app, &format!("/servers/{id}/modify/storage"), json!({ "drive": "b", "size": 10 })).await;
    assert!(refusal(&answer).contains("The drive"), "{}", answer.1);
    let (_, log) = app.get("/audit?action=remove_disk").await;
    for _ in 0..2 {
        assert_eq!(remove(&app, &format!("{path}/2"), json!({ "confirm": true })).await.0, 204);
    }
    assert_eq!(app.get("/audit?action=remove_disk").await.1["total"], log["total"], "that was known");
    assert_eq!(remove(&app, &format!("{path}/2"), json!({ "confirm": true, "apply": true })).await.0, 204);
    assert_eq!(queued(&app, id).await, ["modify_server"]);
}

async fn a_disk_goes_where_there_is_room_or_where_it_is_told(database: Database) {
    let (app, company, id, path) = world(database).await;
    let storage = format!("/compute/hypervisors/{}/storage", company.hypervisors[0]);
    let point =
        made(&app, &storage, json!({ "name": "Thin", "type": "lvm-thin", "pool": "vg0/thin", "capacity": 50 })).await;
    let point = point["id"].as_i64().unwrap();
    let there = json!({ "sizeGb": 5, "storagePointId": point });
    let answer = app.post(&path, there.clone()).await;
    assert!(refusal(&answer).contains("its self-test has not passed yet"), "{}", answer.1);
    rows::storage_tested(&app, company.hypervisors[0], "lvm-thin", "vg0/thin", true).await;
    let disk = made(&app, &path, there.clone()).await;
    assert_eq!(
        (&disk["storagePointId"], &disk["format"], &disk["local"]),
        (&json!(point), &json!("raw"), &json!(true))
    );
    let mut qcow2 = there.clone();
    qcow2["format"] = json!("qcow2");
    let answer = app.post(&path, qcow2).await;
    assert!(refusal(&answer).contains("The format must be raw"), "{}", answer.1);
    let answer = app.post(&path, json!({ "sizeGb": 46, "storagePointId": point })).await;
    assert!(refusal(&answer).contains("has 45 GB free"), "{}", answer.1);
    limit(&app, &company, hypervisor::ActiveModel { max_storage_gib: Set(7), ..Default::default() }).await;
    let answer = app.post(&path, json!({ "sizeGb": 3, "storagePointId": 0 })).await;
    assert!(refusal(&answer).contains("has 2 GB of storage free"), "{}", answer.1);
    let disk = made(&app, &path, json!({ "sizeGb": 3 })).await;
    assert_eq!(disk["storagePointId"], point, "its own folder has no room");
    let answer = put(&app, &format!("{path}/a"), json!({ "sizeGb": 8 })).await;
    assert!(refusal(&answer).contains("2 GB of storage free, and 3 more are needed"), "{}", answer.1);
    assert_eq!(allocated(&app, id).await, 5);
}

async fn wrong_disks_are_refused_and_change_nothing(database: Database) {
    let (app, _, _, path) = world(database).await;
    let changes = async || app.get("/audit?results=1").await.1["total"].clone();
    let before = changes().await;
    for (body, field) in [
        (json!({}), "sizeGb"),
        (json!({ "sizeGb": 0 }), "sizeGb must be between 1 and 65536"),
        (json!({ "sizeGb": 65_537 }), "sizeGb"),
        (json!({ "sizeGb": 1.5 }), "sizeGb"),
        (json!({ "sizeGb": 1, "storagePointId": -1 }), "storagePointId"),
        (json!({ "sizeGb": 1, "storagePointId": 999 }), "storagePointId"),
        (json!({ "sizeGb": 1, "filesystem": "vfat" }), "filesystem must be one of none, ext4, xfs, btrfs, ntfs"),
        (json!({ "sizeGb": 1, "filesystem": "ext4; reboot" }), "filesystem"),
        (json!({ "sizeGb": 1, "filesystem": "btrfs" }), "hv0 does not have the program"),
        (json!({ "sizeGb": 1, "format": "vmdk" }), "format must be one of qcow2, raw"),
        (json!({ "sizeGb": 1, "bus": "ide" }), "bus must be one of virtio, scsi, sata"),
        (json!({ "sizeGb": 1, "cache": "fast" }), "cache must be one of"),
        (json!({ "sizeGb": 1, "io": "io_uring" }), "io must be one of threads, native"),
        (json!({ "sizeGb": 1, "io": "native" }), "only with the cache none"),
        (json!({ "sizeGb": 1, "qos": { "readIops": -1 } }), "qos.readIops must be between 0 and"),
        (json!({ "sizeGb": 1, "qos": { "writeBytes": 1_000_000_000_001_i64 } }), "qos.writeBytes"),
        (json!({ "sizeGb": 1, "qos": { "iops": 1 } }), "qos"),
        (json!({ "sizeGb": 1, "qos": [1, 2] }), "qos"),
        (json!({ "sizeGb": 1, "apply": "soon" }), "apply"),
        (json!({ "sizeGb": 1, "primary": true }), "primary"),
        (json!({ "sizeGb": 0, "bus": "ide" }), "sizeGb"),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
    for (body, field) in [
        (json!({ "sizeGb": 4 }), "at least the 5 GB that the disk has"),
        (json!({ "sizeGb": "x" }), "sizeGb"),
        (json!({ "bus": "usb" }), "bus"),
        (json!({ "io": "native", "cache": "writeback" }), "only with the cache none"),
        (json!({ "filesystem": "xfs" }), "filesystem"),
        (json!({ "format": "raw" }), "format"),
        (json!({ "storagePointId": 0 }), "storagePointId"),
        (json!({ "qos": { "readIops": "many" } }), "readIops"),
        (json!({ "qos": { "readIops": 1, "burst": 2 } }), "burst"),
    ] {
        let answer = put(&app, &format!("{path}/a"), body.clone()).await;
        let said = refusal(&answer);
        assert!(said.contains(field) || said.contains("qos"), "{body}: {said}");
    }
    assert_eq!(changes().await, before, "nothing changed");
    for reference in ["b", "2", "0", "-1", "aa", "vda", "1.0", "01x", "99999999999999999999", "%00", "\u{e4}"] {
        let one = format!("{path}/{reference}");
        assert_eq!(app.get(&one).await, (404, json!({ "msg": "disk not found" })), "{reference}");
        assert_eq!(put(&app, &one, json!({ "sizeGb": 9 })).await.0, 404, "{reference}");
        assert_eq!(remove(&app, &one, json!({ "confirm": true })).await.0, 404, "{reference}");
    }
    for _ in 1..16 {
        made(&app, &path, json!({ "sizeGb": 1 })).await;
    }
    let answer = app.post(&path, json!({ "sizeGb": 1 })).await;
    assert_eq!(refusal(&answer), r#"["A server has at most 16 disks."]"#);
}

async fn the_primary_disk_and_those_of_a_protected_server_stay(database: Database) {
    let (app, _, id, path) = world(database).await;
    made(&app, &path, json!({ "sizeGb": 1 })).await;
    for (body, word) in [
        (json!({}), "confirm must be true"),
        (json!({ "confirm": false }), "confirm must be true"),
        (json!({ "confirm": true, "force": true }), "force"),
    ] {
        let answer = remove(&app, &format!("{path}/b"), body).await;
        assert!(refusal(&answer).contains(word), "{}", answer.1);
    }
    for reference in ["a", "1"] {
        let answer = remove(&app, &format!("{path}/{reference}"), json!({ "confirm": true })).await;
        assert!(refusal(&answer).contains("primary disk"), "{}", answer.1);
    }
    let protect = format!("/servers/{id}/modify/protected");
    assert_eq!(put(&app, &protect, json!({ "protected": true })).await.0, 201);
    let (status, answer) = remove(&app, &format!("{path}/b"), json!({ "confirm": true })).await;
    assert_eq!((status, &answer["msg"]), (423, &json!("The server is protected.")));
    assert_eq!(put(&app, &format!("{path}/b"), json!({ "sizeGb": 2 })).await.0, 200);
    assert_eq!(put(&app, &protect, json!({ "protected": false })).await.0, 201);
    assert_eq!(remove(&app, &format!("{path}/b"), json!({ "confirm": true })).await.0, 204);
}
