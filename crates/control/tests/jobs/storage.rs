//! Storage points on a simulated node: what it tells of them, alerts, tests, and disks that are built, grown and removed
//! there.

use berth_control::{
    clock::MINUTE,
    jobs::{self, Kind, Run},
    nodes::watch,
    storage_reports,
};
use berth_proto::StorageRoot;
use berth_store::testing::Database;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    events::until,
    kinds::order_build,
    repeat_and_kill::{Harm, each_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    a_storage_point_is_used_once_its_node_lists_it_and_its_test_passed,
    an_alert_is_told_once_and_keeps_new_disks_away,
    t20_a_build_on_a_storage_point_ends_once_whatever_step_is_repeated_or_killed,
);

const PLACE: &str = "/mnt/ssd";

fn ssd(total_bytes: u64, free_bytes: u64) -> StorageRoot {
    StorageRoot {
        path: PLACE.to_owned(),
        kind: "mountpoint".to_owned(),
        total_bytes,
        free_bytes,
        ..StorageRoot::default()
    }
}

fn storage(world: &World) -> String {
    format!("/compute/hypervisors/{}/storage", world.company.hypervisors[0])
}

async fn add_point(world: &World) -> i64 {
    let body = json!({ "name": "SSD", "type": "mountpoint", "path": PLACE, "capacity": 1000 });
    let (status, answer) = world.app.post(&storage(world), body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"]["id"].as_i64().unwrap()
}

async fn shown(world: &World) -> Value {
    world.app.get(&storage(world)).await.1["data"][1].clone()
}

/// The node's self-test, to its end.
async fn tested(world: &World) {
    let path = format!("/compute/hypervisors/{}/selftest", world.company.hypervisors[0]);
    let job = world.app.post(&path, json!({})).await.1["queueId"].as_i64();
    let job = match job {
        Some(job) => job,
        None => world.app.get("/queue").await.1["data"][0]["id"].as_i64().unwrap(),
    };
    for _ in 0..20 {
        let row = world.job(job).await;
        if row.finished_at.is_some() {
            return;
        }
        world.app.pass((row.run_at - world.app.ctx.now()).max(0));
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            jobs::take_step(&Run { ctx: world.app.ctx.clone(), job }).await;
        }
    }
    panic!("the test does not end");
}

fn order(world: &World) -> Value {
    let mut order = world.company.order();
    for (field, value) in [
        ("storageProfile", json!(3)),
        ("additionalStorage1Enable", json!(true)),
        ("additionalStorage1Profile", json!(3)),
        ("additionalStorage1Capacity", json!(9)),
    ] {
        order[field] = value;
    }
    order
}

/// A server with both disks on the storage point.
async fn a_server(world: &World) -> i64 {
    let (status, body) = world.app.post("/servers", order(world)).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["id"].as_i64().unwrap()
}

async fn a_storage_point_is_used_once_its_node_lists_it_and_its_test_passed(database: Database) {
    let world = World::start(database).await;
    let id = add_point(&world).await;
    tested(&world).await;
    assert_eq!(shown(&world).await["selftest"], Value::Null, "its node does not have it");
    world.node.host().storages = vec![StorageRoot { trouble: "Nothing is mounted there.".to_owned(), ..ssd(0, 0) }];
    tested(&world).await;
    let found = shown(&world).await["selftest"].clone();
    assert_eq!((&found["passed"], &found["detail"]), (&json!(false), &json!("Nothing is mounted there.")));
    let (status, body) = world.app.post("/servers", order(&world)).await;
    let wanted = format!("The storage {id} (mountpoint) of hypervisor hv0 failed its self-test.");
    assert_eq!((status, &body["errors"]), (422, &json!([wanted])));
    world.node.host().storages = vec![ssd(100, 90)];
    tested(&world).await;
    assert_eq!(shown(&world).await["selftest"]["passed"], true);

    let server = a_server(&world).await;
    order_build(&world, server).await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    let uuid = world.uuid(server).await;
    let places = || world.node.host().servers[&uuid].volumes.values().cloned().collect::<Vec<_>>();
    assert_eq!(places(), ["mountpoint /mnt/ssd", "mountpoint /mnt/ssd"]);
    let features = world.node.host().servers[&uuid].applied.as_ref().unwrap().required_features.clone();
    assert!(features.contains(&"storage.v1".to_owned()), "{features:?}");
    let path = format!("/servers/{server}/modify/storage");
    assert!(world.app.put(&path, json!({ "drive": "b", "size": 12 })).await.0 < 300);
    run_to_end(&world, server, Harm::None, 0).await;
    let grown = world.node.host().servers[&uuid].applied.as_ref().unwrap().disks[1].capacity_gib;
    assert_eq!((grown, places().len()), (12, 2));
    assert_eq!(shown(&world).await["allocated"], 5 + 12);
    order_build(&world, server).await;
    run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(places(), ["mountpoint /mnt/ssd", "mountpoint /mnt/ssd"], "rebuilt where it was, the old disk removed");
    assert_eq!(world.app.delete(&format!("/servers/{server}")).await.0, 204);
    run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(places(), [""; 0]);
    assert_eq!(world.app.delete(&format!("{}/{id}", storage(&world))).await.0, 204, "nothing is on it any more");
}

