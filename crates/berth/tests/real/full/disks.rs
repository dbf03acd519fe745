//! Disks of a server that runs, asked of the API: seen in the guest, in libvirt and on the node's disk, and gone from all
//! three.

use reqwest::Method;
use serde_json::{Value, json};

use super::measured::assert_near;
use crate::support::berth::Berth;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
const GIB: u64 = 1 << 30;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

struct Scene {
    berth: Berth,
    id: i64,
    domain: String,
    guest: Guest,
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_come_grow_are_limited_and_go_while_the_guest_runs() {
    let scene = scene(83).await;
    let boot_id = scene.guest.run(BOOT_ID).await;
    a_disk_comes_with_a_file_system(&scene).await;
    it_grows_and_is_limited(&scene).await;
    its_limits_are_felt_within_20_percent(&scene).await;
    it_goes(&scene).await;
    assert_eq!(scene.guest.run(BOOT_ID).await, boot_id, "the guest ran through all of it");
    what_is_not_applied_waits_for_a_start(&scene).await;
    scene.berth.removed(scene.id).await;
    scene.berth.finish().await;
}

async fn scene(slot: u8) -> Scene {
    let berth = Berth::start(slot).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "disks.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_key(address, &key);
    guest.eventually("true").await;
    let domain = format!("{}-{}", berth.place.instance, server["uuid"].as_str().expect("a UUID"));
    Scene { berth, id, domain, guest }
}

impl Scene {
    /// Asks for a change of the disks, and waits until its node has it.
    async fn ask(&self, method: Method, disk: &str, body: Value) -> Value {
        let path = format!("/servers/{}/disks{disk}", self.id);
        let answer = self.berth.api.call(method.clone(), &path, Some(&body)).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        until("the server's jobs have ended", LIMIT_S, async || {
            let jobs = self.berth.api.get(&format!("/queue?serverId={}", self.id)).await;
            let jobs = jobs.as_array().expect("a list");
            assert!(jobs.iter().all(|job| job["failed"] != true), "{jobs:?}");
            jobs.iter().all(|job| !job["finished"].is_null()).then_some(())
        })
        .await;
        answer.body["data"].clone()
    }

    /// As the API lists them: letter, state, and what waits.
    async fn disks(&self) -> Vec<(String, u64, usize)> {
        let all = self.berth.api.get(&format!("/servers/{}/disks", self.id)).await;
        let of = |disk: &Value| {
            let waiting = disk["pending"].as_array().expect("a list").len();
            (disk["drive"].as_str().expect("a letter").to_owned(), disk["status"].as_u64().expect("a number"), waiting)
        };
        all.as_array().expect("a list").iter().map(of).collect()
    }

    /// Bytes as the guest's kernel sees them.
    async fn bytes(&self, disk: &str) -> u64 {
        let said = self.guest.run(&format!("awk '$4==\"{disk}\"{{print $3}}' /proc/partitions")).await;
        said.parse::<u64>().unwrap_or_else(|_| panic!("{disk}: {said}")) << 10
    }

    async fn appears(&self, disk: &str) {
        let there = async || self.guest.attempt(&format!("test -b /dev/{disk}")).await.ok.then_some(());
        until(&format!("the guest sees {disk}"), LIMIT_S, there).await;
    }

    /// How long something takes, by the guest's own clock.
    async fn seconds(&self, work: &str) -> f64 {
        let timed = format!(
            "read begun _ </proc/uptime; {work} 2>/dev/null && read ended _ </proc/uptime && echo $begun $ended"
        );
        let said = self.guest.run(&timed).await;
        let times: Vec<f64> = said.split(' ').map(|time| time.parse().expect("seconds")).collect();
        let [begun, ended] = times[..] else { panic!("{said}") };
        ended - begun
    }

    async fn live_xml(&self) -> String {
        let xml = host::virsh(&self.berth.place.libvirt_uri, &["dumpxml", &self.domain]).await;
        xml.expect("the domain is there")
    }

