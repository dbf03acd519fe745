//! A further interface comes to a guest that runs, is told its address by DHCP, loses its carrier and has it again, and
//! goes. What of an interface waits for the guest's start, its model, MTU and queues, is there then.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";
/// How many devices there are of the model by which QEMU is an e1000, an Intel 82540EM.
const E1000S: &str = "cat /sys/bus/pci/devices/*/device | grep -cx 0x100e || true";
/// Gives the interface its address and nothing else: the guest is reached by its first one.
const TAKE: &str = "printf '#!/bin/sh\\n[ \"$1\" != bound ] || ip addr add $ip/$mask dev $interface\\n' >/root/take; chmod +x /root/take";

#[tokio::test(flavor = "multi_thread")]
async fn a_running_guest_gets_an_interface_with_its_address_and_loses_it() {
    let berth = Berth::start(82).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "plugged.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let first = &server["network"]["interfaces"][0];
    let guest = Guest::with_key(first["ipv4"][0]["address"].as_str().expect("an address"), &key);
    guest.eventually(TAKE).await;
    let boot_id = guest.run(BOOT_ID).await;

    let interfaces = format!("/servers/{id}/interfaces");
    let wanted = json!({ "hypervisorNetworkId": first["hypervisorNetwork"], "dhcpV4": true });
    let second = berth.api.post(&interfaces, &wanted).await;
    let address = berth.api.post(&format!("{interfaces}/secondary/ipv4"), &json!({ "quantity": 1 })).await;
    let address = address[0].as_str().expect("an address").to_owned();
    let mac = second["mac"].as_str().expect("a MAC address").to_lowercase();
    let find = format!("grep -l {mac} /sys/class/net/*/address | cut -d/ -f5");
    let found = async || Some(guest.run(&find).await).filter(|name| !name.is_empty());
    let device = until("the guest sees the interface", LIMIT_S, found).await;
    settled(&berth, id).await;
    guest
        .run(&format!("ip link set {device} up && udhcpc -i {device} -q -n -t 10 -s /root/take >/dev/null 2>&1"))
        .await;
    let has = guest.run(&format!("ip -o -4 addr show dev {device}")).await;
    assert!(has.contains(&format!("{address}/24")), "{has}");
    let served = || host::files_with(&berth.place.agent_dir().join("dhcp"), &berth.place.bridge);
    assert!(!served().is_empty(), "the bridge has a DHCP server");

    the_carrier_goes_and_comes(&berth, id, &guest, &device).await;

    let tag = &second["tag"];
    let gone = berth.api.call(Method::DELETE, &format!("{interfaces}/{tag}"), Some(&json!({ "confirm": true }))).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let left = async || guest.run(&find).await.is_empty().then_some(());
    until("the guest has lost the interface", LIMIT_S, left).await;
    settled(&berth, id).await;
    until("nobody is told anything any more", LIMIT_S, async || {
        served().iter().all(|file| !file.ends_with(".conf")).then_some(())
    })
    .await;
    assert_eq!(guest.run(BOOT_ID).await, boot_id, "the guest ran through all of it");

    other_models_are_there_after_a_start(&berth, id, &guest, &first["hypervisorNetwork"]).await;
    berth.removed(id).await;
    berth.finish().await;
}

async fn the_carrier_goes_and_comes(berth: &Berth, id: i64, guest: &Guest, device: &str) {
    let carrier = format!("cat /sys/class/net/{device}/carrier");
    assert_eq!(guest.run(&carrier).await, "1");
    for (link_up, seen) in [(false, "0"), (true, "1")] {
        let path = format!("/servers/{id}/interfaces/secondary");
        let changed = berth.api.call(Method::PUT, &path, Some(&json!({ "linkUp": link_up }))).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        let follows = async || (guest.run(&carrier).await == seen).then_some(());
        until(&format!("the guest sees the carrier as {seen}"), LIMIT_S, follows).await;
        settled(berth, id).await;
    }
}

/// Of interfaces without addresses, so that the guest is reached as before.
async fn other_models_are_there_after_a_start(berth: &Berth, id: i64, guest: &Guest, network: &Value) {
    assert_eq!(guest.run(E1000S).await, "0");
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
    until("the guest is off", LIMIT_S, async || (!berth.api.running(id).await).then_some(())).await;
    let interfaces = format!("/servers/{id}/interfaces");
    let wanted = json!({ "hypervisorNetworkId": network, "driver": 1, "processQueues": 2, "mtu": 1400 });
    let wide = berth.api.post(&interfaces, &wanted).await;
    berth.api.post(&interfaces, &json!({ "hypervisorNetworkId": network, "driver": 2 })).await;
    settled(berth, id).await;
    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    guest.eventually("true").await;

    let mac = wide["mac"].as_str().expect("a MAC address").to_lowercase();
    let device = guest.run(&format!("grep -l {mac} /sys/class/net/*/address | cut -d/ -f5")).await;
    let seen = format!(
        "cd /sys/class/net/{device} && basename $(readlink device/driver) && cat mtu && ls -d queues/rx-* | wc -l"
    );
    let seen = guest.run(&seen).await;
    assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), ["virtio_net", "1400", "2"]);
    assert_eq!(guest.run(E1000S).await, "1");
}

/// Waits until nothing of the server is queued or running; none of it may have failed.
async fn settled(berth: &Berth, id: i64) {
    until("the server's jobs have ended", LIMIT_S, async || {
        let jobs: Value = berth.api.get(&format!("/queue?serverId={id}")).await;
        let jobs = jobs.as_array().expect("a list");
        assert!(jobs.iter().all(|job| job["failed"] != true), "{jobs:?}");
        jobs.iter().all(|job| !job["finished"].is_null()).then_some(())
    })
    .await;
}
