use super::*;

fn bridge() -> BridgeSpec {
    BridgeSpec {
        name: "t0".into(),
        addresses: vec!["10.77.0.1/24".parse().unwrap(), "fd77::1/64".parse().unwrap()],
        nat: true,
        mtu: 0,
    }
}

#[test]
fn golden_nat() {
    insta::assert_snapshot!(nat_rules("berth", &bridge()).0);
}

#[test]
fn names_and_addresses_that_cannot_be_are_refused() {
    for name in ["", "-x", "a b", "a;b", "0123456789abcdef", "../x", ".."] {
        assert!(check(&BridgeSpec { name: name.into(), ..bridge() }).is_err(), "{name}");
    }
    assert!(check(&BridgeSpec { addresses: vec!["127.0.0.1/8".parse().unwrap()], ..bridge() }).is_err());
}

/// In a namespace of its own; skipped without root.
#[tokio::test]
async fn a_bridge_is_made_once_repaired_and_removed_without_a_trace() {
    if !rustix::process::getuid().is_root() {
        return eprintln!("skipped: network namespaces need root");
    }
    let name = format!("btn{}", std::process::id());
    ip(&Netns::host(), ["netns", "add", &name]).await.unwrap();
    let outcome = tokio::spawn(bridge_life(Netns::named(&name))).await;
    ip(&Netns::host(), ["netns", "del", &name]).await.unwrap();
    outcome.unwrap();
}

async fn bridge_life(netns: Netns) {
    let bridge = bridge();
    assert!(ensure_bridge(&netns, "tst", &bridge).await.unwrap());
    assert!(!ensure_bridge(&netns, "tst", &bridge).await.unwrap());
    let forward = netns.cmd("cat").arg("/proc/sys/net/ipv6/conf/all/forwarding").run().await.unwrap().text();
    assert_eq!(forward.trim(), "1");

    // Each part that somebody takes away comes back; what somebody adds stays.
    ip(&netns, ["addr", "add", "10.99.0.1/24", "dev", "t0"]).await.unwrap();
    ip(&netns, ["addr", "del", "10.77.0.1/24", "dev", "t0"]).await.unwrap();
    assert!(ensure_bridge(&netns, "tst", &bridge).await.unwrap());
    ip(&netns, ["link", "set", "dev", "t0", "down"]).await.unwrap();
    assert!(ensure_bridge(&netns, "tst", &bridge).await.unwrap());
    netns.cmd("nft").args(["flush", "ruleset"]).run().await.unwrap();
    assert!(ensure_bridge(&netns, "tst", &bridge).await.unwrap());
    assert!(!ensure_bridge(&netns, "tst", &bridge).await.unwrap());
    let addresses = netns.cmd("ip").args(["addr", "show", "dev", "t0"]).run().await.unwrap().text();
    for address in ["10.99.0.1/24", "10.77.0.1/24", "fd77::1/64"] {
        assert!(addresses.contains(address), "{addresses}");
    }

    let moved = BridgeSpec { addresses: vec!["10.78.0.1/24".parse().unwrap()], mtu: 1400, ..bridge };
    assert!(ensure_bridge(&netns, "tst", &moved).await.unwrap());
    assert_eq!(bridge_mtu(&netns, "t0").await.unwrap(), Some(1400));

    ip(&netns, ["link", "add", "d0", "type", "veth", "peer", "name", "d1"]).await.unwrap();
    let foreign = BridgeSpec { name: "d0".into(), ..moved };
    let error = ensure_bridge(&netns, "tst", &foreign).await.unwrap_err();
    assert_eq!(error.to_string(), "d0 exists and is not a bridge");

    assert!(remove_bridge(&netns, "tst", "t0").await.unwrap());
    assert!(!remove_bridge(&netns, "tst", "t0").await.unwrap());
    remove_nat_table(&netns, "tst").await.unwrap();
    let rules = netns.cmd("nft").args(["list", "ruleset"]).run().await.unwrap().text();
    assert_eq!(rules, "");
}
