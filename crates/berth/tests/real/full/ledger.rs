//! A node that has lost what it knew.

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[tokio::test(flavor = "multi_thread")]
async fn t26_a_node_whose_ledger_is_lost_knows_its_servers_by_their_domains_and_obeys_again() {
    let mut berth = Berth::start(74).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "known", &[key_id]).await;
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_key(address, &key);
    let boot_id = guest.eventually(BOOT_ID).await;

    berth.agent.stop().await;
    std::fs::remove_dir_all(berth.place.agent_dir().join("ledger")).expect("the ledger");
    berth.agent.restart();
    assert_eq!(berth.api.power(id, "restart").await["failed"], false, "{}", berth.agent.log_tail());
    assert_ne!(guest.eventually(BOOT_ID).await, boot_id, "it is under control");
    assert_eq!(host::domains(&berth.place).await.len(), 1, "and there is one of it");

    // What the node has is told: its disk is known to be this server's, and goes with it.
    berth.removed(id).await;
    assert_eq!(host::files_with(&berth.place.agent_dir().join("volumes"), "volumes/"), Vec::<String>::new());
    berth.finish().await;
}