    fn volumes(&self) -> Vec<String> {
        host::files_with(&self.berth.place.agent_dir().join("volumes"), "volumes/")
    }
}

async fn a_disk_comes_with_a_file_system(scene: &Scene) {
    assert_eq!(scene.volumes().len(), 1, "the primary one: {:?}", scene.volumes());
    let order = json!({"sizeGb": 1, "filesystem": "ext4", "qos": {"readIops": 5000}, "apply": true});
    let disk = scene.ask(Method::POST, "", order).await;
    assert_eq!((&disk["drive"], &disk["filesystem"]), (&json!("b"), &json!("ext4")), "{disk}");
    scene.appears("vdb").await;
    assert_eq!(scene.bytes("vdb").await, GIB);
    assert_eq!(scene.disks().await, [("a".to_owned(), 3, 0), ("b".to_owned(), 3, 0)]);
    let (path, name) = (disk["path"].as_str().expect("a path"), disk["filename"].as_str().expect("a name"));
    assert!(std::path::Path::new(path).join(name).is_file(), "{path}/{name} is where the API says");
    assert_eq!(scene.volumes().len(), 2, "and what it was made of is gone: {:?}", scene.volumes());
    scene.guest.run("mkdir -p /media/b && mount -t ext4 /dev/vdb /media/b && echo mine > /media/b/kept && sync").await;
    let kib = scene.guest.run("df -k /media/b | awk 'NR==2{print $2}'").await.parse::<u64>().expect("a number");
    assert!((900 << 10..1 << 20).contains(&kib), "the file system has the disk: {kib} KiB");
}

async fn it_grows_and_is_limited(scene: &Scene) {
    let change = json!({"sizeGb": 2, "qos": {"writeIops": 700, "writeBytes": 20 << 20}, "apply": true});
    scene.ask(Method::PUT, "/b", change).await;
    assert_eq!(scene.bytes("vdb").await, 2 * GIB);
    assert_eq!(scene.guest.run("cat /media/b/kept").await, "mine");
    let xml = scene.live_xml().await;
    for limit in [
        "<read_iops_sec>5000</read_iops_sec>",
        "<write_iops_sec>700</write_iops_sec>",
        "<write_bytes_sec>20971520</write_bytes_sec>",
    ] {
        assert!(xml.contains(limit), "{limit} is not in {xml}");
    }
    let path = format!("/servers/{}/disks/b", scene.id);
    let refused = scene.berth.api.call(Method::PUT, &path, Some(&json!({"sizeGb": 1}))).await;
    assert_eq!(refused.status, 422, "disks only grow: {}", refused.body);
}

/// Each of them takes eight seconds where its limit is kept.
async fn its_limits_are_felt_within_20_percent(scene: &Scene) {
    scene.guest.run("umount /media/b").await;
    for (limit, each_second, all, work) in [
        ("readIops", 60, 480, "dd if=/dev/vdb of=/dev/null bs=4k count=480 iflag=direct"),
        ("writeBytes", 2 << 20, 16 << 20, "dd if=/dev/zero of=/dev/vdb bs=64k count=256 oflag=direct"),
    ] {
        let (wanted, all) = (f64::from(each_second), f64::from(all));
        let free = all / scene.seconds(work).await;
        assert!(free > wanted * 1.5, "{limit}: {free:.1} without the limit, so that {wanted:.1} limits nothing");
        scene.ask(Method::PUT, "/b", json!({"qos": {limit: each_second}, "apply": true})).await;
        assert_near(limit, all / scene.seconds(work).await, wanted, 0.20);
    }
}

async fn it_goes(scene: &Scene) {
    let path = format!("/servers/{}/disks/a", scene.id);
    let refused = scene.berth.api.call(Method::DELETE, &path, Some(&json!({"confirm": true}))).await;
    assert_eq!(refused.status, 422, "the primary one stays: {}", refused.body);
    scene.ask(Method::DELETE, "/b", json!({"confirm": true, "apply": true})).await;
    assert!(!scene.guest.attempt("grep -q vdb /proc/partitions").await.ok, "the guest still has it");
    assert!(!scene.live_xml().await.contains("'vdb'"), "libvirt still has it");
    assert_eq!(scene.volumes().len(), 1, "it is still on the disk: {:?}", scene.volumes());
    assert_eq!(scene.disks().await, [("a".to_owned(), 3, 0)]);
}

/// A disk of SCSI without a file system, whose way of input and output then waits too.
async fn what_is_not_applied_waits_for_a_start(scene: &Scene) {
    scene.ask(Method::POST, "", json!({"sizeGb": 1, "bus": "scsi", "format": "raw"})).await;
    assert_eq!(scene.disks().await, [("a".to_owned(), 3, 0), ("b".to_owned(), 1, 1)]);
    assert_eq!(scene.volumes().len(), 1, "nothing is made yet");
    let job = scene.berth.api.power(scene.id, "restart").await;
    assert_eq!(job["failed"], false, "{job}");
    scene.guest.eventually("true").await;
    assert_eq!(scene.disks().await, [("a".to_owned(), 3, 0), ("b".to_owned(), 3, 0)]);
    assert!(scene.live_xml().await.contains("<target dev='sdd' bus='scsi'/>"));
    scene.ask(Method::PUT, "/b", json!({"cache": "none", "io": "native", "apply": true})).await;
    assert_eq!(scene.disks().await[1], ("b".to_owned(), 3, 1), "a running guest keeps what it was started with");
    scene.ask(Method::DELETE, "/2", json!({"confirm": true, "apply": true})).await;
    assert!(!scene.live_xml().await.contains("'sdd'"), "SCSI gives disks up too");
    assert_eq!((scene.disks().await.len(), scene.volumes().len()), (1, 1));
}
