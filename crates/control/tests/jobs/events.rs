//! What nodes tell by themselves, and what is live of them.

use std::time::Duration;

use berth_agent::sim::SimNode;
use berth_control::{clock::SECOND, nodes::watch};
use berth_proto::{Drift, Power, PowerChanged, event::What};
use berth_store::{entity::server, hypervisor, server as servers, testing::Database};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::START,
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

const LIMIT: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// Waits for what must come true; a test fails where it does not.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(LIMIT, async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    });
    assert!(waited.await.is_ok(), "not in time: {what}");
}

fn watch(world: &World) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(watch::run(world.app.ctx.clone(), stop.clone()));
    stop.drop_guard()
}

async fn built(world: &World) -> i64 {
    let server = world.company.server(&world.app).await;
    let body = serde_json::json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), body).await.0, 200);
    assert_eq!(run_to_end(world, server, Harm::None, 0).await.1.state, "done");
    server
}

async fn row(world: &World, id: i64) -> server::Model {
    servers::by_id(world.app.ctx.store.read(), id).await.unwrap().unwrap()
}

fn power(to: Power) -> What {
    What::PowerChanged(PowerChanged { power: to.into(), ..Default::default() })
}

async fn a_node_is_followed(database: Database) {
    let world = World::start(database).await;
    let server = built(&world).await;
    let uuid = world.uuid(server).await;
    let first = watch(&world);

    world.node.tell(&uuid, START + SECOND, power(Power::Off));
    until("the guest's own shutdown is known", async || row(&world, server).await.power == "off").await;
    until("the event was acknowledged", async || world.node.host().events.is_empty()).await;
    until("live figures came", async || {
        world.app.ctx.live.server(uuid.parse().unwrap(), world.app.ctx.now()).is_some()
    })
    .await;
    let node = hypervisor::by_id(world.app.ctx.store.read(), world.company.hypervisors[0]).await.unwrap().unwrap();
    assert_eq!(node.facts["accelerator"], "qemu", "the node said hello");

    drop(first);
    world.node.tell(&uuid, START + 2 * SECOND, power(Power::Running));
    world.node.tell("no-server-of-ours", START, power(Power::Off));
    let _second = watch(&world);
    until("what happened meanwhile is known", async || row(&world, server).await.power == "running").await;
    until("foreign servers' events are passed over", async || world.node.host().events.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_tells_is_applied_and_after_a_break_it_goes_on_where_it_was() {
    a_node_is_followed(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_tells_is_applied_on_postgresql_too() {
    a_node_is_followed(Database::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_another_control_server_applied_changes_nothing_again() {
    let world = World::start(Database::sqlite()).await;
    let server = built(&world).await;
    let (node, server_uuid) = (world.company.hypervisors[0], world.uuid(server).await);
    let event = |sequence, to| berth_proto::Event {
        incarnation: "boot-1".to_owned(),
        sequence,
        server_uuid: server_uuid.clone(),
        // All at once: only their numbers tell which is older.
        at_us: START + SECOND,
        what: Some(power(to)),
    };
    for (sequence, to) in [(1, Power::Off), (2, Power::Running), (1, Power::Off)] {
        berth_control::events::apply(&world.app.ctx, node, event(sequence, to)).await.unwrap();
    }
    assert_eq!(row(&world, server).await.power, "running", "the older event came second and counted");
}

async fn drift_is_noted(database: Database) {
    let world = World::start(database).await;
    let server = built(&world).await;
    let (node, uuid) = (world.company.hypervisors[0], world.uuid(server).await);
    let drift = |sequence, server_uuid: &str, what: &str| berth_proto::Event {
        incarnation: "boot-1".to_owned(),
        sequence,
        server_uuid: server_uuid.to_owned(),
        at_us: START + SECOND,
        what: Some(What::Drift(Drift { what: what.to_owned() })),
    };
    let long = "x".repeat(5000);
    let told =
        [drift(1, &uuid, "It was\u{7} stopped."), drift(2, "", &long), drift(3, "nobody's", "?"), drift(1, &uuid, "?")];
    for event in told {
        berth_control::events::apply(&world.app.ctx, node, event).await.unwrap();
    }
    let entries = world.app.get("/audit?action=note_drift").await.1;
    let entries = entries["data"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "each once, and none of servers that are not ours: {entries:?}");
    assert_eq!(entries[1]["subject"], serde_json::json!({ "type": "server", "id": server }));
    assert_eq!(
        (&entries[1]["after"]["what"], &entries[1]["actor"]["type"]),
        (&"It was stopped.".into(), &"system".into())
    );
    assert_eq!(entries[0]["subject"], serde_json::json!({ "type": "hypervisor", "id": node }));
    assert_eq!(entries[0]["after"]["what"].as_str().unwrap().len(), 1000, "bounded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t26_what_was_changed_on_a_node_behind_our_back_stands_in_the_audit_log_once() {
    drift_is_noted(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t26_drift_stands_in_the_audit_log_on_postgresql_too() {
    drift_is_noted(Database::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_goes_away_leaves_no_live_figures() {
    let mut world = World::start(Database::sqlite()).await;
    let server = built(&world).await;
    let uuid = world.uuid(server).await.parse().unwrap();
    let _watch = watch(&world);
    until("live figures came", async || world.app.ctx.live.server(uuid, world.app.ctx.now()).is_some()).await;
    let identity = crate::sim::identity(&world.app, world.company.hypervisors[0]).await;
    // Its port closes; another node elsewhere is not asked.
    world.node = SimNode::start(&identity).await.unwrap();
    until("what it said is forgotten", async || world.app.ctx.live.server(uuid, world.app.ctx.now()).is_none()).await;
}
