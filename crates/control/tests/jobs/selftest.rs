//! Self-tests of nodes: one at a time, kept with the node, read by placement; each step repeated and killed.

use berth_control::{
    actions::hypervisor_selftest,
    jobs::{self, Run},
};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    repeat_and_kill::{HARMS, Harm},
    rows,
    sim::World,
};

berth_store::on_both_databases!(
    what_a_test_finds_is_shown_and_keeps_servers_away_until_the_next_one_passes,
    a_node_that_is_met_without_ever_having_been_tested_is_tested,
    t20_a_test_ends_once_whatever_is_repeated_or_killed
);

async fn start(world: &World) -> i64 {
    let id = world.company.hypervisors[0];
    let (status, body) = world.app.post(&format!("/compute/hypervisors/{id}/selftest"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    body["data"]["queueId"].as_i64().unwrap()
}

/// Runs a test to its end with harm done to the step that is taken first.
async fn run(world: &World, queue_id: i64, harm: Harm) -> Value {
    let mut harm = Some(harm).filter(|harm| *harm != Harm::None);
    for _ in 0..20 {
        let row = world.job(queue_id).await;
        if row.finished_at.is_some() {
            break;
        }
        world.app.pass((row.run_at - world.app.ctx.now()).max(0));
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            let run = Run { ctx: world.app.ctx.clone(), job };
            crate::repeat_and_kill::one_step(world, &run, harm.take()).await;
        }
    }
    let (_, item) = world.app.get(&format!("/queue/{queue_id}")).await;
    item["data"].clone()
}

async fn shown(world: &World) -> Value {
    let id = world.company.hypervisors[0];
    world.app.get(&format!("/compute/hypervisors/{id}")).await.1["data"]["selftest"].clone()
}

async fn what_a_test_finds_is_shown_and_keeps_servers_away_until_the_next_one_passes(database: Database) {
    let world = World::start(database).await;
    rows::never_tested(&world.app, world.company.hypervisors[0]).await;
    assert_eq!(shown(&world).await, Value::Null);
    let (status, body) = world.app.post("/servers", world.company.order()).await;
    let told = body["errors"][0].as_str().unwrap_or_default();
    assert!(status == 422 && told.contains("its self-test has not passed yet"), "{status} {body}");
    let passing = start(&world).await;
    run(&world, passing, Harm::None).await;
    world.company.server(&world.app).await;
    world.node.faults().storage_fails = Some("The disk does not hold what was written.".to_owned());
    let first = start(&world).await;
    let id = world.company.hypervisors[0];
    let (status, body) = world.app.post(&format!("/compute/hypervisors/{id}/selftest"), json!({})).await;
    assert_eq!((status, &body["queueId"]), (423, &json!(first)), "one at a time");
    let item = run(&world, first, Harm::None).await;
    assert_eq!((&item["queue"], &item["hypervisorId"]), (&json!("done"), &json!(id)), "it did what it is for: {item}");
    let found = shown(&world).await;
    assert_eq!((&found["passed"], &found["checks"][0]["storageKind"]), (&json!(false), &json!("directory")));
    assert_eq!(found["checks"][0]["detail"], "The disk does not hold what was written.");
    let (status, body) = world.app.post("/servers", world.company.order()).await;
    assert_eq!((status, &body["errors"][0]), (422, &json!("The storage of hypervisor hv0 failed its self-test.")));
    let (status, body) = world.app.post("/servers?dryRun=true", world.company.order()).await;
    assert_eq!((status, &body["errors"][0]), (422, &json!("The storage of hypervisor hv0 failed its self-test.")));

    world.node.faults().storage_fails = None;
    let second = start(&world).await;
    run(&world, second, Harm::None).await;
    assert_eq!(shown(&world).await["passed"], true);
    world.company.server(&world.app).await;
    for id in ["999", "x", "0"] {
        let (status, body) = world.app.post(&format!("/compute/hypervisors/{id}/selftest"), json!({})).await;
        assert_eq!((status, &body["msg"]), (404, &json!("hypervisor not found")));
    }
}

/// Its first test may have waited for it in vain, or it joined a release that asked for none.
async fn a_node_that_is_met_without_ever_having_been_tested_is_tested(database: Database) {
    let world = World::start(database).await;
    let id = world.company.hypervisors[0];
    let queued = async || {
        hypervisor_selftest::ensure_tested(&world.app.ctx, id).await.unwrap();
        let (_, body) = world.app.get(&format!("/queue?hypervisorId={id}&kind=selftest")).await;
        let ids = body["data"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap());
        ids.collect::<Vec<_>>()
    };
    assert!(queued().await.is_empty(), "it has passed one");
    rows::never_tested(&world.app, id).await;
    let first = queued().await;
    assert_eq!((first.len(), queued().await), (1, first.clone()), "one at a time");
    run(&world, first[0], Harm::None).await;
    assert_eq!((shown(&world).await["passed"].clone(), queued().await), (json!(true), first), "and no other");
    world.company.server(&world.app).await;
    hypervisor_selftest::ensure_tested(&world.app.ctx, 999).await.unwrap();
}

pub async fn t20_a_test_ends_once_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    for harm in HARMS {
        let queue_id = start(&world).await;
        let item = run(&world, queue_id, harm).await;
        assert_eq!(item["queue"], "done", "{harm:?}: {item}");
        assert_eq!(shown(&world).await["passed"], true, "{harm:?}");
    }
    world.node.faults().gone = true;
    let queue_id = start(&world).await;
    for _ in 0..3 {
        world.app.pass(1_000_000);
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            jobs::take_step(&Run { ctx: world.app.ctx.clone(), job }).await;
        }
    }
    let (_, item) = world.app.get(&format!("/queue/{queue_id}")).await;
    let message = item["data"]["errors"]["exception"]["message"].as_str().unwrap();
    assert!(message.contains("can't be reached") && message.contains("It is tried again at"), "{message}");
    world.node.faults().gone = false;
    world.app.pass(120_000_000);
    assert_eq!(run(&world, queue_id, Harm::None).await["queue"], "done", "a node that is away is waited for");
}
