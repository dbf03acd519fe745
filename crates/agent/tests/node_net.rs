//! Changes of a node's own network in a namespace: what nobody confirms is undone, also by an agent that starts again.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use berth_agent::{
    clock::Clock,
    net::{addresses, bridge_mtu},
    netns::Netns,
    node_net::{NodeNet, Parts},
};
use berth_proto::{BridgeSettings, SetNetworksRequest, networks_reply::State};
use tokio_util::sync::CancellationToken;

const CONFIRM_WITHIN: Duration = Duration::from_millis(400);
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Default)]
struct TurnedClock(AtomicI64);

impl Clock for TurnedClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A namespace that plays the node, and what its agent leaves on disk.
struct Lab {
    netns: String,
    dir: tempfile::TempDir,
    clock: Arc<TurnedClock>,
}

impl Lab {
    fn new(name: &str) -> Lab {
        let netns = format!("bnn{name}{}", std::process::id());
        run(&["ip", "netns", "add", &netns]);
        Lab { netns, dir: tempfile::tempdir().unwrap(), clock: Arc::default() }
    }

    /// The agent, as it starts in one boot of the node.
    fn agent(&self, boot_id: &str, confirm_within: Duration) -> Arc<NodeNet> {
        let parts = Parts {
            netns: Netns::named(&self.netns),
            instance: "tnn".into(),
            data_dir: self.dir.path().to_owned(),
            prefix: "vmbr".into(),
            confirm_within,
            clock: self.clock.clone(),
            boot_id: boot_id.into(),
        };
        Arc::new(NodeNet::open(parts).unwrap())
    }

    async fn mtu(&self, bridge: &str) -> Option<u32> {
        bridge_mtu(&Netns::named(&self.netns), bridge).await.unwrap()
    }

    async fn addresses(&self, bridge: &str) -> Vec<ipnet::IpNet> {
        addresses(&Netns::named(&self.netns), bridge).await.unwrap()
    }

