//! Calls that contradict each other, at once: one wins and the others are told 423, or they are carried out in a row, and
//! the server ends as somebody asked.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 180;

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_that_contradict_each_other_one_wins_and_the_end_is_right() {
    let berth = Berth::start(75).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    of_builds_at_once_one_is_taken(&berth, id, key_id).await;
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_key(address, &key);
    guest.eventually("true").await;
    power_actions_at_once_are_carried_out_in_a_row(&berth, id).await;
    changes_at_once_are_all_taken_and_the_last_holds(&berth, id, &guest).await;
    a_deletion_during_a_build_leaves_nothing(&berth, id, key_id).await;
    berth.finish().await;
}

/// Sends all of them at once; their statuses and bodies.
async fn at_once(berth: &Berth, calls: &[(Method, String, Value)]) -> Vec<(u16, Value)> {
    let sent = calls.iter().map(|(method, path, body)| async move {
        let answer = berth.api.call(method.clone(), path, Some(body)).await;
        (answer.status, answer.body)
    });
    join_all(sent).await
}

fn taken(answers: &[(u16, Value)]) -> Vec<&Value> {
    let others = answers.iter().filter(|(status, _)| !(200..300).contains(status));
    for (status, body) in others {
        assert_eq!(*status, 423, "{body}");
    }
    answers.iter().filter(|(status, _)| (200..300).contains(status)).map(|(_, body)| body).collect()
}

async fn of_builds_at_once_one_is_taken(berth: &Berth, id: i64, key: i64) {
    let order = json!({
        "operatingSystemId": berth.goods.template, "name": "raced", "hostname": "raced", "sshKeys": [key],
        "vnc": true, "ipv6": true, "email": false,
    });
    let calls = vec![(Method::POST, format!("/servers/{id}/build"), order); 4];
    assert_eq!(taken(&at_once(berth, &calls).await).len(), 1);
    let jobs = berth.api.get(&format!("/queue?serverId={id}")).await;
    assert_eq!(jobs.as_array().expect("a list").len(), 1, "{jobs}");
}

/// They queue behind each other, and the guest ends as the last in the queue wants it.
async fn power_actions_at_once_are_carried_out_in_a_row(berth: &Berth, id: i64) {
    const ACTIONS: [&str; 3] = ["restart", "poweroff", "restart"];
    let calls = ACTIONS.map(|action| (Method::POST, format!("/servers/{id}/power/{action}"), json!({})));
    let answers = at_once(berth, &calls).await;
    let mut queued = Vec::new();
    for (action, body) in ACTIONS.iter().zip(taken(&answers)) {
        queued.push((body["data"]["queueId"].as_i64().expect("a job"), action));
    }
    assert_eq!(queued.len(), ACTIONS.len(), "{answers:?}");
    queued.sort_unstable();
    for (job, action) in &queued {
        let ended = berth.api.job_end(*job).await;
        assert_eq!(ended["failed"], false, "{action}: {ended}");
    }
    let is_off = queued.last().is_some_and(|(_, action)| **action == "poweroff");
    let as_asked = async || (berth.api.running(id).await != is_off).then_some(());
    until("the guest is as the last call wanted it", LIMIT_S, as_asked).await;
    if is_off {
        assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    }
}

async fn changes_at_once_are_all_taken_and_the_last_holds(berth: &Berth, id: i64, guest: &Guest) {
    guest.eventually("true").await;
    let change = |cores: u64| (Method::PUT, format!("/servers/{id}/modify/cpuCores"), json!({"cores": cores}));
    let answers = at_once(berth, &[change(3), change(4), change(5), change(6)]).await;
    assert!(answers.iter().all(|(status, _)| *status == 201), "{answers:?}");
    let settled = async || {
        let jobs = berth.api.get(&format!("/queue?serverId={id}")).await;
        jobs.as_array().expect("a list").iter().all(|job| !job["finished"].is_null()).then_some(())
    };
    until("the node has followed", LIMIT_S, settled).await;
    let cores = berth.api.get(&format!("/servers/{id}")).await["cpu"]["cores"].as_u64().expect("a number");
    until("the guest has what the server says", LIMIT_S, async || {
        let said = guest.run("nproc").await.parse::<u64>().expect("a number");
        let waits = !berth.api.get(&format!("/servers/{id}")).await["tasks"]["actions"]["pending"]
            .as_array()
            .expect("a list")
            .is_empty();
        // Fewer than an earlier call of these had given it wait for its next start.
        (said == cores || (waits && said > cores)).then_some(())
    })
    .await;
}

async fn a_deletion_during_a_build_leaves_nothing(berth: &Berth, id: i64, key: i64) {
    berth.build(id, "doomed", &[key]).await;
    until("the build has begun", LIMIT_S, async || {
        let server = berth.api.get(&format!("/servers/{id}")).await;
        (server["state"] == "building").then_some(())
    })
    .await;
    let second = berth.api.call(Method::POST, &format!("/servers/{id}/power/boot"), Some(&json!({}))).await;
    assert_eq!(second.status, 423, "a boot during a build: {}", second.body);
    berth.api.delete_server(id).await;
    let gone = async || {
        let answer = berth.api.call(Method::GET, &format!("/servers/{id}"), None).await;
        (answer.status == 404 && host::domains(&berth.place).await.is_empty()).then_some(())
    };
    until("the server is gone", LIMIT_S, gone).await;
    let volumes = berth.place.agent_dir().join("volumes");
    until("its disk is gone", LIMIT_S, async || host::files_with(&volumes, "volumes/").is_empty().then_some(())).await;
}
