//! Crashes at moments that nobody chose: while a guest is built, told to shut down, booted, restarted, removed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::kill::{Victim, address, builds_end_once, built_once};
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::place::Place;
use crate::support::private_libvirt::PrivateLibvirt;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const OFF_LIMIT_S: u64 = 120;
const REMOVAL_LIMIT_S: u64 = 180;
/// Between two crashes: odd, so that they come at another moment of each step.
const PAUSES_MS: [u64; 8] = [70, 190, 410, 730, 1_130, 1_610, 2_170, 2_810];

#[tokio::test(flavor = "multi_thread")]
async fn t20_a_build_ends_once_though_control_or_agent_is_killed_at_every_step() {
    builds_end_once(61, &[&[Victim::Control], &[Victim::Agent]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_whatever_is_asked_for_ends_though_control_and_agent_are_killed_again_and_again() {
    let mut berth = Berth::start(72).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "survivor", &[key_id]).await;
    crash_both(&mut berth).await;
    let server = berth.built(id).await;
    let guest = Guest::with_key(address(&server), &key);
    built_once(&berth, &server, &guest).await;

    for (action, runs) in [("shutdown", false), ("boot", true), ("restart", true), ("poweroff", false), ("boot", true)]
    {
        let accepted = berth.api.post(&format!("/servers/{id}/power/{action}"), &json!({})).await;
        crash_both(&mut berth).await;
        let job = berth.api.job_end(accepted["queueId"].as_i64().expect("a job")).await;
        assert_eq!(job["failed"], false, "{action}: {job}\n{}", berth.agent.log_tail());
        let as_asked = async || (berth.api.running(id).await == runs).then_some(());
        until(&format!("{action} is done"), OFF_LIMIT_S, as_asked).await;
        if runs {
            assert_eq!(guest.eventually("hostname").await, "survivor");
        }
    }

    berth.api.delete_server(id).await;
    crash_both(&mut berth).await;
    let gone = async || {
        let answer = berth.api.try_call(Method::GET, &format!("/api/v1/servers/{id}"), None).await?;
        (answer.status == 404 && host::domains(&berth.place).await.is_empty()).then_some(())
    };
    until("the server is gone", REMOVAL_LIMIT_S, gone).await;
    let volumes =
        async || host::files_with(&berth.place.agent_dir().join("volumes"), "volumes/").is_empty().then_some(());
    until("its disk is gone", REMOVAL_LIMIT_S, volumes).await;
    berth.finish().await;
}

/// Each is killed at half of the moments.
async fn crash_both(berth: &mut Berth) {
    for (turn, pause_ms) in PAUSES_MS.into_iter().enumerate() {
        sleep(Duration::from_millis(pause_ms)).await;
        if turn % 2 == 0 {
            berth.agent.crash().await;
            berth.agent.restart();
        } else {
            berth.control.crash().await;
            berth.control_again().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_ends_once_though_libvirtd_is_killed_again_and_again() {
    let mut place = Place::slot(73);
    host::sweep(&place).await;
    let libvirt = PrivateLibvirt::start(&place.dir.join("libvirt")).await;
    place.libvirt_uri.clone_from(&libvirt.uri);
    let berth = Berth::start_at(place).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "survivor", &[key_id]).await;
    for pause_ms in PAUSES_MS {
        sleep(Duration::from_millis(pause_ms)).await;
        libvirt.crash_daemon().await;
        libvirt.start_daemon().await;
    }
    let server: Value = berth.built(id).await;
    built_once(&berth, &server, &Guest::with_key(address(&server), &key)).await;
    berth.removed(id).await;
    berth.finish_with(libvirt).await;
}