    /// Until the bridge's MTU is this, none for no bridge.
    async fn until(&self, bridge: &str, mtu: Option<u32>) {
        let waited = tokio::time::timeout(LIMIT, async {
            while self.mtu(bridge).await != mtu {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{bridge} does not come to {mtu:?}"));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.netns]).status();
    }
}

fn run(args: &[&str]) {
    let output = Command::new(args[0]).args(&args[1..]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        eprintln!("skipped: network namespaces need root");
    }
    is_root
}

fn change(id: &str, generation: u64, bridges: &[(&str, u32)]) -> SetNetworksRequest {
    let bridges = bridges.iter().map(|(bridge, mtu)| BridgeSettings { bridge: (*bridge).into(), mtu: *mtu });
    SetNetworksRequest { change_id: id.into(), cluster_epoch: 1, generation, bridges: bridges.collect() }
}

#[tokio::test]
async fn a_change_that_nobody_confirms_is_undone_and_told() {
    if !is_root() {
        return;
    }
    let lab = Lab::new("a");
    let agent = lab.agent("boot", CONFIRM_WITHIN);
    agent.resume().await.unwrap();
    let (told, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
    let runs = tokio::spawn({
        let (agent, told, stop) = (agent.clone(), told.clone(), stop.clone());
        async move { agent.run(|news| told.lock().unwrap().push(news.to_owned()), stop).await }
    });
    let first = change("first", 1, &[("vmbr1", 1400)]);
    assert_eq!(agent.set(&first).await.unwrap(), State::Pending);
    assert_eq!(agent.set(&first).await.unwrap(), State::Pending, "a repeat");
    assert_eq!(lab.mtu("vmbr1").await, Some(1400), "in force at once");
    assert!(agent.has("vmbr1").await);
    assert_eq!(lab.addresses("vmbr1").await, [], "the node is no neighbour on it");
    lab.until("vmbr1", None).await;
    assert_eq!(agent.set(&first).await.unwrap(), State::Undone);
    assert_eq!(agent.confirm("first").await.unwrap(), State::Undone, "too late");
    assert!(!agent.has("vmbr1").await);

    assert_eq!(agent.set(&change("second", 1, &[("vmbr1", 1500)])).await.unwrap(), State::Pending);
    assert_eq!(agent.confirm("second").await.unwrap(), State::Confirmed);
    assert_eq!(agent.confirm("second").await.unwrap(), State::Confirmed);
    tokio::time::sleep(CONFIRM_WITHIN * 2).await;
    assert_eq!(lab.mtu("vmbr1").await, Some(1500), "it holds");
    assert_eq!(agent.set(&change("old", 0, &[])).await.unwrap(), State::Superseded);

    // What held comes back whole: another bridge, another MTU, a bridge that was removed.
    assert_eq!(agent.set(&change("third", 2, &[("vmbr2", 1400)])).await.unwrap(), State::Pending);
    assert_eq!((lab.mtu("vmbr1").await, lab.mtu("vmbr2").await), (None, Some(1400)));
    lab.until("vmbr2", None).await;
    lab.until("vmbr1", Some(1500)).await;

    // What the node's owner made, and what is in use, is not touched.
    run(&["ip", "-n", &lab.netns, "link", "add", "vmbr7", "type", "bridge"]);
    run(&["ip", "-n", &lab.netns, "link", "add", "port", "type", "veth", "peer", "name", "other"]);
    run(&["ip", "-n", &lab.netns, "link", "set", "port", "master", "vmbr1"]);
    for (wrong, why) in [
        (change("x", 3, &[("vmbr1", 1500), ("vmbr7", 1500)]), "vmbr7 is there already"),
        (change("x", 3, &[]), "vmbr1 is in use"),
        (change("x", 3, &[("eth0", 1500)]), "does not let"),
    ] {
        let refused = agent.set(&wrong).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!((lab.mtu("vmbr1").await, lab.mtu("vmbr7").await), (Some(1500), Some(1500)));
    stop.cancel();
    runs.await.unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() == 2 && told.iter().all(|news| news.contains("was undone")), "{told:?}");
}

#[tokio::test]
async fn an_agent_that_starts_again_undoes_what_has_no_time_left() {
    if !is_root() {
        return;
    }
    let (lab, long) = (Lab::new("b"), Duration::from_secs(60));
    let agent = lab.agent("boot", long);
    agent.set(&change("first", 1, &[("vmbr1", 1500)])).await.unwrap();
    agent.confirm("first").await.unwrap();
    agent.set(&change("second", 2, &[("vmbr1", 1400), ("vmbr2", 1500)])).await.unwrap();
    drop(agent);
    // In time: it is in force, and can be confirmed.
    lab.clock.0.fetch_add(30_000_000, Ordering::SeqCst);
    let agent = lab.agent("boot", long);
    agent.resume().await.unwrap();
    assert_eq!((lab.mtu("vmbr1").await, lab.mtu("vmbr2").await), (Some(1400), Some(1500)));
    drop(agent);
    // Its time passed while no agent ran.
    lab.clock.0.fetch_add(31_000_000, Ordering::SeqCst);
    let agent = lab.agent("boot", long);
    agent.resume().await.unwrap();
    assert_eq!((lab.mtu("vmbr1").await, lab.mtu("vmbr2").await), (Some(1500), None));
    assert_eq!(agent.confirm("second").await.unwrap(), State::Undone);

    // The node was booted anew: what is confirmed is made, what is not is left out.
    agent.set(&change("third", 3, &[("vmbr1", 1300)])).await.unwrap();
    drop(agent);
    run(&["ip", "-n", &lab.netns, "link", "del", "vmbr1"]);
    let agent = lab.agent("another boot", long);
    agent.resume().await.unwrap();
    assert_eq!(lab.mtu("vmbr1").await, Some(1500));
    assert_eq!(agent.set(&change("third", 3, &[("vmbr1", 1300)])).await.unwrap(), State::Undone);
    drop(agent);
    run(&["ip", "-n", &lab.netns, "link", "del", "vmbr1"]);
    lab.agent("a third boot", long).resume().await.unwrap();
    assert_eq!(lab.mtu("vmbr1").await, Some(1500));
}
