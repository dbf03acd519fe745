//! Figures of nodes over time, from the stream of a simulated node to the API.

use berth_control::{
    clock::{HOUR, MINUTE, SECOND},
    node_metrics::{self, Ended},
    nodes::watch,
};
use berth_proto::{DiskStats, NodeStats, StorageRoot};
use berth_store::{hypervisor_metric, testing::Database};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{app::START, events::until, sim::World};

berth_store::on_both_databases!(
    a_watched_node_has_a_row_a_minute_which_ages_into_averages,
    a_watched_nodes_storages_have_what_is_used_and_what_passes_a_second,
);

async fn metrics(world: &World, minutes: i64) -> Value {
    let path = format!("/compute/hypervisors/{}/metrics?minutes={minutes}", world.company.hypervisors[0]);
    let (status, body) = world.app.get(&path).await;
    assert_eq!(status, 200, "{body}");
    body["data"].clone()
}

async fn a_watched_node_has_a_row_a_minute_which_ages_into_averages(database: Database) {
    let world = World::start(database).await;
    let node = world.company.hypervisors[0];
    let root = StorageRoot { total_bytes: 1 << 40, free_bytes: 1 << 39, is_default: true, ..StorageRoot::default() };
    world.node.host().stats = NodeStats {
        cpu_percent: 12.5,
        load_1m: 0.75,
        memory_total_kib: 64 << 20,
        memory_available_kib: 48 << 20,
        storage: vec![root],
        network_rx_bytes: 1000,
        network_tx_bytes: 500,
        cpu_steal_percent: 0.0,
    };
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    tokio::spawn(watch::run(world.app.ctx.clone(), stop));
    let row = berth_store::hypervisor::by_id(world.app.ctx.store.read(), node).await.unwrap().unwrap();
    until("figures come", async || world.app.ctx.live.node(row.uuid).is_some()).await;
    {
        let mut host = world.node.host();
        (host.stats.network_rx_bytes, host.stats.network_tx_bytes) = (61_000, 30_500);
    }
    let heard = async || world.app.ctx.live.node(row.uuid).is_some_and(|(stats, _)| stats.network_rx_bytes == 61_000);
    until("the counters grew", heard).await;
    world.app.pass(MINUTE);
    until("the minute is written", async || !metrics(&world, 5).await["points"].as_array().unwrap().is_empty()).await;
    let data = metrics(&world, 5).await;
    let point = &data["points"][0];
    assert_eq!(data["interval"], 60);
    assert_eq!(point["at"], "2025-01-20T14:00:00+00:00");
    assert_eq!((&point["cpu"], &point["load"]), (&json!(12.5), &json!(0.75)));
    assert_eq!(point["memory"], json!({ "total": 65_536, "used": 16_384 }));
    assert_eq!(point["filesystem"], json!({ "total": 1_i64 << 40, "used": 1_i64 << 39 }));
    assert!(point["network"]["in"].is_i64() && point["network"]["out"].is_i64());
    ages(&world, node).await;
}

/// What passed a device is told as totals: so much for each `n`.
fn passed(n: u64) -> DiskStats {
    DiskStats { read_bytes: n * 6_000, write_bytes: n * 120_000, read_requests: n * 90, write_requests: n * 3 }
}

async fn a_watched_nodes_storages_have_what_is_used_and_what_passes_a_second(database: Database) {
    let world = World::start(database).await;
    let storage = format!("/compute/hypervisors/{}/storage", world.company.hypervisors[0]);
    let point = json!({ "name": "SSD", "type": "mountpoint", "path": "/mnt/ssd" });
    let (status, made) = world.app.post(&storage, point).await;
    assert_eq!(status, 201, "{made}");
    {
        let (total_bytes, free_bytes) = (1 << 40, 1 << 38);
        let folder =
            StorageRoot { is_default: true, total_bytes, free_bytes, io: Some(passed(1)), ..StorageRoot::default() };
        let (path, kind) = ("/mnt/ssd".to_owned(), "mountpoint".to_owned());
        let ssd = StorageRoot { path, kind, total_bytes: 500, free_bytes: 100, ..StorageRoot::default() };
        let mut host = world.node.host();
        host.stats = NodeStats { storage: vec![folder], ..NodeStats::default() };
        host.storages = vec![ssd];
    }
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    tokio::spawn(watch::run(world.app.ctx.clone(), stop));
    two_minutes(&world).await;

    let data = metrics(&world, 5).await;
    let (folder, ssd) = (&data["storage"][0], &data["storage"][1]);
    let is = |of: &Value| json!([of["id"], of["name"], of["type"]]);
    assert_eq!(is(folder), json!([0, "Local (Default mountpoint)", "directory"]));
    assert_eq!(is(ssd), json!([made["data"]["id"], "SSD", "mountpoint"]));
    let io = json!({ "read": 100, "write": 2000, "readIops": 1.5, "writeIops": 0.05 });
    let used = (1_i64 << 40) - (1 << 38);
    let wanted = json!({ "at": "2025-01-20T14:01:00+00:00", "total": 1_i64 << 40, "used": used, "io": io });
    assert_eq!(folder["points"][1], wanted, "{data}");
    assert_eq!(folder["points"][0]["io"]["readIops"], 0.0, "one look is no difference");
    let unknown = json!({ "at": "2025-01-20T14:01:00+00:00", "total": 500, "used": 400, "io": null });
    assert_eq!(ssd["points"][1], unknown, "its node has no counters of it");
    let line = metrics(&world, 2000).await;
    let quarter = &line["storage"][0]["points"][0];
    assert_eq!(
        (&quarter["used"], &quarter["io"]["read"], &quarter["io"]["readIops"]),
        (&json!(used), &json!(50), &json!(0.75))
    );

    assert_eq!(world.app.delete(&format!("{storage}/{}", made["data"]["id"])).await.0, 204);
    assert_eq!(metrics(&world, 5).await["storage"].as_array().unwrap().len(), 1, "its figures went with it");
}

