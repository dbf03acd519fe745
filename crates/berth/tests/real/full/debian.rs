//! Debian with cloud-init, systemd and OpenSSH goes the same way as the small guest.

use crate::life::live;
use crate::password::reset_password;
use crate::support::berth::Berth;
use crate::support::os::DEBIAN;
use crate::support::ssh::Guest;
use crate::support::wait::until;

const FIRST_BOOT_LIMIT_S: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_debian_server_lives_from_its_order_to_its_removal_without_a_trace() {
    live(Berth::start(70).await, &DEBIAN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debian_server_without_keys_takes_its_password_and_the_next_one() {
    let berth = Berth::start(71).await;
    let id = berth.create_server_for(&DEBIAN).await;
    let template = berth.template_of(&DEBIAN).await;
    let accepted = berth.build_from(id, template, "plain.example.test", &[]).await;
    let password = accepted["settings"]["decryptedPassword"].as_str().expect("a password").to_owned();
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_password(address, &password);
    assert_eq!(guest.eventually("hostname -f").await, "plain.example.test");
    // cloud-init sets the first password once more in a late stage of the first boot.
    let over = async || guest.attempt("cloud-init status | grep -q done").await.ok.then_some(());
    until("the first boot is over", FIRST_BOOT_LIMIT_S, over).await;
    reset_password(&berth, id, &guest).await;
    berth.removed(id).await;
    berth.finish().await;
}
