//! Runners that lost their job change nothing, neither in the database nor on the node.

use berth_control::{
    config::Config,
    jobs::{self, Kind, Run},
};
use berth_store::testing::Database;
use serde_json::json;

use crate::{
    app::App,
    repeat_and_kill::{Harm, run_to_end},
    rows,
    sim::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_that_lost_its_lease_commits_nothing_and_is_refused_by_the_node() {
    let world = World::start(Database::sqlite()).await;
    let server = world.company.server(&world.app).await;
    let order = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    let stale = jobs::claim(&world.app.ctx, "stale", 1).await.unwrap().pop().unwrap();
    world.end_leases().await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    let before = world.job(ended.id).await;

    let run = Run { ctx: world.app.ctx.clone(), job: stale };
    assert!(jobs::take_step(&run).await.is_none(), "its step is not kept");
    assert_eq!(world.job(ended.id).await, before);

    // It goes on to the node all the same: its token is older than what the node has seen.
    let mut run = run;
    run.job.step = "server.build.apply".to_owned();
    let Err(refused) = Kind::Build.step(&run).await else { panic!("the node took a stale claim") };
    assert!(refused.to_string().contains("later claim"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t21_a_restart_loses_no_queue_item() {
    let world = World::start(Database::sqlite()).await;
    let server = world.company.server(&world.app).await;
    let order = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    // A process that had claimed it is gone, with everything that it had in memory.
    assert_eq!(jobs::claim(&world.app.ctx, "gone", 8).await.unwrap().len(), 1);
    assert!(
        jobs::claim(&world.app.ctx, "next", 8).await.unwrap().is_empty(),
        "while the lease lasts it is nobody else's"
    );
    world.end_leases().await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_are_bounded_for_a_node() {
    let world = World::start(Database::sqlite()).await;
    for _ in 0..4 {
        let server = world.company.server(&world.app).await;
        let order = json!({ "operatingSystemId": world.company.template });
        assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    }
    let bound = world.app.ctx.config.builds_per_node as usize;
    assert_eq!(jobs::claim(&world.app.ctx, "runner", 16).await.unwrap().len(), bound);
    assert!(jobs::claim(&world.app.ctx, "other", 16).await.unwrap().is_empty());
}

/// More than one node is let, and fewer than all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_are_bounded_in_all() {
    let bounds = |config: Config| Config { builds_per_node: 2, builds_total: 3, ..config };
    let app = App::start_with(Database::sqlite(), bounds).await;
    let company = rows::company(&app, 2, 10).await;
    for _ in 0..8 {
        let server = company.server(&app).await;
        let order = json!({ "operatingSystemId": company.template });
        assert_eq!(app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    }
    let claimed = jobs::claim(&app.ctx, "runner", 16).await.unwrap();
    assert_eq!(claimed.len(), 3);
    assert!(jobs::claim(&app.ctx, "other", 16).await.unwrap().is_empty());
    rows::end_jobs(&app, claimed[0].server_id.unwrap()).await;
    assert_eq!(jobs::claim(&app.ctx, "other", 16).await.unwrap().len(), 1, "where one has ended, one begins");
    assert!(jobs::claim(&app.ctx, "runner", 16).await.unwrap().is_empty());
}
