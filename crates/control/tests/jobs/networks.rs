//! Changes of a node's own network: confirmed over a new connection, or undone by the node; each step repeated and killed.

use berth_control::jobs::{self, Kind, Run};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    repeat_and_kill::{HARMS, Harm, one_step},
    sim::World,
};

berth_store::on_both_databases!(
    t20_a_node_has_the_bridges_of_its_networks_whatever_is_repeated_or_killed,
    a_change_with_which_the_node_is_not_reached_is_undone_and_says_so,
);

async fn send(world: &World, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = world.app.call(method, path, Some(body.to_string())).await;
    assert!((200..300).contains(&status), "{answer}");
    answer["data"].clone()
}

fn path(world: &World) -> String {
    format!("/compute/hypervisors/{}/networks", world.company.hypervisors[0])
}

/// The newest item of a change of networks.
async fn newest(world: &World) -> Value {
    world.app.get("/queue?kind=networks").await.1["data"][0].clone()
}

/// Takes a job of the kind to its end, with harm done to one step.
async fn run(world: &World, harm: Harm, at: u32) -> Value {
    let id = newest(world).await["id"].as_i64().unwrap();
    let mut taken = 0;
    for _ in 0..50 {
        let row = world.job(id).await;
        if row.finished_at.is_some() {
            break;
        }
        world.app.pass((row.run_at - world.app.ctx.now()).max(0));
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            let mut run = Some(Run { ctx: world.app.ctx.clone(), job });
            while let Some(now) = run.take().filter(|run| run.job.kind == Kind::Networks.name()) {
                let harmed = taken == at && harm != Harm::None;
                taken += 1;
                if harmed {
                    one_step(world, &now, Some(harm)).await;
                    world.end_leases().await;
                } else if let Some(job) = jobs::take_step(&now).await {
                    run = Some(Run { ctx: now.ctx, job });
                }
            }
        }
    }
    world.app.get(&format!("/queue/{id}")).await.1["data"].clone()
}

fn in_force(world: &World) -> Vec<(String, u32)> {
    world.node.host().networks.in_force.iter().map(|bridge| (bridge.bridge.clone(), bridge.mtu)).collect()
}

pub async fn t20_a_node_has_the_bridges_of_its_networks_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    for harm in HARMS {
        for at in 0..2 {
            let made = send(&world, "POST", &path(&world), json!({ "name": "Customers", "bridge": "vmbr1" })).await;
            let item = run(&world, harm, at).await;
            assert_eq!(item["queue"], "done", "{harm:?} at {at}: {item}");
            assert_eq!(in_force(&world), [("vmbr1".to_owned(), 1500)], "{harm:?} at {at}");
            let one = format!("{}/{}", path(&world), made["id"]);
            send(&world, "PUT", &one, json!({ "mtu": 1400 })).await;
            run(&world, harm, at).await;
            assert_eq!(in_force(&world), [("vmbr1".to_owned(), 1400)], "{harm:?} at {at}");
            send(&world, "DELETE", &one, json!({ "confirm": true })).await;
            run(&world, harm, at).await;
            assert_eq!(in_force(&world), [], "{harm:?} at {at}");
            world.node.host().networks.time_passes();
            assert_eq!(in_force(&world), [], "it holds");
        }
    }
}

async fn a_change_with_which_the_node_is_not_reached_is_undone_and_says_so(database: Database) {
    use berth_agent::sim::Call;
    let world = World::start(database).await;
    send(&world, "POST", &path(&world), json!({ "name": "Customers", "bridge": "vmbr1" })).await;
    let gone = || tonic::Status::unavailable("the simulated node is gone");
    world.node.faults().refusals.insert(Call::ConfirmNetworks, (3, gone()));
    let id = newest(&world).await["id"].as_i64().unwrap();
    for _ in 0..2 {
        let row = world.job(id).await;
        world.app.pass((row.run_at - world.app.ctx.now()).max(0));
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            let mut run = Run { ctx: world.app.ctx.clone(), job };
            while let Some(job) = jobs::take_step(&run).await {
                run.job = job;
            }
        }
    }
    assert_eq!(in_force(&world).len(), 1, "it waits to be confirmed");
    world.node.host().networks.time_passes();
    let item = run(&world, Harm::None, 0).await;
    let message = item["errors"]["exception"]["message"].as_str().unwrap();
    assert!(item["queue"] == "failed" && message.contains("undid the change"), "{item}");
    assert_eq!(in_force(&world), []);

    // Tried again, it is another change.
    let (status, again) = world.app.post(&format!("/queue/{id}/retry"), json!({})).await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(run(&world, Harm::None, 0).await["queue"], "done");
    assert_eq!(in_force(&world), [("vmbr1".to_owned(), 1500)]);
}
