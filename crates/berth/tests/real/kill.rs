//! Crashes in the middle of a real build, at each of its steps: it ends, once.

use berth_control::jobs::{Kind, build::Step};
use berth_store::testing::StepGate;
use serde_json::Value;

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

/// The longest step is the guest's start, and after a crash of its agent that is told again.
const STEP_LIMIT_S: u64 = 180;
/// What libvirt writes to a guest's log whenever it starts a QEMU for it.
const QEMU_STARTED: &str = "starting up libvirt version";

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Victim {
    Control,
    Agent,
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_a_build_ends_once_though_control_and_agent_are_killed_at_every_step() {
    builds_end_once(3, &[&[Victim::Control, Victim::Agent]]).await;
}

/// A build for each set of victims, in one Berth.
pub async fn builds_end_once(slot: u8, builds: &[&[Victim]]) {
    let mut berth = Berth::start(slot).await;
    let gate = StepGate::new(&berth.place.database_url(), Kind::Build.name()).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    for victims in builds {
        gate.move_to(Step::ALL[0].name()).await;
        let id = berth.create_server().await;
        berth.build(id, "survivor", &[key_id]).await;
        crash_at_every_step(&mut berth, &gate, id, victims).await;
        let server = berth.built(id).await;
        built_once(&berth, &server, &Guest::with_key(address(&server), &key)).await;
        started_once(&berth, &server);
        one_job_and_it_is_done(&berth, id).await;
        berth.removed(id).await;
    }
    berth.finish().await;
}

pub fn address(server: &Value) -> &str {
    server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address")
}

/// Kills the victims while the build is held at each of its steps, so that none is over before anybody could look: it is
/// under way, or done and its end not kept, and has to be taken once more.
async fn crash_at_every_step(berth: &mut Berth, gate: &StepGate, id: i64, victims: &[Victim]) {
    for (at, step) in Step::ALL.into_iter().enumerate() {
        reached(berth, id, step, victims).await;
        if victims.contains(&Victim::Control) {
            berth.control.crash().await;
            gate.end_leases().await;
        }
        if victims.contains(&Victim::Agent) {
            berth.agent.crash().await;
            berth.agent.restart();
        }
        pass(gate, Step::ALL.get(at + 1)).await;
        if victims.contains(&Victim::Control) {
            berth.control_again().await;
        }
    }
}

async fn pass(gate: &StepGate, next: Option<&Step>) {
    match next {
        Some(step) => gate.move_to(step.name()).await,
        None => gate.open().await,
    }
}

/// Waits until the build is at a step; panics where it ends before.
async fn reached(berth: &Berth, id: i64, step: Step, victims: &[Victim]) {
    until(&format!("{victims:?} can be killed at {}", step.name()), STEP_LIMIT_S, async || {
        let job = berth.newest_job(id).await;
        let ended = || format!("before {}: {job}\n{}", step.name(), berth.agent.log_tail());
        assert!(job["finished"].is_null(), "{}", ended());
        (job["queue"] == "running" && job["step"] == step.name()).then_some(())
    })
    .await;
}

/// One domain, one disk, and a guest that was set up by one seed.
pub async fn built_once(berth: &Berth, server: &Value, guest: &Guest) {
    let uuid = server["uuid"].as_str().expect("a UUID");
    assert_eq!(host::domains(&berth.place).await, [format!("{}-{uuid}", berth.place.instance)]);
    let volumes = host::files_with(&berth.place.agent_dir().join("volumes"), "volumes/");
    assert_eq!(volumes.len(), 1, "{volumes:?}");
    assert_eq!(guest.eventually("hostname").await, "survivor");
}

/// Whoever was killed, the guest that was started first is the one that runs.
fn started_once(berth: &Berth, server: &Value) {
    let uuid = server["uuid"].as_str().expect("a UUID");
    let log = format!("/var/log/libvirt/qemu/{}-{uuid}.log", berth.place.instance);
    let said = std::fs::read_to_string(&log).unwrap_or_else(|error| panic!("{log}: {error}"));
    assert_eq!(said.matches(QEMU_STARTED).count(), 1, "{said}");
}

async fn one_job_and_it_is_done(berth: &Berth, id: i64) {
    let builds = berth.api.get(&format!("/queue?serverId={id}&kind={}", Kind::Build.name())).await;
    assert_eq!(builds.as_array().expect("a list").len(), 1, "{builds}");
    let job = berth.newest_job(id).await;
    let last = Step::ALL.last().expect("a build has steps");
    assert_eq!((job["queue"].as_str(), job["step"].as_str()), (Some("done"), Some(last.name())), "{job}");
    let kept = |step: &Step| {
        let actions = job["primaryActions"].as_array().expect("a list").iter();
        actions.filter(|action| action["type"] == step.name() && action["data"]["success"] == true).count()
    };
    // Sending the specification may be told again where it changed meanwhile; nothing changed here.
    let counts = Step::ALL.map(|step| (step.name(), kept(&step)));
    assert!(counts.iter().all(|(_, count)| *count == 1), "the end of each step is kept once: {counts:?}");
}
