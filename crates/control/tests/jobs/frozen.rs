//! Nodes that tell no figures any more while their streams stay open: their libvirt is down, or they are frozen.

use berth_control::{
    clock::SECOND,
    live::{FRESH_FOR, LiveServer},
    nodes::watch,
};
use berth_store::testing::Database;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{events::until, kinds::a_built_server, sim::World};

berth_store::on_both_databases!(figures_are_shown_for_five_seconds_and_again_when_they_come);

async fn remote_state(world: &World, server: i64) -> Value {
    let (status, body) = world.app.get(&format!("/servers/{server}?remoteState=true")).await;
    assert_eq!(status, 200, "{body}");
    body["data"]["remoteState"].clone()
}

async fn figures_are_shown_for_five_seconds_and_again_when_they_come(database: Database) {
    assert_eq!(FRESH_FOR, 5 * SECOND);
    let world = World::start(database).await;
    let server = a_built_server(&world).await;
    world.node.host().lively = true;
    let (ctx, uuid) = (&world.app.ctx, Uuid::parse_str(&world.uuid(server).await).unwrap());
    let seen = || -> Option<LiveServer> { ctx.live.server(uuid, ctx.now()) };
    assert_eq!(remote_state(&world, server).await["state"], "unknown", "nothing was told yet");
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    tokio::spawn(watch::run(ctx.clone(), stop));
    until("figures come", async || seen().is_some()).await;
    let shown = remote_state(&world, server).await;
    assert_eq!((&shown["running"], &shown["state"]), (&json!(true), &json!("running")));
    assert!(shown["sampled"].is_string() && shown["cpu"].as_f64().unwrap() > 0.0, "{shown}");
    assert_eq!(ctx.live.running(ctx.now()), 1);

    world.node.host().silent = true;
    // What was on its way may still come.
    until("the figures are too old", async || {
        world.app.pass(FRESH_FOR + 1);
        seen().is_none()
    })
    .await;
    let shown = remote_state(&world, server).await;
    assert_eq!((&shown["running"], &shown["state"]), (&json!(false), &json!("unknown")), "{shown}");
    assert_eq!((&shown["sampled"], &shown["cpu"], &shown["disk"]), (&Value::Null, &json!(0.0), &json!({})));
    assert_eq!(ctx.live.running(ctx.now()), 0, "nobody knows of a guest that runs");
    let node = berth_store::server_details::by_id(ctx.store.read(), server).await.unwrap().unwrap().hypervisor.uuid;
    assert!(ctx.live.hears(node), "the stream is open all the while");

    world.node.host().silent = false;
    until("figures come again", async || seen().is_some()).await;
    assert_eq!(remote_state(&world, server).await["running"], true);
}
