//! A guest with a TPM of its own, which is there again when QEMU starts anew, and of which nothing stays.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::uefi::{booted_by_uefi, removed_without_a_trace};
use crate::kill::address;
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::os::DEBIAN;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
/// libvirt's folders of what TPMs keep, of their logs and of their sockets.
const STATES: &str = "/var/lib/libvirt/swtpm";
const LOGS: &str = "/var/log/swtpm/libvirt/qemu";
const SOCKETS: &str = "/run/libvirt/qemu/swtpm";

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_has_a_tpm_of_its_own_and_leaves_nothing_of_it() {
    let berth = Berth::start(92).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server_for(&DEBIAN).await;
    let hardware = json!({"tpmType": 2});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&hardware)).await;
    assert_eq!((answer.status, &answer.body["data"]["settings"]["tpmType"]), (200, &json!(2)), "{}", answer.body);
    let template = berth.uefi_template_of(&DEBIAN).await;
    berth.build_from(id, template, "sealed.example.test", &[key_id]).await;
    let server = berth.built(id).await;

    let guest = Guest::with_key(address(&server), &key);
    guest.eventually("true").await;
    booted_by_uefi(&guest).await;
    it_is_a_tpm_2(&guest).await;
    let kept = Path::new(STATES).join(uuid(&server));
    assert!(kept.is_dir(), "{}", kept.display());
    only_its_guest_reaches_it(&berth);

    // QEMU ends and another one starts, as after a power cut.
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
    assert_eq!(berth.api.power(id, "boot").await["failed"], false, "{}", berth.agent.log_tail());
    guest.eventually("true").await;
    it_is_a_tpm_2(&guest).await;

    removed_without_a_trace(&berth, id, &server).await;
    nothing_of_it_is_left(&berth, &server).await;
    berth.finish().await;
}

async fn it_is_a_tpm_2(guest: &Guest) {
    assert_eq!(guest.run("cat /sys/class/tpm/tpm0/tpm_version_major").await, "2");
    guest.run("test -c /dev/tpm0").await;
    // What the firmware has measured, of the TPM itself. At its start this register is all zeros.
    let register = guest.run("cat /sys/class/tpm/tpm0/pcr-sha256/0").await;
    assert!(register.len() == 64 && register.chars().all(|digit| digit.is_ascii_hexdigit()), "{register}");
    assert!(register.chars().any(|digit| digit != '0'), "nothing was measured: {register}");
}

fn uuid(server: &Value) -> &str {
    server["uuid"].as_str().expect("a UUID")
}

/// libvirt cuts a guest's name in theirs, so they are known by the test's own prefix.
fn sockets(berth: &Berth) -> Vec<String> {
    host::files_with(Path::new(SOCKETS), &format!("-{}-", berth.place.instance))
}

/// Its socket is its own, and the folder of all sockets stays closed to others.
fn only_its_guest_reaches_it(berth: &Berth) {
    let found = sockets(berth);
    let mut sockets = found.iter().filter(|path| path.ends_with(".sock"));
    let (Some(socket), None) = (sockets.next(), sockets.next()) else { panic!("one socket: {found:?}") };
    let socket = std::fs::metadata(socket).expect("the socket");
    let disks = host::files_with(&berth.place.agent_dir().join("volumes"), "volumes/");
    let disk = std::fs::metadata(&disks[0]).expect("the disk");
    assert_eq!((socket.uid(), socket.permissions().mode() & 0o777), (disk.uid(), 0o600), "as its disk: its guest's");
    let folder = std::fs::metadata(SOCKETS).expect("the folder");
    assert_eq!(folder.permissions().mode() & 0o007, 0, "others can't pass");
}

async fn nothing_of_it_is_left(berth: &Berth, server: &Value) {
    let left = || {
        let kept = [STATES, LOGS].into_iter().flat_map(|dir| host::files_with(Path::new(dir), uuid(server)));
        kept.chain(sockets(berth)).collect::<Vec<_>>()
    };
    until("nothing of its TPM is left", LIMIT_S, async || left().is_empty().then_some(())).await;
}
