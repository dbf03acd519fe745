//! A node that goes down and comes up again, while the control server is away.

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const UP_LIMIT_S: u64 = 120;
const OFF_LIMIT_S: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn t24_after_a_reboot_guests_that_ran_come_back_without_the_control_server_and_others_stay_off() {
    let mut berth = Berth::start(8).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "stays.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let network = &server["network"]["interfaces"][0];
    let (mac, address) = (network["mac"].as_str().expect("a MAC").to_ascii_lowercase(), &network["ipv4"][0]["address"]);
    let guest = Guest::with_key(address.as_str().expect("an address"), &key);
    guest.eventually("true").await;
    guest.run("echo kept > /root/kept; sync").await;

    berth.control.stop().await;
    assert_eq!(guest.run("cat /root/kept").await, "kept", "the guest does not need the control server");
    reboot(&mut berth, 1).await;
    let back = async || guest.attempt("cat /root/kept").await.ok.then_some(());
    until("the guest is back, with its disk", UP_LIMIT_S, back).await;
    assert!(host::nft_rules(&berth.place.instance).await.contains(&mac), "its filter is back too");

    berth.control_again().await;
    until("the control server sees it", UP_LIMIT_S, async || berth.api.running(id).await.then_some(())).await;
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
    until("the guest is off", OFF_LIMIT_S, async || (!berth.api.running(id).await).then_some(())).await;

    reboot(&mut berth, 2).await;
    let bridge = &berth.place.bridge;
    until("the agent made its bridge", UP_LIMIT_S, async || host::links(bridge).pop()).await;
    // The API answers for the server again, so the agent has looked at everything that it brings back.
    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    guest.eventually("true").await;
    let said = berth.agent.log();
    assert_eq!(said.matches("starting a guest that ran before").count(), 1, "only the first time: {said}");
    berth.finish().await;
}

/// The node loses its power and comes up; only its agent is started.
pub async fn reboot(berth: &mut Berth, number: u8) {
    berth.agent.crash().await;
    host::lose_power(&berth.place).await;
    let boot_id = berth.place.dir.join("boot-id");
    std::fs::write(&boot_id, format!("00000000-0000-4000-8000-00000000000{number}\n")).expect("the test's folder");
    let file = berth.place.dir.join("agent.toml");
    let config = std::fs::read_to_string(&file).expect("the agent's configuration");
    if !config.contains("boot_id_file") {
        let config = format!("boot_id_file = \"{}\"\n{config}", boot_id.display());
        std::fs::write(&file, config).expect("the agent's configuration");
    }
    berth.agent.restart();
}
