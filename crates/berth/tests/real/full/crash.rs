//! A guest whose QEMU dies, as by a fault in it or by the kernel when memory is short.

use serde_json::Value;

use crate::kill::address;
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::process::{must, run};
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const BACK_LIMIT_S: u64 = 120;

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_qemu_dies_comes_back_with_its_disk_and_after_the_fourth_time_waits_for_a_boot() {
    let mut berth = Berth::start(60).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "survivor", &[key_id]).await;
    let guest = Guest::with_key(address(&berth.built(id).await), &key);
    guest.eventually("true").await;
    guest.run("echo kept > /root/kept; sync").await;

    let mut qemu = kill_qemu(&berth, "").await;
    assert_eq!(guest.eventually("cat /root/kept").await, "kept");
    let state = remote_state(&berth, id).await;
    assert!(is_told(&state, "started again"), "{state}");

    // Nobody watches while it dies this time.
    berth.agent.crash().await;
    qemu = kill_qemu(&berth, &qemu).await;
    berth.agent.restart();
    for _ in 0..3 {
        qemu = kill_qemu(&berth, &qemu).await;
    }
    let given_up = async || Some(remote_state(&berth, id).await).filter(|state| is_told(state, "stays off"));
    let state = until("it stays off", BACK_LIMIT_S, given_up).await;
    assert_eq!((&state["running"], &state["state"]), (&false.into(), &"crashed".into()), "{state}");

    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    assert_eq!(guest.eventually("cat /root/kept").await, "kept");
    kill_qemu(&berth, &qemu).await;
    assert_eq!(guest.eventually("cat /root/kept").await, "kept", "after a boot it may die anew");
    berth.finish().await;
}

async fn remote_state(berth: &Berth, id: i64) -> Value {
    berth.api.get(&format!("/servers/{id}?remoteState=true")).await["remoteState"].take()
}

fn is_told(state: &Value, words: &str) -> bool {
    state["drift"].as_str().is_some_and(|told| told.contains(words))
}

/// Kills the guest's QEMU as soon as it runs the guest and is another one than `before`; its number.
async fn kill_qemu(berth: &Berth, before: &str) -> String {
    let domain = host::domains(&berth.place).await.pop().expect("the guest is defined");
    let another = async || {
        // One that dies before was a start that failed.
        let state = host::virsh(&berth.place.libvirt_uri, &["domstate", &domain]).await?;
        let found = run("pgrep", &["-f", &format!("guest={domain},")], 5).await.stdout.trim().to_owned();
        (state.trim() == "running" && !found.is_empty() && found != before).then_some(found)
    };
    let qemu = until("a QEMU runs", BACK_LIMIT_S, another).await;
    must("kill", &["-KILL", &qemu], 5).await;
    qemu
}
