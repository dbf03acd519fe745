//! Every kind of job, with each of its steps repeated and killed.

use std::sync::atomic::{AtomicUsize, Ordering};

use berth_control::jobs::Kind;
use berth_store::testing::Database;
use serde_json::json;

use crate::{
    app::with_mail,
    repeat_and_kill::{Harm, each_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    t20_a_build_ends_once_whatever_step_is_repeated_or_killed,
    t20_a_rebuild_ends_once_whatever_step_is_repeated_or_killed,
    t20_power_actions_happen_once_whatever_is_repeated_or_killed,
    t20_a_password_is_set_and_shown_whatever_is_repeated_or_killed,
    t20_a_disc_is_mounted_whatever_is_repeated_or_killed,
    t20_a_disc_that_came_by_its_url_is_ejected_whatever_is_repeated_or_killed,
    t20_a_deletion_leaves_nothing_whatever_is_repeated_or_killed,
);

pub async fn a_server(world: &World) -> i64 {
    world.company.server(&world.app).await
}

pub async fn a_built_server(world: &World) -> i64 {
    let server = a_server(world).await;
    order_build(world, server).await;
    let (_, ended) = run_to_end(world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    server
}

pub async fn order_build(world: &World, server: i64) {
    let order = json!({ "operatingSystemId": world.company.template });
    let (status, body) = world.app.post(&format!("/servers/{server}/build"), order).await;
    assert_eq!(status, 200, "{body}");
}

pub async fn order_power(world: &World, server: i64, action: &str) {
    let (status, body) = world.app.post(&format!("/servers/{server}/power/{action}"), json!({})).await;
    assert_eq!(status, 200, "{body}");
}

async fn check_built(world: &World, server: i64, ended: &berth_store::entity::job::Model, how: &str) {
    assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
    let (_, body) = world.app.get(&format!("/servers/{server}")).await;
    let shown = &body["data"];
    assert_eq!((&shown["state"], &shown["commissionStatus"]), (&json!("complete"), &json!(3)), "{how}");
    let uuid = world.uuid(server).await;
    let host = world.node.host();
    let on_node = &host.servers[&uuid];
    assert!(on_node.running, "{how}");
    assert_eq!(on_node.volumes.len(), 1, "{how}: earlier disks are gone");
}

pub async fn t20_a_build_ends_once_whatever_step_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    each_step(&world, Kind::Build, a_server, order_build, async |world: &World, server, ended: &_, how: &str| {
        check_built(world, server, ended, how).await;
        let uuid = world.uuid(server).await;
        assert_eq!(world.node.host().servers[&uuid].starts, 1, "{how}: started once");
    })
    .await;
}

/// Of a build or a password that the owner is told of by mail.
async fn letters_are_written_once(
    kind: &str,
    work: Kind,
    make: impl AsyncFn(&World) -> i64,
    order: impl AsyncFn(&World, i64),
) {
    let world = World::start_with(Database::sqlite(), with_mail).await;
    let written = AtomicUsize::new(0);
    each_step(&world, work, make, order, async |world: &World, _, _: &_, how: &str| {
        let now = world.app.mailed().await.into_iter().filter(|one| one == kind).count();
        assert_eq!(now, written.fetch_add(1, Ordering::Relaxed) + 1, "{how}: one letter more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t20_an_owner_is_written_once_that_a_server_was_built() {
    let order = async |world: &World, server: i64| {
        let order = json!({ "operatingSystemId": world.company.template, "email": true });
        assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    };
    letters_are_written_once("server_built", Kind::Build, a_server, order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t20_an_owner_is_written_once_that_a_password_is_another() {
    let order = async |world: &World, server: i64| {
        assert_eq!(world.app.post(&format!("/servers/{server}/resetPassword"), json!({})).await.0, 200);
    };
    letters_are_written_once("server_password", Kind::Password, a_built_server, order).await;
}

async fn t20_a_rebuild_ends_once_whatever_step_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    each_step(&world, Kind::Build, a_built_server, order_build, check_built).await;
}

pub async fn t20_power_actions_happen_once_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    for (action, running, starts, stops) in
        [("restart", true, 2, 1), ("shutdown", false, 1, 1), ("poweroff", false, 1, 1), ("boot", true, 1, 0)]
    {
        let order = async |world: &World, server: i64| order_power(world, server, action).await;
        each_step(&world, Kind::Power, a_built_server, order, async |world: &World, server, ended: &_, how: &str| {
            let ended: &berth_store::entity::job::Model = ended;
            assert_eq!(ended.state, "done", "{action}, {how}: {:?}", ended.error);
            let uuid = world.uuid(server).await;
            let host = world.node.host();
            let on_node = &host.servers[&uuid];
            assert_eq!((on_node.running, on_node.starts, on_node.stops), (running, starts, stops), "{action}, {how}");
        })
        .await;
    }
}

pub async fn t20_a_password_is_set_and_shown_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let order = async |world: &World, server: i64| {
        let (status, body) = world.app.post(&format!("/servers/{server}/resetPassword"), json!({})).await;
        assert_eq!(status, 200, "{body}");
    };
    each_step(&world, Kind::Password, a_built_server, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &berth_store::entity::job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        let row = berth_store::server::by_id(world.app.ctx.store.read(), server).await.unwrap().unwrap();
        let uuid = world.uuid(server).await;
        assert_eq!(
            world.node.host().servers[&uuid].password_hash,
            row.password_hash,
            "{how}: the guest has what is shown"
        );
    })
    .await;
}

pub async fn t20_a_deletion_leaves_nothing_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let order = async |world: &World, server: i64| {
        let (status, body) = world.app.delete(&format!("/servers/{server}")).await;
        assert_eq!(status, 204, "{body}");
    };
    each_step(&world, Kind::Delete, a_built_server, order, check_deleted).await;
}

/// A disc of the library that the control server keeps, in the drive of a server that is built.
async fn order_mount(world: &World, server: i64) {
    let name = world.app.ctx.rng.letters_and_digits(8);
    let (status, iso) = world.app.post("/media/iso", json!({ "name": name })).await;
    assert_eq!(status, 201, "{iso}");
    let id = &iso["data"]["id"];
    let mut disc = vec![0; 20 * 2048];
    disc[16 * 2048 + 1..16 * 2048 + 6].copy_from_slice(b"CD001");
    disc.extend(name.bytes());
    let request = world.app.request(&world.app.token, "PUT", &format!("/media/iso/{id}/file")).body(disc);
    let (status, iso) = crate::app::App::answer(request).await;
    assert_eq!(status, 200, "{iso}");
    let (status, body) = world.app.post(&format!("/servers/{server}/media/iso"), json!({ "isoId": id })).await;
    assert_eq!(status, 200, "{body}");
}

/// What the API says is in the drive, and what the node was told.
async fn drive(world: &World, server: i64) -> (serde_json::Value, String) {
    let (_, body) = world.app.get(&format!("/servers/{server}/media/iso")).await;
    let uuid = world.uuid(server).await;
    let host = world.node.host();
    let told = host.servers[&uuid].applied.as_ref().map(|spec| spec.iso_digest.clone()).unwrap_or_default();
    (body["data"].clone(), told)
}

pub async fn t20_a_disc_is_mounted_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    each_step(&world, Kind::Media, a_built_server, order_mount, async |world: &World, server, ended: &_, how: &str| {
        let ended: &berth_store::entity::job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        let (shown, told) = drive(world, server).await;
        assert_eq!((&shown["isoMounted"], &shown["pending"]), (&json!(true), &json!(false)), "{how}: {shown}");
        let digest = &shown["available"].as_array().unwrap().iter().find(|iso| iso["id"] == shown["isoId"]);
        assert_eq!(digest.unwrap()["digest"], told, "{how}: the node has what is shown");
        assert!(told.starts_with("sha256:"), "{how}");
    })
    .await;
}

