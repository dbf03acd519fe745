//! Disks of a server as its node gets them: plugged in, grown and taken out while the guest runs, or at its next power
//! change.

use berth_control::{clock::SECOND, jobs::Kind, nodes::watch};
use berth_proto::{Power, PowerChanged, event::What};
use berth_store::{entity::job, testing::Database};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    app::START,
    changes::{has, pending, put, shown, work},
    events::until,
    kinds::{a_built_server, order_build, order_power},
    repeat_and_kill::{Harm, each_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    a_running_guest_is_given_disks_and_gives_them_up,
    disks_that_name_no_cache_mode_have_their_nodes,
    what_a_guest_does_not_give_up_goes_with_its_next_start,
    t20_what_is_held_goes_once_whatever_step_of_the_start_is_repeated_or_killed,
    t20_a_disk_comes_and_another_goes_once_whatever_step_is_repeated_or_killed,
);

async fn add(world: &World, server: i64, body: Value) {
    let (status, answer) = world.app.post(&format!("/servers/{server}/disks"), body).await;
    assert_eq!(status, 201, "{answer}");
}

async fn remove(world: &World, server: i64, letter: &str, apply: bool) {
    let body = json!({ "confirm": true, "apply": apply }).to_string();
    let (status, answer) = world.app.call("DELETE", &format!("/servers/{server}/disks/{letter}"), Some(body)).await;
    assert_eq!(status, 204, "{answer}");
}

/// Letters and states of the rows, and how many volumes the node has.
async fn disks(world: &World, server: i64) -> (Vec<(String, i64)>, usize) {
    let rows = shown(world, server).await["storage"].take();
    let of = |disk: &Value| (disk["drive"].as_str().unwrap().to_owned(), disk["status"].as_i64().unwrap());
    let uuid = world.uuid(server).await;
    let volumes = world.node.host().servers[&uuid].volumes.len();
    (rows.as_array().unwrap().iter().map(of).collect(), volumes)
}

fn letters(wanted: &[(&str, i64)]) -> Vec<(String, i64)> {
    wanted.iter().map(|(letter, status)| ((*letter).to_owned(), *status)).collect()
}

/// The guest keeps its disks until it is stopped.
async fn hold(world: &World, server: i64) {
    let uuid = world.uuid(server).await;
    world.node.host().server(&uuid).guest.as_mut().unwrap().holds_disks = true;
}

async fn with_a_second_disk(world: &World) -> i64 {
    let server = a_built_server(world).await;
    add(world, server, json!({ "sizeGb": 3, "apply": true })).await;
    work(world, server).await;
    server
}

async fn a_running_guest_is_given_disks_and_gives_them_up(database: Database) {
    let world = World::start(database).await;
    let server = a_built_server(&world).await;
    add(&world, server, json!({ "sizeGb": 3, "filesystem": "ext4", "bus": "scsi", "apply": true })).await;
    work(&world, server).await;
    assert_eq!((has(&world, server).await.2, pending(&world, server).await), (vec![5, 3], Vec::new()));
    assert_eq!(disks(&world, server).await, (letters(&[("a", 3), ("b", 3)]), 2));
    let uuid = world.uuid(server).await;
    let spec = || world.node.host().servers[&uuid].applied.clone().unwrap();
    assert!(spec().required_features.contains(&"disks.v1".to_owned()));
    let told = spec().disks[1].clone();
    assert_eq!((told.bus.as_str(), told.filesystem.as_str(), told.io.as_str()), ("scsi", "ext4", ""));

    put(&world, server, "disks/b", json!({ "sizeGb": 4, "qos": { "writeIops": 50 }, "apply": true })).await;
    work(&world, server).await;
    assert_eq!((has(&world, server).await.2, pending(&world, server).await), (vec![5, 4], Vec::new()));
    assert_eq!(spec().disks[1].limits.unwrap().write_iops, 50);
    put(&world, server, "disks/b", json!({ "cache": "none", "io": "native", "apply": true })).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, ["Change HDD (sdb)"]);
    order_power(&world, server, "restart").await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);

    add(&world, server, json!({ "sizeGb": 1, "bus": "sata", "apply": true })).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, ["Create HDD (sdc)"], "SATA is not plugged in");
    remove(&world, server, "b", true).await;
    work(&world, server).await;
    assert_eq!((has(&world, server).await.2, disks(&world, server).await.1), (vec![5], 2));
    add(&world, server, json!({ "sizeGb": 2, "apply": true })).await;
    work(&world, server).await;
    assert_eq!(disks(&world, server).await.0, letters(&[("a", 3), ("b", 3), ("c", 1)]), "its letter is free again");
}

