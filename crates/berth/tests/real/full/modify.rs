//! Each operation that changes a server, asked of the API as a billing module does, and looked for where it must be: in
//! the guest, in libvirt, on the disk.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::measured::{assert_near, processor_seconds, rate};
use crate::support::berth::{Berth, CPU_CORES, DISK_GIB, MEMORY_MIB};
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
const GIB: u64 = 1 << 30;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";
/// Goes round for ten seconds of the guest's clock: how often, and from when to when.
const LOOP: &str = "read begun _ </proc/uptime; \
    sh -c 'trap \"echo \\$i; exit 0\" TERM; i=0; while :; do i=$((i+1)); done' & \
    sleep 10; kill $!; wait $!; read ended _ </proc/uptime; echo $begun $ended";
/// After it the loop runs for longer than a rate is measured.
const LOGIN: Duration = Duration::from_secs(2);
/// Commands of both forms, and a name that is not for it to say.
const USER_DATA: &str = "#cloud-config
hostname: stolen
runcmd:
  - echo by the shell > /root/told
  - [sh, -c, echo by its arguments >> /root/told]
";

/// A customer's server, and what its guest is asked.
struct Scene {
    berth: Berth,
    id: i64,
    domain: String,
    guest: Guest,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_billing_module_changes_is_what_the_guest_has() {
    let mut scene = scene(78).await;
    processors_storage_and_throttle_come_at_once(&scene).await;
    memory_waits_for_a_start_and_is_applied_once(&scene).await;
    a_throttle_is_felt_within_15_percent(&scene).await;
    another_package_is_taken_over(&scene).await;
    names_and_owners_change_and_the_guest_runs_on(&scene).await;
    a_suspended_server_is_off_and_stays_off(&mut scene).await;
    a_rebuild_has_new_keys_swap_and_its_user_data(&mut scene).await;
    scene.berth.removed(scene.id).await;
    scene.berth.finish().await;
}

async fn scene(slot: u8) -> Scene {
    let berth = Berth::start(slot).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "modified.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_key(address, &key);
    guest.eventually("true").await;
    let domain = format!("{}-{}", berth.place.instance, server["uuid"].as_str().expect("a UUID"));
    Scene { berth, id, domain, guest }
}

impl Scene {
    async fn server(&self) -> Value {
        self.berth.api.get(&format!("/servers/{}", self.id)).await
    }

