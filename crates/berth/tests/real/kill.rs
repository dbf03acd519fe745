//! Crashes in the middle of a real build: it ends, once.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::Value;
use tokio::time::{Duration, sleep};

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};

const BETWEEN_LOOKS_MS: u64 = 50;
/// A build has fewer steps; more crashes mean that it goes in circles.
const CRASHES_AT_MOST: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Control,
    Agent,
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_a_build_ends_once_though_control_or_agent_is_killed_at_every_step() {
    let mut berth = Berth::start(3).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    for victim in [Victim::Control, Victim::Agent] {
        let id = berth.create_server().await;
        berth.build(id, "survivor", &[key_id]).await;
        let crashes = crash_at_every_step(&mut berth, id, victim).await;
        // Steps that take no time are over before anybody can look.
        assert!(crashes.len() >= 3, "{victim:?} was killed at {crashes:?} only");
        let server = berth.built(id).await;
        built_once(&berth, &server, &Guest::with_key(address(&server), &key)).await;
        berth.api.delete_server(id).await;
    }
    berth.finish().await;
}

pub fn address(server: &Value) -> &str {
    server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address")
}

/// Kills the victim whenever the build shows a step that it was not killed at yet; the steps.
async fn crash_at_every_step(berth: &mut Berth, id: i64, victim: Victim) -> HashSet<String> {
    let mut seen = HashSet::new();
    loop {
        let server = berth.api.call(Method::GET, &format!("/servers/{id}"), None).await.body["data"].take();
        if matches!(server["state"].as_str(), Some("complete" | "failed")) {
            return seen;
        }
        let Some(step) = step(berth, id).await.filter(|step| !seen.contains(step)) else {
            sleep(Duration::from_millis(BETWEEN_LOOKS_MS)).await;
            continue;
        };
        seen.insert(step);
        assert!(seen.len() < CRASHES_AT_MOST, "the build goes in circles: {seen:?}");
        match victim {
            Victim::Control => {
                berth.control.crash().await;
                berth.control_again().await;
            }
            Victim::Agent => {
                berth.agent.crash().await;
                berth.agent.restart();
            }
        }
    }
}

/// The newest line of the build's log, which tells the step it is at.
async fn step(berth: &Berth, id: i64) -> Option<String> {
    let items = berth.api.call(Method::GET, &format!("/queue?serverId={id}"), None).await.body["data"].take();
    let job = items[0]["id"].as_i64()?;
    let job = berth.api.call(Method::GET, &format!("/queue/{job}"), None).await.body["data"].take();
    let actions = job["primaryActions"].as_array()?;
    Some(format!("{} {}", actions.len(), actions.last().map_or("start", |a| a["type"].as_str().unwrap_or("?"))))
}

/// One domain, one disk, and a guest that was set up by one seed.
pub async fn built_once(berth: &Berth, server: &Value, guest: &Guest) {
    let uuid = server["uuid"].as_str().expect("a UUID");
    assert_eq!(host::domains(&berth.place).await, [format!("{}-{uuid}", berth.place.instance)]);
    let volumes = host::files_with(&berth.place.agent_dir().join("volumes"), "volumes/");
    assert_eq!(volumes.len(), 1, "{volumes:?}");
    assert_eq!(guest.eventually("hostname").await, "survivor");
}
