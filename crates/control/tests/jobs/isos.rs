//! ISO images in nodes' caches, and which of them nodes forget.

use berth_agent::sim::{Call, digest_of};
use berth_control::node_isos;
use berth_store::testing::Database;
use serde_json::{Value, json};
use tonic::Status;

use crate::{changes::work, kinds::a_built_server, sim::World};

const URL: &str = "https://images.test/rescue.iso";
const OTHER: &str = "https://images.test/other.iso";

async fn mount(world: &World, server: i64, what: Value) {
    let (status, answer) = world.app.post(&format!("/servers/{server}/media/iso"), what).await;
    assert_eq!(status, 200, "{answer}");
    work(world, server).await;
}

async fn eject(world: &World, server: i64) {
    assert_eq!(world.app.delete(&format!("/servers/{server}/media/iso")).await.0, 200);
    work(world, server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_forget_discs_that_are_in_no_library_and_in_no_drive() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = a_built_server(&world).await;
        let prune = async || {
            node_isos::prune(&world.app.ctx).await.unwrap();
            let host = world.node.host();
            [URL, OTHER].map(|url| host.isos.contains(&digest_of(url)))
        };
        let (status, made) = world.app.post("/media/iso", json!({ "name": "Rescue", "url": URL })).await;
        assert_eq!(status, 201, "{made}");
        let id = made["data"]["id"].as_i64().unwrap();
        mount(&world, server, json!({ "isoId": id })).await;
        assert_eq!(prune().await, [true, false], "it is in the drive");
        let (_, own) = world.app.get(&format!("/servers/user/{}", world.company.user)).await;
        assert_eq!(own["data"][0]["media"], json!({ "isoMounted": true, "isoName": "Rescue" }));
        mount(&world, server, json!({ "url": OTHER })).await;
        assert_eq!(prune().await, [true, true], "one is in the library, the other in the drive");
        assert_eq!(world.app.delete(&format!("/media/iso/{id}")).await.0, 204);
        let images = world.node.host().images.len();

        let unknown = Status::unimplemented("an agent of the release before");
        world.node.faults().refusals.insert(Call::PruneIsos, (1, unknown));
        assert_eq!(prune().await, [true, true]);
        world.node.faults().gone = true;
        assert_eq!(prune().await, [true, true]);
        world.node.faults().gone = false;

        assert_eq!(prune().await, [false, true]);
        eject(&world, server).await;
        assert_eq!(prune().await, [false, false]);
        let (_, own) = world.app.get(&format!("/servers/user/{}", world.company.user)).await;
        assert_eq!(own["data"][0]["media"], json!({ "isoMounted": false, "isoName": "" }));
        assert_eq!(world.node.host().images.len(), images - 2, "templates stay");
        mount(&world, server, json!({ "url": URL })).await;
        assert_eq!(prune().await, [true, false], "what was forgotten is fetched again");
    }
}
