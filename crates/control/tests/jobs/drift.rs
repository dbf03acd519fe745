//! Where a node and the database differ is found, shown and counted, and nothing is done about it by guess.

use berth_control::{Error, compare};
use berth_store::{entity::server, testing::Database};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::{
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(t26_differences_are_shown_and_nothing_is_guessed);

async fn built(world: &World) -> i64 {
    let server = world.company.server(&world.app).await;
    let order = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    run_to_end(world, server, Harm::None, 0).await;
    server
}

async fn compared(world: &World) -> Value {
    compare::all(&world.app.ctx).await.unwrap();
    let id = world.company.hypervisors[0];
    let (status, body) = world.app.get(&format!("/compute/hypervisors/{id}/drift")).await;
    assert_eq!(status, 200, "{body}");
    body["data"].clone()
}

fn kinds(drift: &Value) -> Vec<(&str, &Value)> {
    let all = drift["differences"].as_array().unwrap().iter();
    all.map(|one| (one["kind"].as_str().unwrap(), &one["serverId"])).collect()
}

async fn t26_differences_are_shown_and_nothing_is_guessed(database: Database) {
    let world = World::start(database).await;
    let id = world.company.hypervisors[0];
    let (_, before) = world.app.get(&format!("/compute/hypervisors/{id}/drift")).await;
    assert_eq!(before["data"], json!({ "compared": null, "error": null, "differences": [], "total": 0 }));
    let (lost, forgotten) = (built(&world).await, built(&world).await);
    let whole = compared(&world).await;
    assert_eq!((kinds(&whole), &whole["compared"]), (vec![], &json!("2025-01-20T14:00:47+00:00")), "{whole}");

    // Somebody took one off the node, and the database lost the row of another.
    let uuid = world.uuid(lost).await;
    world.node.host().servers.get_mut(&uuid).unwrap().applied = None;
    let strange = world.uuid(forgotten).await;
    renamed(&world, forgotten).await;
    world.node.host().unknown_domains = vec!["berth-mystery".to_owned()];
    world.app.pass(60_000_000);
    let found = compared(&world).await;
    let mine = json!(lost);
    let other = json!(forgotten);
    assert_eq!(
        kinds(&found),
        [
            ("unknown_domain", &Value::Null),
            ("unknown_server", &Value::Null),
            ("missing_server", &mine),
            ("missing_server", &other)
        ],
        "{found}"
    );
    assert_eq!(found["differences"][1]["subject"], json!(strange));
    assert!(found["differences"].as_array().unwrap().iter().all(|one| one["detail"].as_str().unwrap().len() > 40));
    let metrics = figures(&world).await;
    assert!(metrics.contains("berth_drift{kind=\"missing_server\"} 2"), "{metrics}");
    assert!(world.node.host().servers[&uuid].applied.is_none(), "nothing was made anew");

    // A node that is away is not compared, and what was found stays.
    world.node.faults().gone = true;
    world.app.pass(60_000_000);
    let away = compared(&world).await;
    assert!(away["error"].as_str().unwrap().contains("can't be reached"), "{away}");
    assert_eq!((&away["total"], &away["compared"]), (&json!(4), &found["compared"]));
    world.node.faults().gone = false;

    // Work on the server is not a difference; afterwards it is whole again.
    assert_eq!(world.app.delete(&format!("/servers/{lost}")).await.0, 204);
    let under_way = compared(&world).await;
    assert!(!kinds(&under_way).contains(&("missing_server", &mine)), "{under_way}");
    let since = &under_way["differences"][0]["since"];
    assert_eq!(*since, json!("2025-01-20T14:01:47+00:00"), "first seen a minute after the beginning");
    for path in ["999", "x"] {
        assert_eq!(world.app.get(&format!("/compute/hypervisors/{path}/drift")).await.0, 404);
    }
    let (status, _) = world.app.get(&format!("/compute/hypervisors/{id}/drift?results=0")).await;
    assert_eq!(status, 422);
}

/// The row is of another server now, as after a restore from a backup.
async fn renamed(world: &World, id: i64) {
    let uuid = world.app.ctx.rng.uuid();
    let changed = world.app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let row = server::ActiveModel { uuid: Set(uuid), ..Default::default() };
            server::Entity::update_many().set(row).filter(server::Column::Id.eq(id)).exec(tx).await.unwrap();
            Ok(())
        })
    });
    changed.await.unwrap();
}

async fn figures(world: &World) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let router = berth_control::metrics::router(world.app.ctx.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    reqwest::get(url).await.unwrap().text().await.unwrap()
}
