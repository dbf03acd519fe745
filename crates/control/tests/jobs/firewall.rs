//! Firewalls on their nodes: whether they are in force is what the node said, and nothing else.

use berth_control::compare;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    changes::work,
    kinds::a_built_server,
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(a_firewall_is_applied_when_its_node_said_so_and_not_when_the_work_ended);

async fn switch(world: &World, server: i64, how: &str) {
    let (status, body) = world.app.post(&format!("/servers/{server}/firewall/primary/{how}"), json!({})).await;
    assert_eq!((status, &body["data"]["applied"]), (200, &json!(false)), "its node has yet to follow: {body}");
}

async fn applied(world: &World, server: i64) -> Value {
    let (status, body) = world.app.get(&format!("/servers/{server}/firewall/primary")).await;
    assert_eq!(status, 200, "{body}");
    body["data"]["applied"].clone()
}

/// The work on a server is given up, for its node can't.
async fn given_up(world: &World, server: i64) {
    let (_, ended) = run_to_end(world, server, Harm::None, 0).await;
    let sentence = "The node can't carry out the change: The tables can't be read.";
    assert_eq!((ended.state.as_str(), ended.error.as_deref()), ("failed", Some(sentence)));
}

async fn a_firewall_is_applied_when_its_node_said_so_and_not_when_the_work_ended(database: Database) {
    let world = World::start(database).await;
    let server = a_built_server(&world).await;
    assert_eq!(applied(&world, server).await, true, "the build has it");
    world.node.faults().applies_fail = Some("The tables can't be read.".to_owned());
    switch(&world, server, "disable").await;
    given_up(&world, server).await;
    assert_eq!(applied(&world, server).await, false, "the old rules are in force");

    world.node.faults().applies_fail = None;
    switch(&world, server, "enable").await;
    work(&world, server).await;
    assert_eq!(applied(&world, server).await, true);

    // The node gets to it by itself, after the work has ended.
    world.node.faults().applies_fail = Some("The tables can't be read.".to_owned());
    switch(&world, server, "disable").await;
    given_up(&world, server).await;
    compare::all(&world.app.ctx).await.unwrap();
    assert_eq!(applied(&world, server).await, false);
    let uuid = world.uuid(server).await;
    {
        let mut host = world.node.host();
        let entry = &mut host.servers.get_mut(&uuid).unwrap().entry;
        entry.applied_generation = entry.generation;
    }
    compare::all(&world.app.ctx).await.unwrap();
    assert_eq!(applied(&world, server).await, true);
}