    /// Asks for a change, and waits until its node has it.
    async fn put(&self, path: &str, body: Value) -> Value {
        let path = format!("/servers/{}/{path}", self.id);
        let answer = self.berth.api.call(Method::PUT, &path, Some(&body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        self.settled().await;
        answer.body
    }

    /// Waits until nothing of the server is queued or running; none of it may have failed.
    async fn settled(&self) {
        until("the server's jobs have ended", LIMIT_S, async || {
            let jobs = self.berth.api.get(&format!("/queue?serverId={}", self.id)).await;
            let jobs = jobs.as_array().expect("a list");
            assert!(jobs.iter().all(|job| job["failed"] != true), "{jobs:?}");
            jobs.iter().all(|job| !job["finished"].is_null()).then_some(())
        })
        .await;
    }

    async fn pending(&self) -> Vec<String> {
        let rows = self.server().await["tasks"]["actions"]["pending"].take();
        let rows = rows.as_array().expect("a list");
        rows.iter().map(|row| row["action"].as_str().expect("a text").to_owned()).collect()
    }

    async fn number(&self, command: &str) -> u64 {
        let said = self.guest.run(command).await;
        said.parse().unwrap_or_else(|_| panic!("{command}: {said}"))
    }

    /// MiB; the kernel keeps some of what it is given.
    async fn memory_mib(&self) -> u64 {
        self.number("awk '/MemTotal/{print $2}' /proc/meminfo").await >> 10
    }

    async fn counts_processors(&self, wanted: u64) {
        until(&format!("the guest counts {wanted} processors"), LIMIT_S, async || {
            (self.number("nproc").await == wanted).then_some(())
        })
        .await;
    }

    /// How often the guest gets through a loop in each second.
    async fn loops_a_second(&self) -> f64 {
        let said = self.guest.run(LOOP).await;
        let numbers: Vec<f64> = said.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [count, begun, ended] = numbers[..] else { panic!("{said}") };
        count / (ended - begun)
    }

    async fn processor_seconds(&self) -> f64 {
        processor_seconds(&self.virsh(&["domstats", "--vcpu", &self.domain]).await)
    }

    async fn restarted(&self) {
        let before = self.guest.run(BOOT_ID).await;
        let job = self.berth.api.power(self.id, "restart").await;
        assert_eq!(job["failed"], false, "{job}");
        until("the guest has restarted", LIMIT_S, async || {
            Some(self.guest.eventually(BOOT_ID).await).filter(|now| *now != before)
        })
        .await;
    }

    async fn virsh(&self, args: &[&str]) -> String {
        host::virsh(&self.berth.place.libvirt_uri, args).await.unwrap_or_else(|| panic!("virsh {args:?} failed"))
    }
}

async fn processors_storage_and_throttle_come_at_once(scene: &Scene) {
    let boot_id = scene.guest.run(BOOT_ID).await;
    scene.put("modify/cpuCores", json!({"cores": CPU_CORES + 1})).await;
    scene.counts_processors(CPU_CORES + 1).await;
    scene.put("modify/storage", json!({"drive": "a", "size": DISK_GIB + 1})).await;
    assert_eq!(scene.number("cat /sys/block/vda/size").await * 512, (DISK_GIB + 1) * GIB);
    let smaller = json!({"drive": "a", "size": DISK_GIB});
    let path = format!("/servers/{}/modify/storage", scene.id);
    let refused = scene.berth.api.call(Method::PUT, &path, Some(&smaller)).await;
    assert_eq!(refused.status, 422, "disks only grow: {}", refused.body);
    scene.put("modify/cpuThrottle?sync=true", json!({"percent": 60})).await;
    let quota = scene.virsh(&["schedinfo", &scene.domain]).await;
    assert!(quota.lines().any(|line| line.starts_with("vcpu_quota") && line.ends_with(" 40000")), "{quota}");
    scene.put("modify/cpuThrottle?sync=true", json!({"percent": 0})).await;
    assert_eq!(scene.pending().await, [""; 0]);
    assert_eq!(scene.guest.run(BOOT_ID).await, boot_id, "the guest ran through all of it");
}

async fn memory_waits_for_a_start_and_is_applied_once(scene: &Scene) {
    let before = scene.memory_mib().await;
    scene.put("modify/memory", json!({"memory": MEMORY_MIB + 128})).await;
    scene.put("modify/cpuCores", json!({"cores": 1})).await;
    assert_eq!(scene.pending().await, ["Change memory", "Change CPU cores"]);
    assert_eq!(scene.memory_mib().await, before);
    scene.restarted().await;
    assert_eq!(scene.pending().await, [""; 0]);
    scene.counts_processors(1).await;
    let more = scene.memory_mib().await - before;
    assert!((116..=128).contains(&more), "{more} MiB of 128: the kernel keeps a little");
    scene.restarted().await;
    assert_eq!((scene.number("nproc").await, scene.memory_mib().await - before), (1, more), "once is once");
}

/// Of a guest with one processor, which may not be free on a busy machine: how much of it the loop had is counted.
async fn a_throttle_is_felt_within_15_percent(scene: &Scene) {
    assert_eq!(scene.number("nproc").await, 1);
    let share = async {
        sleep(LOGIN).await;
        rate(async || scene.processor_seconds().await).await
    };
    let (free, share) = tokio::join!(scene.loops_a_second(), share);
    assert!(share > 0.45, "the loop has {share:.2} of a processor, so that a throttle to 0.30 limits little");
    scene.put("modify/cpuThrottle?sync=true", json!({"percent": 70})).await;
    assert_near("loops a second", scene.loops_a_second().await, free / share * 0.3, 0.15);
    scene.put("modify/cpuThrottle?sync=true", json!({"percent": 0})).await;
    assert_eq!(scene.pending().await, [""; 0]);
}

async fn another_package_is_taken_over(scene: &Scene) {
    let large = json!({
        "name": "Large", "memory": MEMORY_MIB + 256, "primaryStorage": DISK_GIB + 2, "cpuCores": 2, "traffic": 0,
        "primaryStorageReadIopsSec": 900, "primaryStorageWriteBytesSec": 50 << 20,
    });
    let large = scene.berth.api.post("/packages", &large).await["id"].as_i64().expect("an id");
    // While the guest works on its disk.
    scene.guest.run("(dd if=/dev/zero of=/root/load bs=64k count=2048 conv=fsync) </dev/null >/dev/null 2>&1 &").await;
    scene.put(&format!("package/{large}"), json!({})).await;
    assert_eq!(scene.number("cat /sys/block/vda/size").await * 512, (DISK_GIB + 2) * GIB);
    scene.counts_processors(2).await;
    let tune = scene.virsh(&["blkdeviotune", &scene.domain, "vda"]).await;
    for line in ["read_iops_sec  : 900", "write_bytes_sec: 52428800"] {
        assert!(tune.contains(line), "{line} is not in {tune}");
    }
    assert_eq!(scene.pending().await, ["Change memory"]);
    let written = async || scene.guest.attempt("test $(stat -c %s /root/load) = 134217728").await.ok.then_some(());
    until("what the guest wrote meanwhile is whole", LIMIT_S, written).await;
    scene.restarted().await;
    assert_eq!(scene.pending().await, [""; 0]);
    let memory = scene.memory_mib().await;
    assert!((MEMORY_MIB + 160..=MEMORY_MIB + 256).contains(&memory), "{memory} MiB");
}

async fn names_and_owners_change_and_the_guest_runs_on(scene: &Scene) {
    let boot_id = scene.guest.run(BOOT_ID).await;
    let user = json!({"name": "Other", "email": "other@example.test", "extRelationId": 2});
    let other = scene.berth.api.post("/users", &user).await["id"].as_i64().expect("an id");
    scene.put("modify/name", json!({"name": "Renamed"})).await;
    scene.put(&format!("owner/{other}"), json!({})).await;
    let of = async |user: i64| scene.berth.api.get(&format!("/servers/user/{user}")).await;
    assert_eq!(of(other).await[0]["name"], "Renamed");
    assert_eq!(of(scene.berth.goods.user).await, json!([]));
    assert_eq!(scene.guest.run(BOOT_ID).await, boot_id);
}

async fn a_suspended_server_is_off_and_stays_off(scene: &mut Scene) {
    let order = async |scene: &Scene, what: &str| {
        let path = format!("/servers/{}/{what}", scene.id);
        let answer = scene.berth.api.call(Method::POST, &path, None).await;
        assert_eq!(answer.status, 204, "{what}: {}", answer.body);
        scene.settled().await;
    };
    order(scene, "suspend").await;
    until("the guest is off", LIMIT_S, async || (!scene.berth.api.running(scene.id).await).then_some(())).await;
    scene.berth.agent.crash().await;
    scene.berth.agent.restart();
    let boot = format!("/servers/{}/power/boot", scene.id);
    let refused = scene.berth.api.call(Method::POST, &boot, Some(&json!({}))).await;
    assert_eq!(refused.status, 423, "{}", refused.body);
    let off = async || (scene.virsh(&["domstate", &scene.domain]).await.trim() == "shut off").then_some(());
    let known = async || {
        let server = scene.berth.api.get(&format!("/servers/{}?remoteState=true", scene.id)).await;
        (server["remoteState"]["state"].is_string() && server["suspended"] == true).then_some(())
    };
    until("the agent that began anew tells of it", LIMIT_S, known).await;
    off().await.expect("a suspended guest was started");
    order(scene, "unsuspend").await;
    if !scene.berth.api.running(scene.id).await {
        assert_eq!(scene.berth.api.power(scene.id, "boot").await["failed"], false);
    }
    scene.guest.eventually("true").await;
}

async fn a_rebuild_has_new_keys_swap_and_its_user_data(scene: &mut Scene) {
    let host_key = "cat /etc/dropbear/*host_key* | md5sum";
    let (before, old) = (scene.guest.run(host_key).await, scene.guest.clone());
    scene.guest.run("echo mine > /root/kept; sync").await;
    let dir = scene.berth.place.dir.join("second");
    std::fs::create_dir_all(&dir).expect("the test's folder");
    let (key, public) = key_pair(&dir).await;
    let owner = scene.server().await["ownerId"].as_i64().expect("an owner");
    let body = json!({"userId": owner, "name": "second", "publicKey": public});
    let key_id = scene.berth.api.post("/ssh_keys", &body).await["id"].as_i64().expect("an id");
    let order = json!({
        "operatingSystemId": scene.berth.goods.template, "name": "Rebuilt", "hostname": "rebuilt.example.test",
        "sshKeys": [key_id], "vnc": false, "ipv6": false, "email": false, "swap": 256,
        "userData": USER_DATA,
    });
    let path = format!("/servers/{}/build", scene.id);

    scene.put("modify/protected", json!({"protected": true})).await;
    let refused = scene.berth.api.call(Method::POST, &path, Some(&order)).await;
    assert_eq!(refused.status, 423, "{}", refused.body);
    assert_eq!(scene.guest.run("cat /root/kept").await, "mine", "nothing happened");
    scene.put("modify/protected", json!({"protected": false})).await;
    scene.berth.api.post(&path, &order).await;
    scene.berth.built(scene.id).await;

    scene.guest = Guest::with_key(&old.address, &key);
    assert_eq!(scene.guest.eventually("hostname").await, "rebuilt");
    assert!(!old.attempt("true").await.ok, "the key of the build before opens the new one");
    assert_ne!(scene.guest.run(host_key).await, before, "the host key of the build before");
    assert!(!scene.guest.attempt("test -e /root/kept").await.ok, "what the build before held");
    let swap_mib = scene.number("awk '/SwapTotal/{print $2}' /proc/meminfo").await >> 10;
    assert!((250..=256).contains(&swap_mib), "{swap_mib} MiB of swap");
    assert_eq!(scene.server().await["vnc"]["enabled"], false);
    // The guest takes logins before it runs them.
    let told = async || {
        let said = scene.guest.attempt("cat /root/told").await.stdout;
        (said == "by the shell\nby its arguments\n").then_some(())
    };
    until("the guest has run what its user data says", LIMIT_S, told).await;
}
