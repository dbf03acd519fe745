//! Debian's image boots by UEFI as it does by BIOS: from the removable path of its EFI system partition, on firmware
//! variables of the guest's own.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::kill::address;
use crate::life::volumes_and_seeds;
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::os::DEBIAN;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[tokio::test(flavor = "multi_thread")]
async fn a_debian_server_boots_by_uefi_restarts_and_leaves_no_variables() {
    let berth = Berth::start(91).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server_for(&DEBIAN).await;
    let template = berth.uefi_template_of(&DEBIAN).await;
    berth.build_from(id, template, "firm.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    assert_eq!(server["settings"]["uefi"], true, "{}", server["settings"]);

    let guest = Guest::with_key(address(&server), &key);
    let boot_id = guest.eventually(BOOT_ID).await;
    booted_by_uefi(&guest).await;
    let variables = nvram(&berth, &server);
    assert!(Path::new(&variables).is_file(), "{variables}");

    assert_eq!(berth.api.power(id, "restart").await["failed"], false, "{}", berth.agent.log_tail());
    let restarted = async || Some(guest.eventually(BOOT_ID).await).filter(|now| *now != boot_id);
    until("the guest has restarted", LIMIT_S, restarted).await;
    booted_by_uefi(&guest).await;

    removed_without_a_trace(&berth, id, &server).await;
    berth.finish().await;
}

/// The kernel shows this folder only where a UEFI firmware started it.
pub async fn booted_by_uefi(guest: &Guest) {
    let word_size = guest.run("cat /sys/firmware/efi/fw_platform_size").await;
    assert_eq!(word_size, "64");
    let root = guest.run("findmnt -no FSTYPE /").await;
    assert_eq!(root, "ext4", "the root file system of the image, not a shell of the firmware's");
}

fn nvram(berth: &Berth, server: &Value) -> String {
    let uuid = server["uuid"].as_str().expect("a UUID");
    let found = host::files_with(&berth.place.agent_dir().join("nvram"), uuid);
    assert_eq!(found.len(), 1, "variables of the guest's own: {found:?}");
    found.into_iter().next().expect("one")
}

pub async fn removed_without_a_trace(berth: &Berth, id: i64, server: &Value) {
    let uuid = server["uuid"].as_str().expect("a UUID");
    berth.removed(id).await;
    assert_eq!(berth.api.call(Method::GET, &format!("/servers/{id}"), None).await.status, 404);
    assert_eq!(host::domains(&berth.place).await, Vec::<String>::new());
    let gone = async || volumes_and_seeds(berth, uuid).is_empty().then_some(());
    until("disk, seed, sockets and firmware variables are gone", LIMIT_S, gone).await;
}
