use super::*;
use crate::{
    config::NetworkConfig,
    net::{BridgeSpec, ensure_bridge},
    netns::Netns,
    testing::{Place, UUID},
};

const TAP: &str = "tst0000000001";

fn spec() -> ServerSpec {
    let interface = InterfaceSpec {
        tag: "0000000001".into(),
        mac: "52:54:00:00:00:01".into(),
        bridge: "tb0".into(),
        ip_filter: true,
        ..Default::default()
    };
    ServerSpec {
        server_uuid: UUID.into(),
        cluster_epoch: 1,
        generation: 1,
        vcpus: 1,
        memory_mib: 64,
        run_as_uid: 900_001,
        interfaces: vec![interface],
        ..Default::default()
    }
}

/// In a namespace of its own; skipped without root.
#[tokio::test]
async fn a_guest_is_not_so_much_as_defined_before_its_filters_are_in_force() {
    if !rustix::process::getuid().is_root() {
        return eprintln!("skipped: network namespaces need root");
    }
    let name = format!("bvm{}", std::process::id());
    Netns::host().cmd("ip").args(["netns", "add", &name]).run().await.unwrap();
    let outcome = tokio::spawn(filters_come_first(Netns::named(&name))).await;
    Netns::host().cmd("ip").args(["netns", "del", &name]).run().await.unwrap();
    outcome.unwrap();
}

async fn filters_come_first(netns: Netns) {
    let mut place = Place::new("test:///default");
    {
        let agent = Arc::get_mut(&mut place.agent).unwrap();
        agent.netns = netns.clone();
        agent.config.networks = vec![NetworkConfig { bridge: "tb0".into(), ..NetworkConfig::default() }];
    }
    let agent = &place.agent;
    let bridge = BridgeSpec { name: "tb0".into(), addresses: Vec::new(), nat: false, mtu: 0 };
    ensure_bridge(&netns, "tst", &bridge).await.unwrap();
    agent.ledger.change(UUID, |entry| entry.take_spec(&spec())).unwrap();

    // Somebody has a chain of that name elsewhere, so that the filters can't be put in force.
    let others = "table bridge tst_filter { chain from_guests { type filter hook postrouting priority 0; }; }";
    netns.cmd("nft").args(["-f", "-"]).stdin(others).run().await.unwrap();
    let refused = start(agent, UUID).await.unwrap_err();
    assert!(matches!(refused, VmError::Filter(_)), "{refused}");
    assert_eq!(agent.libvirt.names("tst-").await.unwrap(), Vec::<String>::new(), "it is not there");
    assert!(!agent.ledger.get(UUID).unwrap().should_run);

    netns.cmd("nft").args(["delete", "table", "bridge", "tst_filter"]).run().await.unwrap();
    // libvirt's test driver may take no guests of QEMU's: then the start ends there, and nowhere before.
    let asked = start(agent, UUID).await;
    assert!(matches!(asked, Ok(()) | Err(VmError::Host(_))), "{asked:?}");
    assert_eq!(filters_apply::listed_taps(&netns, "tst").await.unwrap(), [TAP]);
}
