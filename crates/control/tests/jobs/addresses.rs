//! Addresses of guests that run: their node lets them through at once, and the guest configures them at its next start.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    changes::{pending, shown, work},
    kinds::{a_built_server, order_power},
    sim::World,
};

berth_store::on_both_databases!(addresses_pass_at_once_and_the_guest_has_them_from_its_next_start_on);

/// Adds one, which the node then lets through; what it is.
async fn add(world: &World, server: i64) -> String {
    let quantity = json!({ "interface": "primary", "quantity": 1 });
    let (status, added) = world.app.post(&format!("/servers/{server}/ipv4Qty"), quantity).await;
    assert_eq!(status, 200, "{added}");
    work(world, server).await;
    let address = added["data"][0].as_str().unwrap().to_owned();
    assert!(passes(world, server).await.contains(&address));
    address
}

/// What the node lets through, whatever the guest knows of it.
async fn passes(world: &World, server: i64) -> Vec<String> {
    let uuid = world.uuid(server).await;
    let host = world.node.host();
    let spec = host.servers[&uuid].applied.as_ref().unwrap();
    spec.interfaces[0].ipv4.iter().map(|one| one.address.clone()).collect()
}

async fn addresses_pass_at_once_and_the_guest_has_them_from_its_next_start_on(database: Database) {
    let world = World::start(database).await;
    let server = a_built_server(&world).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);
    let more = add(&world, server).await;
    let waiting = shown(&world, server).await["tasks"]["actions"]["pending"].take();
    assert_eq!(
        (waiting.as_array().unwrap().len(), &waiting[0]["action"]),
        (1, &json!("Change addresses")),
        "{waiting}"
    );
    assert_eq!(waiting[0]["payload"]["interfaces"][0]["ipv4"], json!(passes(&world, server).await));

    // Taken back, the guest has what it was started with.
    let gone = json!({ "interface": "primary", "ip": [more] }).to_string();
    let (status, _) = world.app.call("DELETE", &format!("/servers/{server}/ipv4"), Some(gone)).await;
    assert_eq!(status, 204);
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);

    // Of what it may use besides, the guest is told nothing.
    let passed = json!({ "interface": "primary", "ip": "198.51.100.0", "cidr": 24 });
    let answer = world.app.post(&format!("/servers/{server}/networkWhitelist"), passed).await;
    assert_eq!(answer, (201, Value::Null));
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0]);

    add(&world, server).await;
    assert_eq!(pending(&world, server).await, ["Change addresses"]);
    order_power(&world, server, "restart").await;
    work(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0], "it has read them");

    order_power(&world, server, "poweroff").await;
    work(&world, server).await;
    add(&world, server).await;
    assert_eq!(pending(&world, server).await, [] as [&str; 0], "nothing runs that lacks them");
}