async fn an_alert_is_told_once_and_keeps_new_disks_away(database: Database) {
    let world = World::start(database).await;
    let id = add_point(&world).await;
    let node = world.company.hypervisors[0];
    world.node.host().storages = vec![ssd(1000, 500)];
    tested(&world).await;
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    tokio::spawn(watch::run(world.app.ctx.clone(), stop));
    until("the node tells of it", async || shown(&world).await["usage"]["percent"] == 50.0).await;
    assert_eq!(shown(&world).await["trouble"], Value::Null);
    world.node.host().storages = vec![ssd(1000, 40)];
    world.app.pass(MINUTE);
    until("it is above its threshold", async || !shown(&world).await["alerted"].is_null()).await;
    for _ in 0..3 {
        storage_reports::write(&world.app.ctx, node, vec![ssd(1000, 39)]).await;
    }
    let told = async |action: &str| world.app.get(&format!("/audit?action={action}")).await.1["total"].clone();
    assert_eq!(told("storage_above_threshold").await, 1, "once");
    let (_, entry) = world.app.get("/audit?action=storage_above_threshold").await;
    assert_eq!(
        (&entry["data"][0]["after"]["storage"], &entry["data"][0]["after"]["alertPercent"]),
        (&json!("SSD"), &json!(95))
    );
    let (status, body) = world.app.post("/servers", order(&world)).await;
    let wanted =
        format!("The storage {id} (mountpoint) of hypervisor hv0 is above its threshold and takes no new disks.");
    assert_eq!((status, &body["errors"]), (422, &json!([wanted])));
    storage_reports::write(&world.app.ctx, node, vec![ssd(1000, 60)]).await;
    assert!(!shown(&world).await["alerted"].is_null(), "a little below is not calm yet");
    storage_reports::write(&world.app.ctx, node, vec![ssd(1000, 300)]).await;
    assert_eq!(
        (shown(&world).await["alerted"].clone(), told("storage_below_threshold").await),
        (Value::Null, json!(1))
    );
    storage_reports::write(&world.app.ctx, node, Vec::new()).await;
    let trouble = shown(&world).await["trouble"].clone();
    assert!(trouble.as_str().unwrap().contains("agent.toml"), "{trouble}");
    assert_eq!(told("storage_above_threshold").await, 1);
}

async fn t20_a_build_on_a_storage_point_ends_once_whatever_step_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    add_point(&world).await;
    world.node.host().storages = vec![ssd(100, 90)];
    tested(&world).await;
    each_step(&world, Kind::Build, a_server, order_build, async |world: &World, server, ended: &_, how: &str| {
        let ended: &berth_store::entity::job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        let uuid = world.uuid(server).await;
        let host = world.node.host();
        assert_eq!(host.servers[&uuid].volumes.len(), 2, "{how}");
        assert!(host.servers[&uuid].volumes.values().all(|place| place == "mountpoint /mnt/ssd"), "{how}");
    })
    .await;
}
