//! Suspension as a node gets it, and other work that comes at the same time.

use std::time::Duration;

use berth_control::jobs::{self, Kind};
use berth_store::{entity::job, testing::Database};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    changes::{has, pending, put, shown, work},
    kinds::{a_built_server, a_server, order_build, order_power},
    repeat_and_kill::{Harm, each_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(t20_a_suspension_and_its_end_happen_once_whatever_step_is_repeated_or_killed,);

async fn order(world: &World, server: i64, what: &str) {
    let (status, body) = world.app.post(&format!("/servers/{server}/{what}"), json!({})).await;
    assert_eq!(status, 204, "{what}: {body}");
}

/// Whether it runs, how often it was started and stopped, and whether it comes back after a reboot of the node.
async fn power(world: &World, server: i64) -> (bool, u32, u32, bool) {
    let uuid = world.uuid(server).await;
    let host = world.node.host();
    let on_node = &host.servers[&uuid];
    (on_node.running, on_node.starts, on_node.stops, on_node.entry.should_run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_guest_is_off_and_only_what_ran_boots_again() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = a_built_server(&world).await;
        order(&world, server, "suspend").await;
        work(&world, server).await;
        assert_eq!(power(&world, server).await, (false, 1, 1, false));
        put(&world, server, "modify/memory", json!({ "memory": 4096 })).await;
        work(&world, server).await;
        assert_eq!(power(&world, server).await, (false, 1, 1, false), "a change starts nobody");
        order(&world, server, "unsuspend").await;
        work(&world, server).await;
        assert_eq!(power(&world, server).await, (true, 2, 1, true));
        assert_eq!((has(&world, server).await.1, pending(&world, server).await), (4096, Vec::new()));

        order_power(&world, server, "poweroff").await;
        work(&world, server).await;
        for what in ["suspend", "unsuspend"] {
            order(&world, server, what).await;
            work(&world, server).await;
            assert_eq!(power(&world, server).await, (false, 2, 2, false), "it was off before: {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_suspensions_in_a_row_only_the_last_takes_effect_and_what_ran_is_not_forgotten() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    for what in ["suspend", "unsuspend"] {
        order(&world, server, what).await;
    }
    work(&world, server).await;
    assert_eq!(power(&world, server).await, (true, 1, 0, true), "it was called off before it began");
    order(&world, server, "suspend").await;
    work(&world, server).await;
    for what in ["unsuspend", "suspend"] {
        order(&world, server, what).await;
    }
    work(&world, server).await;
    assert_eq!(power(&world, server).await, (false, 1, 1, false));
    order(&world, server, "unsuspend").await;
    work(&world, server).await;
    assert_eq!(power(&world, server).await, (true, 2, 1, true), "it ran before the first of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_was_queued_before_a_suspension_leaves_the_guest_off() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    order_power(&world, server, "restart").await;
    order(&world, server, "suspend").await;
    run_to_end(&world, server, Harm::None, 0).await;
    assert!(!power(&world, server).await.0);

    let building = a_server(&world).await;
    order_build(&world, building).await;
    order(&world, building, "suspend").await;
    work(&world, building).await;
    assert_eq!(power(&world, building).await, (false, 1, 1, false));
    assert_eq!(shown(&world, building).await["state"], "complete");
    order(&world, building, "unsuspend").await;
    work(&world, building).await;
    assert!(power(&world, building).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_suspends_its_guest_when_it_is_back() {
    let world = World::start(Database::sqlite()).await;
    let server = a_built_server(&world).await;
    world.node.faults().gone = true;
    order(&world, server, "suspend").await;
    for _ in 0..50 {
        let waiting = world.unfinished(server).await.expect("it waits for its node");
        world.app.pass((waiting.run_at - world.app.ctx.now()).max(0) + 86_400_000_000);
        for job in jobs::claim(&world.app.ctx, "runner", 1).await.unwrap() {
            let run = jobs::Run { ctx: world.app.ctx.clone(), job };
            assert!(jobs::take_step(&run).await.is_none());
        }
    }
    world.node.faults().gone = false;
    work(&world, server).await;
    assert!(!power(&world, server).await.0);
}

pub async fn t20_a_suspension_and_its_end_happen_once_whatever_step_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let suspend = async |world: &World, server: i64| order(world, server, "suspend").await;
    each_step(&world, Kind::Suspend, a_built_server, suspend, async |world: &World, server, ended: &_, how: &str| {
        let ended: &job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        assert_eq!(power(world, server).await, (false, 1, 1, false), "{how}");
        order(world, server, "unsuspend").await;
        work(world, server).await;
        assert!(power(world, server).await.0, "{how}: that it ran was not forgotten");
    })
    .await;
    let prepare = async |world: &World| {
        let server = a_built_server(world).await;
        order(world, server, "suspend").await;
        work(world, server).await;
        server
    };
    let unsuspend = async |world: &World, server: i64| order(world, server, "unsuspend").await;
    each_step(&world, Kind::Suspend, prepare, unsuspend, async |world: &World, server, ended: &_, how: &str| {
        let ended: &job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        assert_eq!(power(world, server).await, (true, 2, 1, true), "{how}");
    })
    .await;
}

/// With two runners on it: changes of package, power actions and suspensions from several clients, then a deletion
/// amid a rebuild.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_from_everywhere_leave_the_guest_as_the_rows_say_and_a_deletion_during_a_build_leaves_nothing() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = a_built_server(&world).await;
        let large = json!({ "name": "Large", "memory": 4096, "primaryStorage": 9, "cpuCores": 3 });
        assert_eq!(world.app.post("/packages", large).await.0, 201);
        let shutdown = CancellationToken::new();
        for owner in ["one", "two"] {
            tokio::spawn(jobs::run(world.app.ctx.clone(), owner.to_owned(), shutdown.clone()));
        }
        let client = |n: u32| {
            let app = &world.app;
            async move {
                for round in 0..6 {
                    let (method, path, wanted) = match (n + round) % 5 {
                        0 => ("PUT", "package/1", vec![200]),
                        1 => ("PUT", "package/2", vec![200]),
                        2 => ("POST", "power/restart", vec![200, 423]),
                        3 => ("POST", "suspend", vec![204]),
                        _ => ("POST", "unsuspend", vec![204]),
                    };
                    let body = Some("{}".to_owned());
                    let (status, body) = app.call(method, &format!("/servers/{server}/{path}"), body).await;
                    assert!(wanted.contains(&status), "{path}: {status} {body}");
                }
            }
        };
        futures::future::join_all((0..4).map(client)).await;
        order(&world, server, "unsuspend").await;
        put(&world, server, "package/2", json!({})).await;
        idle(&world, server).await;
        // Whatever came before: a boot makes the guest what the rows say, and nothing waits.
        order_power(&world, server, "restart").await;
        idle(&world, server).await;
        assert_eq!(has(&world, server).await, (3, 4096, vec![9], 0));
        assert_eq!(pending(&world, server).await, [] as [&str; 0]);

        let (uuid, build) = (world.uuid(server).await, json!({ "operatingSystemId": world.company.template }));
        // The node is away, so that the first build has not ended when the second is asked for.
        world.node.faults().gone = true;
        let path = format!("/servers/{server}/build");
        let builds = [0, 1].map(|_| world.app.post(&path, build.clone()));
        let mut outcomes: Vec<u16> =
            futures::future::join_all(builds).await.into_iter().map(|(status, _)| status).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, [200, 423], "one of them wins");
        let (status, _) = world.app.delete(&format!("/servers/{server}")).await;
        assert_eq!(status, 204);
        world.node.faults().gone = false;
        idle(&world, server).await;
        let on_node = |uuid: &str| world.node.host().servers[uuid].volumes.len();
        assert_eq!(on_node(&uuid), 0);
        assert!(berth_store::server::by_id_even_deleting(world.app.ctx.store.read(), server).await.unwrap().is_none());
        shutdown.cancel();
    }
}

/// Until no work is left for the server; pauses of steps that are tried again pass at once.
async fn idle(world: &World, server: i64) {
    let waited = async {
        while world.unfinished(server).await.is_some() {
            world.app.pass(1_000_000);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.expect("the work ends");
}
