//! The queue while work is done: called off in the middle, taken up again to its end, and watched over HTTP.

use std::time::Duration;

use berth_control::jobs::{self, Run};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    work_that_runs_stops_after_its_step_and_is_taken_up_to_its_end,
    a_watcher_sees_every_step_and_the_end,
    who_watches_the_queue_sees_what_changes_and_only_that
);

async fn ordered_build(world: &World) -> (i64, i64) {
    let server = world.company.server(&world.app).await;
    let order = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    (server, world.unfinished(server).await.unwrap().id)
}

async fn work_that_runs_stops_after_its_step_and_is_taken_up_to_its_end(database: Database) {
    let world = World::start(database).await;
    let (server, build) = ordered_build(&world).await;
    let job = jobs::claim(&world.app.ctx, "runner", 1).await.unwrap().remove(0);
    let (status, body) = world.app.post(&format!("/queue/{build}/cancel"), json!({})).await;
    assert_eq!(
        (status, &body["data"]["queue"], &body["data"]["cancelRequested"]),
        (200, &json!("running"), &json!(true))
    );
    let next = jobs::take_step(&Run { ctx: world.app.ctx.clone(), job }).await.expect("the step that runs ends");
    assert!(jobs::take_step(&Run { ctx: world.app.ctx.clone(), job: next }).await.is_none());
    let (_, item) = world.app.get(&format!("/queue/{build}")).await;
    assert_eq!(item["data"]["queue"], "cancelled");
    let message = item["data"]["errors"]["exception"]["message"].as_str().unwrap();
    assert!(message.starts_with("It was cancelled. What its node was told"), "{message}");
    assert_eq!(world.app.get(&format!("/servers/{server}")).await.1["data"]["state"], "failed");

    let (status, body) = world.app.post(&format!("/queue/{build}/retry"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!((ended.id, ended.state.as_str()), (body["data"]["queueId"].as_i64().unwrap(), "done"));
    assert_eq!(world.app.get(&format!("/servers/{server}")).await.1["data"]["state"], "complete");
    let uuid = world.uuid(server).await;
    assert!(world.node.host().servers[&uuid].running);
}

/// Events as they come in, until the stream ends or `enough` says so.
async fn events(mut answer: reqwest::Response, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let (mut text, mut found) = (String::new(), Vec::new());
    while !enough(&found) {
        let chunk = tokio::time::timeout(Duration::from_secs(60), answer.chunk()).await.expect("a word in a minute");
        let Some(chunk) = chunk.unwrap() else { break };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                assert!(event.lines().any(|line| line == "event: item"), "{event}");
                found.push(serde_json::from_str(data).unwrap());
            }
            text = rest.to_owned();
        }
    }
    found
}

async fn a_watcher_sees_every_step_and_the_end(database: Database) {
    let world = World::start(database).await;
    let (server, build) = ordered_build(&world).await;
    let watch =
        async || world.app.request(&world.app.token, "GET", &format!("/queue/{build}/events")).send().await.unwrap();
    let watcher = tokio::spawn(events(watch().await, |_| false));
    let early = events(watch().await, |seen| !seen.is_empty()).await;
    assert_eq!(
        (early[0]["queue"].as_str(), early[0]["id"].as_i64()),
        (Some("queued"), Some(build)),
        "as it is, at once"
    );
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done");
    let seen = watcher.await.unwrap();
    let last = seen.last().unwrap();
    assert_eq!((&last["queue"], &last["progress"]), (&json!("done"), &json!(100)));
    assert!(last["finished"].is_string() && last["primaryActions"].as_array().unwrap().len() > 4, "{last}");
    assert!(seen.iter().rev().skip(1).all(|item| item["finished"].is_null()), "the stream ends with the item");
    let late = events(watch().await, |_| false).await;
    assert_eq!(late.len(), 1, "who comes late sees the end and no more");
    assert_eq!(late[0], *last);
    for (path, wanted) in [("/queue/999/events", 404), ("/queue/x/events", 404), ("/queue/events?serverId=x", 422)] {
        assert_eq!(world.app.get(path).await.0, wanted, "{path}");
    }
}

async fn who_watches_the_queue_sees_what_changes_and_only_that(database: Database) {
    let world = World::start(database).await;
    let (other, _) = ordered_build(&world).await;
    run_to_end(&world, other, Harm::None, 0).await;
    world.app.pass(60_000_000);
    let watch = async |query: &str| {
        world.app.request(&world.app.token, "GET", &format!("/queue/events{query}")).send().await.unwrap()
    };
    let is_over = |seen: &[Value]| seen.last().is_some_and(|item| !item["finished"].is_null());
    let everything = watch("").await;
    let (server, build) = ordered_build(&world).await;
    let (mine, others) = (
        watch(&format!("?serverId={server}")).await,
        watch(&format!("?serverId={other}&since=2025-01-20T14:00:00Z")).await,
    );
    run_to_end(&world, server, Harm::None, 0).await;
    for stream in [everything, mine] {
        let seen = events(stream, is_over).await;
        assert!(
            seen.iter().all(|item| item["id"].as_i64() == Some(build)),
            "what has ended before is no news: {seen:?}"
        );
        assert_eq!(seen.last().unwrap()["queue"], "done");
    }
    let seen = events(others, is_over).await;
    assert!(seen.iter().all(|item| item["serverId"].as_i64() == Some(other)), "{seen:?}");
}
