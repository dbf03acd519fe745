//! Nodes that are gone, refuse, lose answers or lie: a sentence for the operator, and a later build works.

use std::time::{Duration, Instant};

use berth_agent::sim::Call;
use berth_control::jobs::{self, Run};
use berth_store::entity::job;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

async fn order(world: &World) -> i64 {
    let server = world.company.server(&world.app).await;
    order_for(world, server).await;
    server
}

async fn order_for(world: &World, server: i64) {
    let body = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), body).await.0, 200);
}

/// Takes claims until the work waits, and answers what it is like then.
async fn until_it_waits(world: &World, server: i64) -> job::Model {
    for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
        let mut run = Run { ctx: world.app.ctx.clone(), job };
        while let Some(job) = jobs::take_step(&run).await {
            run.job = job;
        }
    }
    world.unfinished(server).await.expect("it waits")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_gone_is_waited_for_with_a_sentence() {
    let world = World::start(Database::sqlite()).await;
    world.node.faults().gone = true;
    let server = order(&world).await;
    let waiting = until_it_waits(&world, server).await;
    let sentence = waiting.error.unwrap();
    assert!(sentence.starts_with("The node hv0 can't be reached"), "{sentence}");
    let (_, item) = world.app.get(&format!("/queue/{}", waiting.id)).await;
    let exception = &item["data"]["errors"]["exception"];
    assert_eq!(exception["errors"], json!([sentence]), "the queue says it");
    assert!(exception["message"].as_str().unwrap().starts_with(&sentence), "and what comes next: {exception}");
    assert_eq!(item["data"]["finished"], json!(null));
    world.node.faults().gone = false;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_its_deadline_a_build_fails_and_a_later_one_works() {
    let world = World::start(Database::sqlite()).await;
    world.node.faults().gone = true;
    let server = order(&world).await;
    until_it_waits(&world, server).await;
    world.app.pass(2 * berth_control::clock::HOUR);
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "failed");
    let (_, body) = world.app.get(&format!("/servers/{server}")).await;
    let shown = &body["data"];
    assert_eq!(
        (&shown["state"], &shown["commissionStatus"], &shown["buildFailed"]),
        (&json!("failed"), &json!(2), &json!(true))
    );
    world.node.faults().gone = false;
    order_for(&world, server).await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_are_asked_for_again_and_nothing_happens_twice() {
    let world = World::start(Database::sqlite()).await;
    for call in [Call::Apply, Call::Do, Call::Observe, Call::EnsureImage, Call::PutImage] {
        world.node.faults().lost_answers.insert(call, 2);
    }
    let server = order(&world).await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    let uuid = world.uuid(server).await;
    assert_eq!(world.node.host().servers[&uuid].starts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_fails_on_the_node_fails_the_build_with_its_sentence() {
    let world = World::start(Database::sqlite()).await;
    world.node.faults().ops_fail = Some("The storage of this node is full.".to_owned());
    let server = order(&world).await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!((ended.state.as_str(), ended.error.as_deref()), ("failed", Some("The storage of this node is full.")));
    world.node.faults().ops_fail = None;
    order_for(&world, server).await;
    assert_eq!(run_to_end(&world, server, Harm::None, 0).await.1.state, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lies_about_what_it_applied_is_found_out_at_the_start() {
    let world = World::start(Database::sqlite()).await;
    world.node.faults().lying = true;
    let server = order(&world).await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "failed");
    assert!(ended.error.unwrap().contains("not on this node"));
}

/// Longer than any test, and than a call may take.
const FOR_EVER: Duration = Duration::from_secs(3_600);
const A_LITTLE: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_node_delays_its_own_servers_and_no_other_nodes() {
    let (world, quick) = World::start_with_second(Database::sqlite()).await;
    let (mut slow_one, mut other) = (world.company.server(&world.app).await, world.company.server(&world.app).await);
    let node_of = async |server: i64| {
        let (_, body) = world.app.get(&format!("/servers/{server}")).await;
        body["data"]["hypervisorId"].clone()
    };
    if node_of(slow_one).await != json!(world.company.hypervisors[0]) {
        (slow_one, other) = (other, slow_one);
    }
    let nodes: [Value; 2] = [node_of(slow_one).await, node_of(other).await];
    assert_eq!(json!(nodes), json!(world.company.hypervisors), "one server on each");
    world.node.faults().slow = FOR_EVER;
    order_for(&world, slow_one).await;
    let claimed = jobs::claim(&world.app.ctx, "runner", 16).await.unwrap();
    assert_eq!(claimed.iter().map(|job| job.server_id).collect::<Vec<_>>(), [Some(slow_one)]);
    let waiting: Vec<_> = claimed
        .into_iter()
        .map(|job| {
            let mut run = Run { ctx: world.app.ctx.clone(), job };
            tokio::spawn(async move {
                while let Some(job) = jobs::take_step(&run).await {
                    run.job = job;
                }
            })
        })
        .collect();
    order_for(&world, other).await;
    let (_, ended) = run_to_end(&world, other, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    let uuid = world.uuid(other).await;
    assert_eq!(quick.host().servers[&uuid].starts, 1);
    let late = world.unfinished(slow_one).await.expect("its node has not answered yet");
    assert_eq!((late.finished_at, world.node.host().servers.len()), (None, 0));

    // It is late and not lost.
    for task in waiting {
        task.abort();
    }
    world.end_leases().await;
    world.node.faults().slow = A_LITTLE;
    let begun = Instant::now();
    let (_, ended) = run_to_end(&world, slow_one, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    assert!(begun.elapsed() >= A_LITTLE, "each of its answers took that long");
    let uuid = world.uuid(slow_one).await;
    assert_eq!(world.node.host().servers[&uuid].starts, 1);
}