/// Until two minutes of the node are written, between whose last looks one more of [`passed`] passed.
async fn two_minutes(world: &World) {
    let node = world.company.hypervisors[0];
    let uuid = berth_store::hypervisor::by_id(world.app.ctx.store.read(), node).await.unwrap().unwrap().uuid;
    for minute in 1..=2 {
        world.node.host().stats.storage[0].io = Some(passed(minute));
        let heard = async || {
            let told = world.app.ctx.live.node(uuid);
            told.is_some_and(|(stats, _)| stats.storage.first().is_some_and(|root| root.io == Some(passed(minute))))
        };
        until("the counters are heard", heard).await;
        world.app.pass(MINUTE);
        let written = async || metrics(world, 5).await["points"].as_array().unwrap().len() as u64 == minute;
        until("the minute is written", written).await;
    }
}

/// From here on rows are written as a second control server would write them.
async fn ages(world: &World, node: i64) {
    let begun = hypervisor_metric::bucket(START + HOUR);
    for n in 0..30 {
        let figures = hypervisor_metric::Figures { cpu_centipercent: n * 100, ..Default::default() };
        for figures in [figures, hypervisor_metric::Figures::default()] {
            let minute = Ended { at: begun + n * MINUTE, node: figures, storage: Vec::new() };
            node_metrics::write(&world.app.ctx, node, minute).await;
        }
    }
    world.app.pass(2 * HOUR);
    let minutes = metrics(world, 120).await["points"].as_array().unwrap().len();
    let line = metrics(world, 2000).await;
    assert_eq!((&line["interval"], minutes >= 30), (&json!(900), true));
    let cpu = |line: &Value| {
        let points = line["points"].as_array().unwrap().iter();
        points.map(|point| point["cpu"].as_f64().unwrap()).filter(|cpu| [7.0, 22.0].contains(cpu)).count()
    };
    assert_eq!(cpu(&line), 2, "two quarters of an hour: {line}");
    world.app.pass(25 * HOUR);
    node_metrics::tidy(&world.app.ctx).await.unwrap();
    let aged = metrics(world, 2000).await;
    assert_eq!(cpu(&aged), 2, "the line stays what it was: {aged}");
    let rows = hypervisor_metric::since(world.app.ctx.store.read(), node, begun).await.unwrap();
    let of_that_hour = rows.iter().filter(|row| row.at < begun + HOUR).collect::<Vec<_>>();
    assert!(of_that_hour.iter().all(|row| row.span_s == hypervisor_metric::BUCKET_S), "{of_that_hour:?}");
    world.app.pass(28 * 24 * HOUR + 15 * MINUTE);
    node_metrics::tidy(&world.app.ctx).await.unwrap();
    let rows = hypervisor_metric::since(world.app.ctx.store.read(), node, 0).await.unwrap();
    assert!(rows.iter().all(|row| row.at > begun + 24 * HOUR - SECOND), "nothing is kept for ever");
    for query in ["0", "40321", "x", "-5"] {
        let path = format!("/compute/hypervisors/{node}/metrics?minutes={query}");
        let (status, answer) = world.app.get(&path).await;
        assert!(
            status == 422 && answer["errors"][0].as_str().unwrap().contains("minutes"),
            "{query}: {status} {answer}"
        );
    }
    assert_eq!(
        world.app.get("/compute/hypervisors/999/metrics").await,
        (404, json!({ "msg": "hypervisor not found" }))
    );
}
