//! Changes of servers as their node gets them: what a running guest takes, what waits for its next start, and what
//! becomes of it then.

use berth_control::jobs::{self, Kind, Run};
use berth_store::{entity::job, testing::Database};
use serde_json::{Value, json};

use crate::{
    kinds::{a_built_server, order_build, order_power},
    repeat_and_kill::{Harm, each_step, one_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    t20_what_waits_is_applied_once_whatever_step_of_the_start_is_repeated_or_killed,
    t20_changes_are_applied_once_whatever_step_is_repeated_or_killed,
);

pub async fn put(world: &World, server: i64, path: &str, body: Value) {
    let (status, answer) = world.app.call("PUT", &format!("/servers/{server}/{path}"), Some(body.to_string())).await;
    assert!(matches!(status, 200 | 201), "{path}: {status} {answer}");
}

pub async fn shown(world: &World, server: i64) -> Value {
    world.app.get(&format!("/servers/{server}")).await.1["data"].take()
}

/// The waiting changes, by their names.
pub async fn pending(world: &World, server: i64) -> Vec<String> {
    let rows = shown(world, server).await["tasks"]["actions"]["pending"].take();
    rows.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

pub async fn work(world: &World, server: i64) -> job::Model {
    let (_, ended) = run_to_end(world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    ended
}

/// What the running guest has: processors, MiB of memory, GiB of each disk, and how much of its processors' time.
pub async fn has(world: &World, server: i64) -> (u32, u64, Vec<u64>, u32) {
    let uuid = world.uuid(server).await;
    let host = world.node.host();
    let has = &host.servers[&uuid].guest.as_ref().expect("a guest runs").has;
    let disks = has.disks.iter().map(|disk| disk.capacity_gib).collect();
    (has.vcpus, has.memory_mib, disks, has.cpu_throttle_percent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_running_guest_can_take_it_has_at_once_and_the_rest_at_its_next_start() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = a_built_server(&world).await;
        assert_eq!(has(&world, server).await, (1, 512, vec![5], 0));
        put(&world, server, "modify/memory", json!({ "memory": 1024 })).await;
        put(&world, server, "modify/cpuCores", json!({ "cores": 2 })).await;
        put(&world, server, "modify/cpuThrottle?sync=true", json!({ "percent": 25 })).await;
        put(&world, server, "modify/storage", json!({ "drive": "a", "size": 8 })).await;
        let ended = work(&world, server).await;
        assert_eq!((ended.action.as_str(), has(&world, server).await), ("modify_server", (2, 1024, vec![8], 75)));
        assert_eq!(pending(&world, server).await, [] as [&str; 0]);

        put(&world, server, "modify/memory", json!({ "memory": 4096 })).await;
        put(&world, server, "modify/cpuCores", json!({ "cores": 1 })).await;
        put(&world, server, "modify/cpuThrottle?sync=true", json!({ "percent": 0 })).await;
        work(&world, server).await;
        assert_eq!(has(&world, server).await, (2, 1024, vec![8], 0));
        let waiting = shown(&world, server).await["tasks"]["actions"]["pending"].take();
        let texts = waiting.as_array().unwrap().iter().map(|row| (&row["action"], &row["payload"], &row["complete"]));
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [
                (&json!("Change memory"), &json!({ "memory": 4096 }), &json!(false)),
                (&json!("Change CPU cores"), &json!({ "cpuCores": 1 }), &json!(false)),
            ]
        );
        // Changed again before it was applied: it still waits once, for the newest.
        put(&world, server, "modify/memory", json!({ "memory": 2048 })).await;
        work(&world, server).await;
        let memory = shown(&world, server).await["tasks"]["actions"]["pending"][0].take();
        assert_eq!((&memory["id"], &memory["payload"]), (&waiting[0]["id"], &json!({ "memory": 2048 })));
        order_power(&world, server, "restart").await;
        let ended = work(&world, server).await;
        assert_eq!(has(&world, server).await, (1, 2048, vec![8], 0));
        assert_eq!(pending(&world, server).await, [] as [&str; 0]);
        let (_, item) = world.app.get(&format!("/queue/{}", ended.id)).await;
        let applied = item["data"]["primaryActions"].as_array().unwrap().last().unwrap();
        assert_eq!(applied["data"]["applied"], json!(["Change memory", "Change CPU cores"]), "{item}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_taken_back_waits_no_more_and_one_to_a_guest_that_is_off_never_does() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    put(&world, server, "modify/memory", json!({ "memory": 4096 })).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, ["Change memory"]);
    put(&world, server, "modify/memory", json!({ "memory": 512 })).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);

    put(&world, server, "modify/memory", json!({ "memory": 4096 })).await;
    work(&world, server).await;
    order_power(&world, server, "poweroff").await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0], "nothing runs that lacks it");
    put(&world, server, "modify/cpuCores", json!({ "cores": 8 })).await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);
    order_power(&world, server, "boot").await;
    work(&world, server).await;
    assert_eq!(has(&world, server).await, (8, 4096, vec![5], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_that_is_switched_on_or_off_is_so_on_the_node() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    let uuid = world.uuid(server).await;
    for action in ["enable", "disable", "enable"] {
        let path = format!("/servers/{server}/vnc");
        assert_eq!(world.app.post(&path, json!({ "action": action })).await.0, 200);
        work(&world, server).await;
        let told = world.node.host().servers[&uuid].applied.as_ref().map(|spec| spec.vnc_enabled);
        assert_eq!(told, Some(action == "enable"));
        assert_eq!(pending(&world, server).await, [] as [&str; 0], "it waits for no start");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttle_that_is_not_synchronised_waits_for_the_next_start() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    put(&world, server, "modify/cpuThrottle", json!({ "percent": 30 })).await;
    assert!(world.unfinished(server).await.is_none());
    assert_eq!(pending(&world, server).await, ["Change CPU throttle"]);
    assert_eq!(has(&world, server).await.3, 0);
    order_power(&world, server, "restart").await;
    work(&world, server).await;
    assert_eq!((has(&world, server).await.3, pending(&world, server).await), (70, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_start_was_to_apply_waits_on() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    put(&world, server, "modify/memory", json!({ "memory": 4096 })).await;
    work(&world, server).await;
    world.node.faults().ops_fail = Some("The guest did not start.".to_owned());
    order_power(&world, server, "restart").await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!((ended.state.as_str(), ended.error.as_deref()), ("failed", Some("The guest did not start.")));
    let flags = async || {
        let row = shown(&world, server).await["tasks"]["actions"]["pending"][0].take();
        (row["action"].clone(), row["collected"].clone(), row["failed"].clone())
    };
    assert_eq!(flags().await, (json!("Change memory"), json!(false), json!(true)));
    world.node.faults().ops_fail = None;
    order_power(&world, server, "restart").await;
    // The first of its steps says that the change is being applied.
    let mut claimed = berth_control::jobs::claim(&world.app.ctx, "runner", 1).await.unwrap();
    let run = berth_control::jobs::Run { ctx: world.app.ctx.clone(), job: claimed.remove(0) };
    assert!(berth_control::jobs::take_step(&run).await.is_some());
    assert_eq!(flags().await.1, json!(true));
    world.end_leases().await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_disk_of_a_new_server_is_there_when_the_build_has_ended() {
    let world = World::start(Database::sqlite()).await;
    let mut order = world.company.order();
    order["additionalStorage1Enable"] = json!(true);
    order["additionalStorage1Capacity"] = json!(20);
    let (status, body) = world.app.post("/servers", order).await;
    assert_eq!(status, 201, "{body}");
    let server = body["data"]["id"].as_i64().unwrap();
    let disk = async || {
        let disk = shown(&world, server).await["storage"][1].take();
        (disk["status"].clone(), disk["enabled"].clone(), pending(&world, server).await)
    };
    let planned = (json!(1), json!(false), vec!["Create HDD (sdb)".to_owned()]);
    assert_eq!(disk().await, planned);
    order_build(&world, server).await;
    assert_eq!(disk().await, planned, "it is not there yet");
    work(&world, server).await;
    assert_eq!(disk().await, (json!(3), json!(true), Vec::new()));
    assert_eq!(has(&world, server).await.2, [5, 20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_carries_what_is_changed_while_it_runs() {
    let world = World::start(Database::sqlite()).await;
    for steps in 0..7 {
        let server = world.company.server(&world.app).await;
        order_build(&world, server).await;
        let mut claimed = berth_control::jobs::claim(&world.app.ctx, "runner", 1).await.unwrap();
        let mut run = berth_control::jobs::Run { ctx: world.app.ctx.clone(), job: claimed.remove(0) };
        for _ in 0..steps {
            run.job = berth_control::jobs::take_step(&run).await.expect("there are more steps");
        }
        put(&world, server, "modify/memory", json!({ "memory": 1024 })).await;
        world.end_leases().await;
        let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
        assert_eq!(ended.state, "done", "after {steps} steps: {:?}", ended.error);
        assert_eq!((has(&world, server).await.1, pending(&world, server).await), (1024, Vec::new()));
        assert_eq!(shown(&world, server).await["state"], "complete");
        let (status, _) = world.app.delete(&format!("/servers/{server}")).await;
        assert_eq!(status, 204);
        work(&world, server).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_without_a_generation_reaches_the_node_with_the_next_one() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    let (status, _) = world.app.post(&format!("/servers/{server}/resetPassword"), json!({})).await;
    assert_eq!(status, 200);
    work(&world, server).await;
    assert_eq!(world.app.post(&format!("/servers/{server}/vnc"), json!({ "vnc": true })).await.0, 200);
    order_power(&world, server, "restart").await;
    work(&world, server).await;
    let (uuid, row) = (world.uuid(server).await, berth_store::server::by_id(world.app.ctx.store.read(), server).await);
    let host = world.node.host();
    let spec = host.servers[&uuid].applied.as_ref().unwrap();
    assert!(spec.vnc_enabled);
    assert_eq!(spec.seed.as_ref().unwrap().root_password_hash, row.unwrap().unwrap().password_hash);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_follows_when_it_is_back() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    world.node.faults().gone = true;
    put(&world, server, "modify/memory", json!({ "memory": 1024 })).await;
    for _ in 0..20 {
        let waiting = world.unfinished(server).await.expect("it waits for its node");
        world.app.pass((waiting.run_at - world.app.ctx.now()).max(0) + 3_600_000_000);
        for job in berth_control::jobs::claim(&world.app.ctx, "runner", 1).await.unwrap() {
            let run = berth_control::jobs::Run { ctx: world.app.ctx.clone(), job };
            assert!(berth_control::jobs::take_step(&run).await.is_none());
        }
    }
    world.node.faults().gone = false;
    work(&world, server).await;
    assert_eq!(has(&world, server).await.1, 1024);
}

pub async fn t20_changes_are_applied_once_whatever_step_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let order = async |world: &World, server: i64| {
        put(world, server, "modify/memory", json!({ "memory": 4096 })).await;
        put(world, server, "modify/cpuCores", json!({ "cores": 2 })).await;
    };
    each_step(&world, Kind::Apply, a_built_server, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        assert_eq!(has(world, server).await, (2, 512, vec![5], 0), "{how}");
        assert_eq!(pending(world, server).await, ["Change memory"], "{how}");
    })
    .await;
}

async fn t20_what_waits_is_applied_once_whatever_step_of_the_start_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let prepare = async |world: &World| {
        let server = a_built_server(world).await;
        put(world, server, "modify/memory", json!({ "memory": 4096 })).await;
        work(world, server).await;
        server
    };
    let order = async |world: &World, server: i64| order_power(world, server, "restart").await;
    each_step(&world, Kind::Power, prepare, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        assert_eq!(has(world, server).await.1, 4096, "{how}");
        assert_eq!(pending(world, server).await, [] as [&str; 0], "{how}");
        let uuid = world.uuid(server).await;
        assert_eq!(world.node.host().servers[&uuid].starts, 2, "{how}: restarted once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_backups_during_a_rebuild_holds_and_another_rebuild_is_told_to_wait() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = a_built_server(&world).await;
        let (status, made) = world.app.post("/backups/plans", json!({ "name": "Nightly" })).await;
        assert_eq!(status, 201, "{made}");
        let plan = &made["data"]["id"];
        let before = shown(&world, server).await;
        assert_eq!((&before["backupPlan"]["id"], &before["state"]), (&Value::Null, &json!("complete")));
        let uuid = world.uuid(server).await;
        let disks = world.node.host().servers[&uuid].volumes.clone();

        order_build(&world, server).await;
        let job = jobs::claim(&world.app.ctx, "runner", 1).await.unwrap().remove(0);
        one_step(&world, &Run { ctx: world.app.ctx.clone(), job }, None).await;
        assert_eq!(shown(&world, server).await["state"], "building");
        put(&world, server, &format!("backups/plan/{plan}"), json!({})).await;
        put(&world, server, "backupManager/access", json!({ "type": "view_restore" })).await;
        let again = json!({ "operatingSystemId": world.company.template });
        let (status, refused) = world.app.post(&format!("/servers/{server}/build"), again).await;
        assert_eq!(status, 423, "{refused}");

        world.end_leases().await;
        let ended = work(&world, server).await;
        assert_eq!(ended.kind, Kind::Build.name(), "one rebuild, and nothing behind it");
        let after = shown(&world, server).await;
        assert_eq!((&after["state"], &after["backupPlan"]["id"]), (&json!("complete"), plan));
        assert_eq!(after["backupManager"]["access"], "view_restore");
        let renewed = world.node.host().servers[&uuid].volumes.clone();
        assert!(renewed.len() == 1 && renewed != disks, "rebuilt once: {renewed:?} after {disks:?}");
    }
}
