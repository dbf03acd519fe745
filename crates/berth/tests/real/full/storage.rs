//! Disks on a file system of their own: both of a server's, seen and grown in the guest, and removed with it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::berth::Berth;
use crate::support::host;
use crate::support::place::Place;
use crate::support::small_disk::SmallDisk;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
/// A minute that goes on, a whole one after it, and a look at the storage.
const METRICS_LIMIT_S: u64 = 240;
const MOUNT_MIB: u64 = 6 << 10;
const GIB: u64 = 1 << 30;
/// `storageProfile` of mount points.
const MOUNTPOINT: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn disks_on_a_mount_point_are_made_there_seen_in_the_guest_grown_and_removed_with_the_server() {
    let mut place = Place::slot(76);
    host::sweep(&place).await;
    host::ensure_libvirt().await;
    let mount = place.dir.with_extension("mnt");
    let disk = SmallDisk::mount(&place.dir.with_extension("img"), &mount, MOUNT_MIB).await;
    place.storages = vec![("mountpoint", mount.clone())];
    let berth = Berth::start_at(place).await;
    let storage = format!("/compute/hypervisors/{}/storage", berth.goods.hypervisor);
    let point = berth.api.post(&storage, &json!({"name": "Mount", "type": "mountpoint", "path": mount})).await;
    let point = point["id"].as_i64().expect("an id");
    untested_takes_no_disk(&berth, point).await;
    self_test(&berth, &storage).await;

    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let server = berth.api.post("/servers", &order(&berth)).await;
    let id = server["id"].as_i64().expect("an id");
    let places = server["storage"].as_array().expect("disks").iter().map(|disk| &disk["hypervisorStorageId"]);
    assert_eq!(places.collect::<Vec<_>>(), [point, point], "{server}");
    berth.build(id, "mounted", &[key_id]).await;
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_key(address, &key);
    assert_eq!(guest.eventually("hostname").await, "mounted");

    let volumes = || host::files_with(&mount.join(&berth.place.instance), ".qcow2");
    assert_eq!(volumes().len(), 2, "both disks are there");
    assert_eq!(host::files_with(&berth.place.agent_dir().join("volumes"), "volumes/"), Vec::<String>::new());
    for shown in server["storage"].as_array().expect("disks") {
        let (path, name) = (shown["path"].as_str().expect("a path"), shown["filename"].as_str().expect("a name"));
        assert!(std::path::Path::new(path).join(name).is_file(), "{path}/{name} is where the API says");
    }
    second_disk_grows(&berth, id, &guest).await;

    let refused = berth.api.call(Method::DELETE, &format!("{storage}/{point}"), None).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.body["errors"][0].as_str().expect("a sentence").contains("2 disks of 1 servers"),
        "{}",
        refused.body
    );
    berth.removed(id).await;
    assert_eq!(volumes(), Vec::<String>::new(), "nothing is left of them");
    figures_over_time_are_the_file_systems(&berth, &mount, point).await;
    nothing_is_written_below_a_mount_that_is_gone(&berth, &storage, disk).await;
    assert_eq!(berth.api.call(Method::DELETE, &format!("{storage}/{point}"), None).await.status, 204);
    assert_eq!(host::files_with(&mount, ""), Vec::<String>::new());
    std::fs::remove_dir(&mount).expect("the mount point");
    berth.finish().await;
}

/// The primary disk and a second one, both on a mount point.
fn order(berth: &Berth) -> Value {
    let goods = &berth.goods;
    json!({
        "packageId": goods.package, "userId": goods.user, "hypervisorId": goods.group, "ipv4": 1,
        "storageProfile": MOUNTPOINT, "additionalStorage1Enable": true, "additionalStorage1Profile": MOUNTPOINT,
        "additionalStorage1Capacity": 1,
    })
}

