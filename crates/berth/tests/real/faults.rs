//! A host in trouble: every build tells an operator what is wrong, and works once that is mended.

use crate::kill::address;
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::place::Place;
use crate::support::private_libvirt::PrivateLibvirt;
use crate::support::small_disk::SmallDisk;
use crate::support::ssh::{Guest, key_pair};

const TROUBLE_LIMIT_S: u64 = 60;
/// Of the node's storage in the test of a full one; the template alone is larger than what is left of it.
const STORAGE_MIB: u64 = 1024;
const LEFT_MIB: u64 = 2;

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[tokio::test(flavor = "multi_thread")]
async fn without_libvirtd_guests_run_on_and_jobs_wait_for_it() {
    let mut place = Place::slot(4);
    host::sweep(&place).await;
    let libvirt = PrivateLibvirt::start(&place.dir.join("libvirt")).await;
    place.libvirt_uri.clone_from(&libvirt.uri);
    let berth = Berth::start_at(place).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let first = berth.create_server().await;
    berth.build(first, "first", &[key_id]).await;
    let guest = Guest::with_key(address(&berth.built(first).await), &key);
    let boot_id = guest.eventually(BOOT_ID).await;

    libvirt.crash_daemon().await;
    let second = berth.create_server().await;
    berth.build(second, "second", &[key_id]).await;
    let trouble = berth.trouble(second, TROUBLE_LIMIT_S).await;
    assert!(trouble.contains("libvirt"), "{trouble}");
    assert_eq!(guest.run(BOOT_ID).await, boot_id, "the guest did not notice");

    libvirt.start_daemon().await;
    let built = berth.built(second).await;
    assert_eq!(Guest::with_key(address(&built), &key).eventually("hostname").await, "second");
    assert_eq!(guest.run(BOOT_ID).await, boot_id, "libvirt's return restarted nothing");
    assert_eq!(berth.api.power(first, "restart").await["failed"], false, "it is under control again");
    for server in [first, second] {
        berth.removed(server).await;
    }
    berth.finish_with(libvirt).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t27_a_full_storage_is_named_and_once_there_is_room_a_build_works() {
    let place = Place::slot(5);
    host::sweep(&place).await;
    host::ensure_libvirt().await;
    std::fs::create_dir_all(&place.dir).expect("the test's folder");
    let disk = SmallDisk::mount(&place.dir.with_extension("img"), &place.agent_dir(), STORAGE_MIB).await;
    let berth = Berth::start_at(place).await;
    // A storage that is known to be that full takes no new disks.
    let id = berth.create_server().await;
    disk.fill(LEFT_MIB).await;
    let accepted = berth.build(id, "roomy", &[]).await;
    let trouble = berth.trouble(id, TROUBLE_LIMIT_S).await;
    assert!(trouble.contains("full") || trouble.contains("No space left"), "{trouble}");

    disk.make_room();
    let mut server = berth.api.build_end(id).await;
    let mut password = accepted["settings"]["decryptedPassword"].clone();
    if server["state"] == "failed" {
        password = berth.build(id, "roomy", &[]).await["settings"]["decryptedPassword"].take();
        server = berth.built(id).await;
    }
    let guest = Guest::with_password(address(&server), password.as_str().expect("a password"));
    assert_eq!(guest.eventually("hostname").await, "roomy");
    berth.removed(id).await;
    berth.finish_on(disk).await;
}