async fn t20_a_disc_that_came_by_its_url_is_ejected_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    let prepare = async |world: &World| {
        let server = a_built_server(world).await;
        let url = json!({ "url": "https://images.test/a.iso" });
        let (status, body) = world.app.post(&format!("/servers/{server}/media/iso"), url).await;
        assert_eq!(status, 200, "{body}");
        run_to_end(world, server, Harm::None, 0).await;
        let (shown, told) = drive(world, server).await;
        assert_eq!(told, berth_agent::sim::digest_of("https://images.test/a.iso"), "what the node found: {shown}");
        server
    };
    let order = async |world: &World, server: i64| {
        let (status, body) = world.app.delete(&format!("/servers/{server}/media/iso")).await;
        assert_eq!(status, 200, "{body}");
    };
    each_step(&world, Kind::Media, prepare, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &berth_store::entity::job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        let (shown, told) = drive(world, server).await;
        assert_eq!((&shown["isoMounted"], &shown["isoId"]), (&json!(false), &json!(null)), "{how}");
        assert_eq!(told, "", "{how}: the drive is empty");
    })
    .await;
}

async fn check_deleted(world: &World, server: i64, ended: &berth_store::entity::job::Model, how: &str) {
    assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
    let (status, body) = world.app.get(&format!("/servers/{server}")).await;
    assert_eq!((status, &body["msg"]), (404, &json!("server not found")), "{how}");
    assert!(berth_store::server::by_id_even_deleting(world.app.ctx.store.read(), server).await.unwrap().is_none());
    let host = world.node.host();
    for on_node in host.servers.values() {
        assert!(!on_node.running && on_node.volumes.is_empty() && on_node.applied.is_none(), "{how}");
    }
}

/// The states that a kill can leave: at each step of a build the runner dies, and then the server is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t20_a_deletion_works_from_every_state_that_a_killed_build_leaves() {
    let world = World::start(Database::sqlite()).await;
    for steps in 0..12_u32 {
        let server = a_server(&world).await;
        order_build(&world, server).await;
        let mut left: u32 = steps;
        'build: while left > 0 {
            let Some(waiting) = world.unfinished(server).await else { break };
            world.app.pass((waiting.run_at - world.app.ctx.now()).max(0));
            for job in berth_control::jobs::claim(&world.app.ctx, "doomed", 16).await.unwrap() {
                let mut run = berth_control::jobs::Run { ctx: world.app.ctx.clone(), job };
                while let Some(job) = berth_control::jobs::take_step(&run).await {
                    run.job = job;
                    left -= 1;
                    if left == 0 {
                        break 'build;
                    }
                }
                left = left.saturating_sub(1);
            }
        }
        let (status, body) = world.app.delete(&format!("/servers/{server}")).await;
        assert_eq!(status, 204, "{body}");
        world.end_leases().await;
        let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
        check_deleted(&world, server, &ended, &format!("after {steps} steps of a build")).await;
    }
}
