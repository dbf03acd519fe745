//! Firewalls on their nodes: whether they are in force is what the node said, and nothing else.

use berth_control::{compare, config::Config, nodes::watch};
use berth_store::testing::Database;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    changes::work,
    events::until,
    kinds::a_built_server,
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    a_firewall_is_applied_when_its_node_said_so_and_not_when_the_work_ended,
    who_applies_a_firewall_is_answered_when_its_node_has_followed_or_could_not,
    a_firewall_is_stateful_where_the_nodes_kernel_can,
);

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

/// Asks while the work on the server is done; the status, and what a look right after the answer says.
async fn ask(world: &World, server: i64, method: &str, how: &str, body: &str) -> (u16, Value) {
    let path = format!("/servers/{server}/firewall/primary{how}");
    let asked = async {
        let body = Some(body.to_owned()).filter(|body| !body.is_empty());
        let (status, _) = world.app.call(method, &path, body).await;
        (status, applied(world, server).await)
    };
    let worked = async {
        while world.unfinished(server).await.is_none() {
            tokio::task::yield_now().await;
        }
        run_to_end(world, server, Harm::None, 0).await;
    };
    tokio::join!(asked, worked).0
}

async fn who_applies_a_firewall_is_answered_when_its_node_has_followed_or_could_not(database: Database) {
    let world = World::start_with(database, |config| Config { firewall_wait_s: 30, ..config }).await;
    let server = a_built_server(&world).await;
    let rule = r#"{ "direction": "in", "action": "deny", "protocol": "tcp", "destinationPort": 23 }"#;
    let all = [
        ("POST", "/apply", "{}", 200),
        ("GET", "?sync=true", "", 200),
        ("POST", "/disable?sync=true", "{}", 200),
        ("POST", "/enable?sync=1", "{}", 200),
        ("POST", "/rules?sync=true", rule, 200),
        ("POST", "/rules?sync=true", r#"{ "rulesets": [1] }"#, 201),
    ];
    for (method, how, body, wanted) in all {
        let answer = ask(&world, server, method, how, body).await;
        assert_eq!(answer, (wanted, json!(true)), "{method} {how}");
    }
    world.node.faults().applies_fail = Some("The tables can't be read.".to_owned());
    for (method, how, body, wanted) in all {
        let body = body.replace("23", "24");
        let answer = ask(&world, server, method, how, &body).await;
        assert_eq!(answer, (wanted, json!(false)), "{method} {how}");
        assert!(world.unfinished(server).await.is_none(), "the work was given up");
    }
}

async fn a_firewall_is_stateful_where_the_nodes_kernel_can(database: Database) {
    let world = World::start(database).await;
    let server = world.company.server(&world.app).await;
    let told = async || {
        let (_, body) = world.app.get(&format!("/servers/{server}/firewall/primary")).await;
        body["data"]["stateful"].as_bool().unwrap()
    };
    // An agent that does not say never asked its kernel.
    for (says, wanted) in [("none", false), ("stateful", true), ("none", false), ("", true)] {
        assert_ne!(told().await, wanted, "{says}");
        world.node.host().firewall = says.to_owned();
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        tokio::spawn(watch::run(world.app.ctx.clone(), stop));
        until("the node's kernel is known", async || told().await == wanted).await;
        drop(guard);
    }
}
