//! Time zones: guests are given their owner's, and nodes tell their own. And what else nodes tell of their guests.

use berth_control::nodes::watch;
use berth_store::testing::Database;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    changes::{shown, work},
    events::until,
    kinds::{a_server, order_build},
    sim::World,
};

berth_store::on_both_databases!(
    a_guest_is_built_with_its_owners_time_zone,
    a_node_tells_its_time_zone,
    a_node_tells_what_confines_its_guests,
);

async fn a_guest_is_built_with_its_owners_time_zone(database: Database) {
    let world = World::start(database).await;
    let jane = json!({ "name": "Jane", "email": "jane@doe.test", "extRelationId": 9, "timezone": "Europe/London" });
    for wrong in ["Mars/Olympus", "", "europe", "../etc/passwd"] {
        let mut refused = jane.clone();
        refused["timezone"] = json!(wrong);
        let (status, body) = world.app.post("/users", refused).await;
        assert!(status == 422 && body["errors"][0].as_str().unwrap().contains("timezone"), "{wrong}: {body}");
    }
    let (status, made) = world.app.post("/users", jane).await;
    assert_eq!((status, &made["data"]["timezone"]), (201, &json!("Europe/London")), "{made}");
    let server = a_server(&world).await;
    let zones = async || {
        let uuid = world.uuid(server).await;
        let seed = world.node.host().servers[&uuid].applied.as_ref().and_then(|spec| spec.seed.clone()).unwrap();
        (seed.timezone, shown(&world, server).await["timezone"].as_str().unwrap().to_owned())
    };
    let named = |guest: &str, shown: &str| (guest.to_owned(), shown.to_owned());
    order_build(&world, server).await;
    work(&world, server).await;
    assert_eq!(zones().await, named("", "_default"), "its owner's is UTC, which images have");

    let path = format!("/servers/{server}/owner/{}", made["data"]["id"]);
    assert_eq!(world.app.put(&path, json!({})).await.0, 201);
    order_build(&world, server).await;
    work(&world, server).await;
    assert_eq!(zones().await, named("Europe/London", "Europe/London"));

    let change = |zone: &str| Some(json!({ "timezone": zone }).to_string());
    let path = "/users/9/byExtRelation";
    assert_eq!(world.app.call("PUT", path, change("Nowhere")).await.0, 422);
    let (status, body) = world.app.call("PUT", path, change("America/New_York")).await;
    assert!((200..300).contains(&status), "{body}");
    assert_eq!(zones().await.0, "Europe/London", "until the next build");
    order_build(&world, server).await;
    work(&world, server).await;
    assert_eq!(zones().await.0, "America/New_York");
}

async fn a_node_tells_its_time_zone(database: Database) {
    let world = World::start(database).await;
    let server = a_server(&world).await;
    let told = async || shown(&world, server).await["hypervisor"]["timezone"].as_str().unwrap().to_owned();
    assert_eq!(told().await, "UTC");
    for (says, wanted) in [("Europe/Prague", "Europe/Prague"), ("Mars/Olympus", "UTC")] {
        world.node.host().timezone = says.to_owned();
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        tokio::spawn(watch::run(world.app.ctx.clone(), stop));
        until("the node's zone is known", async || told().await == wanted).await;
        drop(guard);
    }
}

async fn a_node_tells_what_confines_its_guests(database: Database) {
    let world = World::start(database).await;
    let server = a_server(&world).await;
    let told = async || shown(&world, server).await["settings"]["securityDriver"].as_i64().unwrap();
    for (says, wanted) in [("selinux", 1), ("none", 0), ("apparmor", 2), ("", 0)] {
        assert_ne!(told().await, wanted, "{says}");
        world.node.host().security_driver = says.to_owned();
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        tokio::spawn(watch::run(world.app.ctx.clone(), stop));
        until("the node's driver is known", async || told().await == wanted).await;
        drop(guard);
    }
}