async fn disks_that_name_no_cache_mode_have_their_nodes(database: Database) {
    let world = World::start(database).await;
    let server = with_a_second_disk(&world).await;
    let uuid = world.uuid(server).await;
    let modes = || {
        let spec = world.node.host().servers[&uuid].applied.clone().unwrap();
        spec.disks.into_iter().map(|disk| disk.cache).collect::<Vec<_>>()
    };
    let node = format!("/compute/hypervisors/{}", world.company.hypervisors[0]);
    let set = async |mode: &str| {
        let (status, answer) = world.app.put(&node, json!({ "diskCacheType": mode })).await;
        assert_eq!((status, &answer["data"]["diskCacheType"]), (200, &json!(mode)), "{answer}");
    };
    put(&world, server, "disks/b", json!({ "cache": "writethrough", "apply": true })).await;
    work(&world, server).await;
    assert_eq!(modes(), ["", "writethrough"], "the agent chooses where nobody else does");
    order_power(&world, server, "restart").await;
    work(&world, server).await;

    set("directsync").await;
    work(&world, server).await;
    assert_eq!(modes(), ["directsync", "writethrough"]);
    assert_eq!(shown(&world, server).await["hypervisor"]["defaultDiskCacheType"], "directsync");
    assert_eq!(pending(&world, server).await, ["Change HDD (sda)"], "not while it runs");
    order_power(&world, server, "restart").await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);

    set("directsync").await;
    assert!(world.unfinished(server).await.is_none(), "it is what it was");
    set("inherit").await;
    work(&world, server).await;
    assert_eq!(modes(), ["", "writethrough"]);
    put(&world, server, "disks/a", json!({ "cache": "none", "apply": true })).await;
    work(&world, server).await;
    set("unsafe").await;
    assert!(world.unfinished(server).await.is_none(), "each disk names its own");
    assert_eq!(modes(), ["none", "writethrough"]);
}

async fn what_a_guest_does_not_give_up_goes_with_its_next_start(database: Database) {
    let world = World::start(database).await;
    let server = with_a_second_disk(&world).await;
    hold(&world, server).await;
    remove(&world, server, "b", true).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, ["Remove HDD (sdb)"]);
    assert_eq!(disks(&world, server).await, (letters(&[("a", 3), ("b", 4)]), 2), "nothing is pulled from under it");
    order_power(&world, server, "restart").await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);
    assert_eq!(disks(&world, server).await, (letters(&[("a", 3)]), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_to_be_applied_is_when_the_guest_goes_off() {
    let world = World::start(Database::sqlite()).await;
    let server = with_a_second_disk(&world).await;
    let stop = CancellationToken::new();
    tokio::spawn(watch::run(world.app.ctx.clone(), stop.clone()));
    let _stop = stop.drop_guard();
    let uuid = world.uuid(server).await;
    let off = async |at: i64| {
        let what = What::PowerChanged(PowerChanged { power: Power::Off.into(), ..Default::default() });
        world.node.tell(&uuid, START + at * SECOND, what);
        until("the event was acknowledged", async || world.node.host().events.is_empty()).await;
    };
    off(1).await;
    assert!(world.unfinished(server).await.is_none(), "nothing waits");
    remove(&world, server, "b", false).await;
    add(&world, server, json!({ "sizeGb": 7 })).await;
    assert!(world.unfinished(server).await.is_none());
    assert_eq!(pending(&world, server).await, ["Remove HDD (sdb)", "Create HDD (sdc)"]);
    order_power(&world, server, "shutdown").await;
    work(&world, server).await;
    off(2).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);
    assert_eq!(disks(&world, server).await, (letters(&[("a", 3), ("c", 3)]), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_takes_what_leaves_with_it() {
    let world = World::start(Database::sqlite()).await;
    let server = with_a_second_disk(&world).await;
    remove(&world, server, "b", false).await;
    order_build(&world, server).await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    assert_eq!((disks(&world, server).await, pending(&world, server).await), ((letters(&[("a", 3)]), 1), Vec::new()));
}

/// At each of its steps a disk is to leave: it goes, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_leaves_while_a_build_runs_goes_too() {
    let world = World::start(Database::sqlite()).await;
    for steps in 0..7 {
        let server = world.company.server(&world.app).await;
        add(&world, server, json!({ "sizeGb": 3 })).await;
        order_build(&world, server).await;
        let mut claimed = berth_control::jobs::claim(&world.app.ctx, "runner", 1).await.unwrap();
        let mut run = berth_control::jobs::Run { ctx: world.app.ctx.clone(), job: claimed.remove(0) };
        for _ in 0..steps {
            run.job = berth_control::jobs::take_step(&run).await.expect("there are more steps");
        }
        remove(&world, server, "b", true).await;
        world.end_leases().await;
        let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
        assert_eq!(ended.state, "done", "after {steps} steps: {:?}", ended.error);
        assert_eq!(disks(&world, server).await, (letters(&[("a", 3)]), 1), "after {steps} steps");
        assert_eq!(world.app.delete(&format!("/servers/{server}")).await.0, 204);
        work(&world, server).await;
    }
}

async fn t20_a_disk_comes_and_another_goes_once_whatever_step_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let order = async |world: &World, server: i64| {
        add(world, server, json!({ "sizeGb": 7, "apply": true })).await;
        remove(world, server, "b", true).await;
    };
    each_step(&world, Kind::Apply, with_a_second_disk, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        assert_eq!(has(world, server).await.2, [5, 7], "{how}");
        assert_eq!(disks(world, server).await, (letters(&[("a", 3), ("c", 3)]), 2), "{how}");
        assert_eq!(pending(world, server).await, [] as [&str; 0], "{how}");
    })
    .await;
}

async fn t20_what_is_held_goes_once_whatever_step_of_the_start_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let prepare = async |world: &World| {
        let server = with_a_second_disk(world).await;
        hold(world, server).await;
        remove(world, server, "b", true).await;
        work(world, server).await;
        server
    };
    let order = async |world: &World, server: i64| order_power(world, server, "restart").await;
    each_step(&world, Kind::Power, prepare, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        assert_eq!(disks(world, server).await, (letters(&[("a", 3)]), 1), "{how}");
        assert_eq!(pending(world, server).await, [] as [&str; 0], "{how}");
    })
    .await;
}
