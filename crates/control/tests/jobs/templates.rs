//! What becomes of servers and builds whose template changes.

use berth_proto::ServerSpec;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    changes::{put, work},
    kinds::{a_built_server, a_server, order_build, order_power},
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

fn digest(n: u8) -> String {
    format!("sha256:{}", n.to_string().repeat(64))
}

/// The company's template gets an image by URL, and is for another system from now on.
async fn give_image(world: &World, n: u8, system: &str) {
    let path = format!("/media/templates/{}", world.company.template);
    let url = format!("https://images.test/{n}.qcow2");
    let change = json!({ "imageUrl": url, "imageDigest": digest(n), "imageVirtualBytes": 1 << 30, "type": system });
    let (status, answer) = world.app.put(&path, change).await;
    assert_eq!(status, 200, "{answer}");
}

async fn told(world: &World, server: i64) -> ServerSpec {
    let uuid = world.uuid(server).await;
    world.node.host().servers[&uuid].applied.clone().unwrap()
}

async fn queue_item(world: &World, id: i64) -> Value {
    world.app.get(&format!("/queue/{id}")).await.1["data"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_stays_what_it_was_built_from_whatever_becomes_of_its_template() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = a_built_server(&world).await;
        let before = told(&world, server).await;
        assert_eq!((before.disks[0].image_digest.as_str(), before.os_type.as_str()), (digest(0).as_str(), "linux"));
        give_image(&world, 2, "windows").await;
        order_power(&world, server, "restart").await;
        work(&world, server).await;
        assert_eq!(told(&world, server).await, before, "and under the same generation");
        put(&world, server, "modify/memory", json!({ "memory": 1024 })).await;
        work(&world, server).await;
        let wanted = ServerSpec { generation: before.generation + 1, memory_mib: 1024, ..before };
        assert_eq!(told(&world, server).await, wanted, "what was changed, and nothing else");
        let (_, reset) = world.app.post(&format!("/servers/{server}/resetPassword"), json!({})).await;
        work(&world, server).await;
        let uuid = world.uuid(server).await;
        let hash = world.node.host().servers[&uuid].password_hash.clone();
        assert!(hash.starts_with("$6$") && reset["data"]["expectedPassword"] != hash, "root's, as on Linux: {hash}");

        order_build(&world, server).await;
        work(&world, server).await;
        let rebuilt = told(&world, server).await;
        assert_eq!((rebuilt.disks[0].image_digest.as_str(), rebuilt.os_type.as_str()), (digest(2).as_str(), "windows"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_takes_the_image_of_its_order_and_says_so_where_that_is_gone() {
    let world = World::start(Database::sqlite()).await;
    // The control server still has the file that was uploaded.
    let server = a_server(&world).await;
    order_build(&world, server).await;
    give_image(&world, 2, "linux").await;
    work(&world, server).await;
    assert_eq!(told(&world, server).await.disks[0].image_digest, digest(0));
    assert!(!world.node.host().images.contains(&digest(2)));
    // What only its URL had, and no node has fetched.
    let server = a_server(&world).await;
    order_build(&world, server).await;
    give_image(&world, 3, "linux").await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    let why = "The template got another image since this build was ordered, and the one of then is nowhere any more.";
    assert_eq!((ended.state.as_str(), ended.error.as_deref()), ("failed", Some(why)));
    let (status, again) = world.app.post(&format!("/queue/{}/retry", ended.id), json!({})).await;
    assert_eq!(status, 200, "{again}");
    work(&world, server).await;
    assert_eq!(queue_item(&world, again["data"]["queueId"].as_i64().unwrap()).await["failed"], false);
    assert_eq!(told(&world, server).await.disks[0].image_digest, digest(3), "taken up again, it is what there is now");
    // What a node has in its cache it has.
    let server = a_server(&world).await;
    order_build(&world, server).await;
    give_image(&world, 4, "linux").await;
    work(&world, server).await;
    assert_eq!(told(&world, server).await.disks[0].image_digest, digest(3));
}
