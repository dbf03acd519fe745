//! Filters of a node's servers, written anew: each step repeated and killed, servers that are behind, and nodes that can't.

use std::collections::BTreeMap;

use berth_agent::sim::Call;
use berth_control::jobs::{self, Kind, Run};
use berth_store::testing::Database;
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    changes::put,
    kinds::a_built_server,
    repeat_and_kill::{HARMS, Harm, one_step},
    sim::World,
};

berth_store::on_both_databases!(
    t20_filters_are_written_anew_whatever_is_repeated_or_killed,
    a_server_that_is_behind_gets_its_specification_first_or_is_named,
    filters_that_do_not_come_into_force_are_told_and_other_nodes_are_refused,
);

fn path(world: &World) -> String {
    format!("/compute/hypervisors/{}", world.company.hypervisors[0])
}

async fn start(world: &World) -> i64 {
    let (status, body) = world.app.post(&format!("{}/networkFilters/regenerate", path(world)), json!({})).await;
    assert_eq!(status, 200, "{body}");
    body["data"]["queueId"].as_i64().unwrap()
}

async fn last_result(world: &World) -> Value {
    world.app.get(&path(world)).await.1["data"]["settings"]["networkFilter"]["lastResult"].clone()
}

/// Takes all work until this job has ended, with harm done to one of its steps; what the hypervisor then shows.
async fn run(world: &World, id: i64, harm: Harm, at: u32) -> Value {
    let mut taken = 0;
    for _ in 0..100 {
        let row = world.job(id).await;
        if row.finished_at.is_some() {
            break;
        }
        world.app.pass((row.run_at - world.app.ctx.now()).max(0));
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            let mut next = Some(Run { ctx: world.app.ctx.clone(), job });
            while let Some(now) = next.take() {
                let is_own = now.job.kind == Kind::Filters.name();
                let is_harmed = is_own && taken == at && harm != Harm::None;
                taken += u32::from(is_own);
                if is_harmed {
                    one_step(world, &now, Some(harm)).await;
                    world.end_leases().await;
                } else if let Some(job) = jobs::take_step(&now).await {
                    next = Some(Run { ctx: now.ctx, job });
                }
            }
        }
    }
    last_result(world).await
}

async fn generation(world: &World, server: i64) -> u64 {
    let row = berth_store::server::by_id(world.app.ctx.store.read(), server).await.unwrap().unwrap();
    row.generation.unsigned_abs()
}

pub async fn t20_filters_are_written_anew_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    assert_eq!(last_result(&world).await, Value::Null);
    let server = a_built_server(&world).await;
    let wanted = BTreeMap::from([(world.uuid(server).await, generation(&world, server).await)]);
    for harm in HARMS {
        for at in 0..2 {
            world.node.host().filtered.clear();
            let id = start(&world).await;
            let shown = run(&world, id, harm, at).await;
            let written = json!({ "servers": 1, "interfaces": 1, "removed": 0, "behind": [] });
            assert_eq!((&shown["state"], &shown["written"]), (&json!("done"), &written), "{harm:?} at {at}: {shown}");
            assert_eq!((&shown["queueId"], &shown["progress"]), (&json!(id), &json!(100)), "{harm:?} at {at}");
            assert_eq!(world.node.host().filtered, wanted, "{harm:?} at {at}");
        }
    }
    let (_, queue) = world.app.get("/queue?kind=apply").await;
    assert_eq!(queue["data"], json!([]), "who has the newest gets nothing once more");
}

async fn a_server_that_is_behind_gets_its_specification_first_or_is_named(database: Database) {
    let world = World::start(database).await;
    let server = a_built_server(&world).await;
    let uuid = world.uuid(server).await;
    // Its node lost what it knew of it.
    world.node.host().servers.remove(&uuid);
    let id = start(&world).await;
    let shown = run(&world, id, Harm::None, 0).await;
    assert_eq!((&shown["state"], &shown["written"]["behind"]), (&json!("done"), &json!([])), "{shown}");
    let newest = generation(&world, server).await;
    assert_eq!(world.node.host().filtered.get(&uuid), Some(&newest));

    // The node does not take what is newer, and the others are not kept waiting for long.
    put(&world, server, "modify/memory", json!({ "memory": 1024 })).await;
    assert!(generation(&world, server).await > newest);
    let busy = || Status::unavailable("the simulated node is busy");
    world.node.faults().refusals.insert(Call::Apply, (1_000, busy()));
    let id = start(&world).await;
    let shown = run(&world, id, Harm::None, 0).await;
    assert_eq!((&shown["state"], &shown["written"]["behind"]), (&json!("done"), &json!([server])), "{shown}");
    assert_eq!(world.node.host().filtered.get(&uuid), Some(&newest), "of what it has");
}

async fn filters_that_do_not_come_into_force_are_told_and_other_nodes_are_refused(database: Database) {
    let world = World::start(database).await;
    let server = a_built_server(&world).await;
    world.node.faults().filters_fail = Some("Something else removes them.".to_owned());
    let id = start(&world).await;
    let (status, body) = world.app.post(&format!("{}/networkFilters/regenerate", path(&world)), json!({})).await;
    assert_eq!((status, &body["queueId"]), (423, &json!(id)), "one at a time");
    let shown = run(&world, id, Harm::None, 0).await;
    let why = format!("The filters of 1 of 1 servers are not in force. Server {server}: Something else removes them.");
    assert_eq!((&shown["state"], &shown["error"], &shown["written"]), (&json!("failed"), &json!(why), &Value::Null));

    world.node.faults().filters_fail = None;
    let (status, again) = world.app.post(&format!("/queue/{id}/retry"), json!({})).await;
    assert_eq!(status, 200, "{again}");
    let id = again["data"]["queueId"].as_i64().unwrap();
    assert_eq!(run(&world, id, Harm::None, 0).await["written"]["servers"], 1);

    let unknown = Status::unimplemented("");
    world.node.faults().refusals.insert(Call::RegenerateFilters, (1, unknown));
    let id = start(&world).await;
    let shown = run(&world, id, Harm::None, 0).await;
    let told = shown["error"].as_str().unwrap_or_default();
    assert!(shown["state"] == "failed" && told.contains("upgrade it"), "an agent of the release before: {shown}");
    for id in ["999", "x", "0"] {
        let (status, body) =
            world.app.post(&format!("/compute/hypervisors/{id}/networkFilters/regenerate"), json!({})).await;
        assert_eq!((status, &body["msg"]), (404, &json!("hypervisor not found")), "{id}");
    }
}