async fn untested_takes_no_disk(berth: &Berth, point: i64) {
    let refused = berth.api.call(Method::POST, "/servers", Some(&order(berth))).await;
    assert_eq!(refused.status, 422);
    let wanted =
        format!("The storage {point} (mountpoint) of hypervisor test takes no disks: its self-test has not passed");
    let told = refused.body["errors"][0].as_str().expect("a sentence");
    assert!(told.starts_with(&wanted), "{told}");
}

async fn self_test(berth: &Berth, storage: &str) {
    let node = format!("/compute/hypervisors/{}", berth.goods.hypervisor);
    // The one that every node gets when it joins runs first.
    let first = async || {
        let jobs = berth.api.get(&format!("/queue?hypervisorId={}", berth.goods.hypervisor)).await;
        jobs.as_array().expect("a list").iter().all(|job| !job["finished"].is_null()).then_some(())
    };
    until("the node's first self-test has ended", LIMIT_S, first).await;
    let queued = berth.api.post(&format!("{node}/selftest"), &json!({})).await;
    let ended = berth.api.job_end(queued["queueId"].as_i64().expect("a job")).await;
    assert_eq!(ended["failed"], false, "{ended}");
    let found = berth.api.get(storage).await;
    assert_eq!(found[1]["selftest"]["passed"], true, "{found}");
    let known = async || {
        let found = berth.api.get(storage).await;
        let total = found[1]["usage"]["total"].as_u64().filter(|total| *total > 0)?;
        (found[1]["trouble"].is_null() && total < MOUNT_MIB << 20).then_some(())
    };
    until("the node tells the mount point's size", LIMIT_S, known).await;
}

async fn second_disk_grows(berth: &Berth, id: i64, guest: &Guest) {
    let size = async || guest.run("cat /sys/block/vdb/size").await.parse::<u64>().expect("sectors") * 512;
    assert_eq!(size().await, GIB);
    guest.run("echo kept | dd of=/dev/vdb conv=fsync 2>/dev/null").await;
    let body = json!({"drive": "b", "size": 2});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/modify/storage"), Some(&body)).await;
    assert!(answer.status < 300, "{} {}", answer.status, answer.body);
    until("the guest sees the larger disk", LIMIT_S, async || (size().await == 2 * GIB).then_some(())).await;
    assert_eq!(guest.run("head -c 4 /dev/vdb").await, "kept");
}

/// The newest minute says what the kernel says, and its loop device is counted.
async fn figures_over_time_are_the_file_systems(berth: &Berth, mount: &std::path::Path, point: i64) {
    let path = format!("/compute/hypervisors/{}/metrics?minutes=30", berth.goods.hypervisor);
    let newest = until("a minute of figures is what the file system has", METRICS_LIMIT_S, async || {
        let stat = rustix::fs::statvfs(mount).expect("the mount");
        let (total, used) = (stat.f_blocks * stat.f_frsize, (stat.f_blocks - stat.f_bavail) * stat.f_frsize);
        let data = berth.api.get(&path).await;
        let storages = data["storage"].as_array().expect("a list");
        let own = storages.iter().find(|storage| storage["id"] == point).expect("the mount point");
        let newest = own["points"].as_array().expect("a list").last().cloned();
        newest.filter(|newest| newest["total"] == total && newest["used"] == used)
    })
    .await;
    for field in ["read", "write", "readIops", "writeIops"] {
        assert!(newest["io"][field].as_f64().is_some_and(|rate| rate >= 0.0), "{field}: {newest}");
    }
}

async fn nothing_is_written_below_a_mount_that_is_gone(berth: &Berth, storage: &str, disk: SmallDisk) {
    disk.remove().await;
    let told = async || {
        let found = berth.api.get(storage).await;
        found[1]["trouble"].as_str().filter(|why| why.contains("othing is mounted")).map(str::to_owned)
    };
    until("the node says that nothing is mounted", LIMIT_S, told).await;
    let refused = berth.api.call(Method::POST, "/servers", Some(&order(berth))).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body["errors"][0].as_str().expect("a sentence").contains("can't be used"), "{}", refused.body);
}
