//! What a running guest is given at once, what waits for its next start, and what somebody else does on the node: seen
//! in the guest and in libvirt. The agent is told directly, so that each word of its answers is looked at.

use berth_proto::{Boot, DiskLimits, DiskSpec, Ipv4Address, PowerOff, PruneVolumes, Restart, do_request::Op};
use serde_json::Value;

use crate::support::berth::{Berth, CPU_CORES, DISK_GIB, MEMORY_MIB};
use crate::support::driver::Driver;
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const LIMIT_S: u64 = 120;
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";
const SECOND_VOLUME: &str = "5ec0de00-0000-4000-8000-000000000002";
const GIB: u64 = 1 << 30;
/// Of those for documentation (RFC 5737): nobody has it.
const FURTHER_ADDRESS: &str = "192.0.2.77";

/// A built guest whose agent is told directly.
pub struct Scene {
    pub berth: Berth,
    pub id: i64,
    pub guest: Guest,
    pub driver: Driver,
    pub domain: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_guest_gets_at_once_what_it_can_and_the_rest_exactly_at_its_next_start() {
    let mut scene = scene(20).await;
    what_the_guest_says_and_shows_is_in_its_object(&scene).await;
    memory_follows_within_its_bound(&mut scene).await;
    processors_come_and_are_switched_on(&mut scene).await;
    limits_are_libvirts(&mut scene).await;
    disks_grow_and_come(&mut scene).await;
    addresses_wait_for_the_start(&mut scene).await;
    what_waits_is_applied_once_at_the_start(&mut scene).await;
    t26_drift_is_noticed_told_and_put_right(&scene).await;
    scene.berth.finish().await;
}

pub async fn scene(slot: u8) -> Scene {
    let berth = Berth::start(slot).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "live.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let guest = Guest::with_key(address(&server), &key);
    guest.eventually("true").await;
    let driver = Driver::of(&berth, id).await;
    // QEMU works on one job of a disk at a time.
    let linked = async || driver.observe().await.volumes.iter().all(|volume| !volume.linked).then_some(());
    until("the disk is independent of its template", LIMIT_S, linked).await;
    let domain = format!("{}-{}", berth.place.instance, server["uuid"].as_str().expect("a UUID"));
    Scene { berth, id, guest, driver, domain }
}

fn address(server: &Value) -> &str {
    server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an IPv4 address")
}

impl Scene {
    pub async fn virsh(&self, args: &[&str]) -> String {
        host::virsh(&self.berth.place.libvirt_uri, args).await.unwrap_or_else(|| panic!("virsh {args:?} failed"))
    }

    async fn number(&self, command: &str) -> u64 {
        let said = self.guest.run(command).await;
        said.parse().unwrap_or_else(|_| panic!("{command}: {said}"))
    }

    /// As the guest counts it: what its kernel keeps for itself is not in there.
    async fn memory_mib(&self) -> u64 {
        self.number("awk '/MemTotal/{print $2}' /proc/meminfo").await >> 10
    }

    async fn disk_bytes(&self, disk: &str) -> u64 {
        self.number(&format!("cat /sys/block/{disk}/size")).await * 512
    }

    /// libvirt's number of the guest: another one after each start.
    async fn run_number(&self) -> String {
        self.virsh(&["domid", &self.domain]).await.trim().to_owned()
    }
}

async fn what_the_guest_says_and_shows_is_in_its_object(scene: &Scene) {
    let path = format!("/servers/{}?remoteState=true", scene.id);
    let complete = async || {
        let server = scene.berth.api.get(&path).await;
        let (os, agent) = (&server["qemuAgent"]["os"], &server["remoteState"]["agent"]["fsinfo"]);
        (os["screen"].is_string() && os["id"].is_string() && agent[0].is_object()).then_some(server)
    };
    let server = until("the guest's system and screen are known", LIMIT_S, complete).await;
    let os = &server["qemuAgent"]["os"];
    assert_eq!(os["kernel-release"], scene.guest.run("uname -r").await);
    for (field, name) in [("id", "ID"), ("pretty-name", "PRETTY_NAME"), ("version", "VERSION_ID")] {
        assert_eq!(os[field], scene.guest.run(&format!(". /etc/os-release; echo \"${name}\"")).await, "{field}");
    }
    // A PNG's signature and its header, in base64.
    assert!(
        os["screen"].as_str().expect("a picture").starts_with("iVBORw0KGgoAAAANSUhEUgAAAJYA"),
        "150 pixels wide: {os}"
    );
    let root = &server["remoteState"]["agent"]["fsinfo"][0];
    assert_eq!((&root["mountpoint"], &root["type"]), (&"/".into(), &"ext4".into()));
    let in_guest = scene.number("df -k / | awk 'NR==2{print $2}'").await << 10;
    // Without what the file system keeps for root.
    let total = root["total-bytes"].as_u64().expect("a number");
    assert!(total <= in_guest && total > in_guest / 100 * 95, "{total} of {in_guest}");
    assert_eq!(server["remoteState"]["drift"], Value::Null);
}

async fn memory_follows_within_its_bound(scene: &mut Scene) {
    let before = scene.memory_mib().await;
    assert_eq!(scene.driver.apply(|spec| spec.memory_mib = MEMORY_MIB - 48).await, [""; 0]);
    assert_eq!(before - scene.memory_mib().await, 48, "the balloon took it");
    assert_eq!(scene.driver.apply(|spec| spec.memory_mib = MEMORY_MIB).await, [""; 0]);
    assert_eq!(scene.memory_mib().await, before, "and gave it back");
    assert_eq!(scene.driver.apply(|spec| spec.memory_mib = MEMORY_MIB + 64).await, ["memory"]);
    assert_eq!(scene.memory_mib().await, before, "more than it was started with waits");
}

async fn processors_come_and_are_switched_on(scene: &mut Scene) {
    let more = u32::try_from(CPU_CORES).expect("a few") + 1;
    assert_eq!(scene.driver.apply(|spec| spec.vcpus = more).await, ["memory"]);
    // A guest that is busy switches it on when it comes to it.
    until("the guest counts one more processor", 30, async || {
        (scene.number("nproc").await == u64::from(more)).then_some(())
    })
    .await;
    assert_eq!(scene.driver.apply(|spec| spec.vcpus = 1).await, ["memory", "cpu"], "fewer wait");
    assert_eq!(scene.driver.apply(|spec| spec.vcpus = 65).await, ["memory", "cpu"], "and so do more than places");
    assert_eq!(scene.driver.apply(|spec| spec.vcpus = more).await, ["memory"]);
}

async fn limits_are_libvirts(scene: &mut Scene) {
    let quota = async |scene: &Scene| {
        let said = scene.virsh(&["schedinfo", &scene.domain]).await;
        let line = said.lines().find(|line| line.starts_with("vcpu_quota")).expect("a quota").to_owned();
        line.rsplit(' ').next().expect("a number").to_owned()
    };
    let limits = DiskLimits { read_iops: 100, write_iops: 200, read_bytes_s: 3 << 20, write_bytes_s: 4 << 20 };
    let set = |spec: &mut berth_proto::ServerSpec, throttle, limits| {
        spec.cpu_throttle_percent = throttle;
        spec.disks[0].limits = limits;
    };
    assert_eq!(scene.driver.apply(|spec| set(spec, 40, Some(limits))).await, ["memory"]);
    assert_eq!(quota(scene).await, "40000");
    let tune = scene.virsh(&["blkdeviotune", &scene.domain, "vda"]).await;
    for line in ["read_bytes_sec : 3145728", "write_bytes_sec: 4194304", "read_iops_sec  : 100", "write_iops_sec : 200"]
    {
        assert!(tune.contains(line), "{line} is not in {tune}");
    }
    assert_eq!(scene.driver.apply(|spec| set(spec, 0, None)).await, ["memory"]);
    assert_eq!(quota(scene).await, "-1", "the throttle is taken back");
    let tune = scene.virsh(&["blkdeviotune", &scene.domain, "vda"]).await;
    assert!(tune.lines().all(|line| line.is_empty() || line.ends_with(": 0") || line.contains("group_name")), "{tune}");
}

fn second_disk() -> DiskSpec {
    DiskSpec {
        volume_uuid: SECOND_VOLUME.into(),
        index: 2,
        capacity_gib: 1,
        format: "raw".into(),
        ..DiskSpec::default()
    }
}

async fn disks_grow_and_come(scene: &mut Scene) {
    assert_eq!(scene.driver.apply(|spec| spec.disks[0].capacity_gib = DISK_GIB + 1).await, ["memory"]);
    assert_eq!(scene.disk_bytes("vda").await, (DISK_GIB + 1) * GIB);
    assert_eq!(scene.driver.apply(|spec| spec.disks.push(second_disk())).await, ["memory"]);
    let there = async || scene.guest.attempt("cat /sys/block/vdb/size").await.ok.then_some(());
    until("the guest sees its second disk", LIMIT_S, there).await;
    assert_eq!(scene.disk_bytes("vdb").await, GIB);
    assert_eq!(scene.driver.apply(|spec| spec.disks[1].capacity_gib = 2).await, ["memory"]);
    assert_eq!(scene.disk_bytes("vdb").await, 2 * GIB);

    assert_eq!(scene.driver.apply(|spec| drop(spec.disks.pop())).await, ["memory"]);
    assert!(!scene.guest.attempt("test -e /sys/block/vdb").await.ok, "the guest gave its second disk up");
    let pruned = scene.driver.op(Op::PruneVolumes(PruneVolumes {})).await;
    assert_eq!((pruned.result["removed"].as_str(), pruned.result["held"].as_str()), ("1", "0"));
    let volumes = scene.berth.place.agent_dir().join("volumes");
    assert_eq!(host::files_with(&volumes, SECOND_VOLUME), Vec::<String>::new());
}

async fn addresses_wait_for_the_start(scene: &mut Scene) {
    let further = Ipv4Address { address: FURTHER_ADDRESS.into(), prefix_len: 32, ..Ipv4Address::default() };
    let waits = scene.driver.apply(|spec| spec.interfaces[0].ipv4.push(further)).await;
    assert_eq!(waits, ["memory", "addresses"]);
    assert!(!has_further_address(scene).await);
}

async fn has_further_address(scene: &Scene) -> bool {
    scene.guest.run("ip -o -4 addr show").await.contains(FURTHER_ADDRESS)
}

async fn what_waits_is_applied_once_at_the_start(scene: &mut Scene) {
    let (memory, boot_id, run) = (scene.memory_mib().await, scene.guest.run(BOOT_ID).await, scene.run_number().await);
    scene.guest.attempt("reboot").await;
    let rebooted = async || Some(scene.guest.eventually(BOOT_ID).await).filter(|now| *now != boot_id);
    until("the guest has rebooted itself", LIMIT_S, rebooted).await;
    assert_eq!((scene.memory_mib().await, scene.run_number().await), (memory, run), "that applied nothing");
    assert_eq!(scene.driver.observe().await.waits_for_start, ["memory", "addresses"]);
    assert!(!has_further_address(scene).await, "it has the seed that it was started with");

    let boot_id = scene.guest.run(BOOT_ID).await;
    scene.driver.op(Op::Restart(Restart { shutdown_wait_s: 60 })).await;
    assert_eq!(scene.driver.observe().await.waits_for_start, [""; 0]);
    let restarted = async || Some(scene.guest.eventually(BOOT_ID).await).filter(|now| *now != boot_id);
    let boot_id = until("the guest has restarted", LIMIT_S, restarted).await;
    assert!(has_further_address(scene).await);
    let more = scene.memory_mib().await - memory;
    assert!((60..=64).contains(&more), "{more} MiB: the kernel keeps a little of it for its tables");
    assert_eq!(scene.number("nproc").await, CPU_CORES + 1);
    assert_eq!(scene.disk_bytes("vda").await, (DISK_GIB + 1) * GIB);
    let run = scene.run_number().await;
    // Told to boot what runs, the agent starts nothing anew.
    scene.driver.op(Op::Boot(Boot { wait_guest_s: 0 })).await;
    assert_eq!((scene.run_number().await, scene.guest.run(BOOT_ID).await), (run, boot_id));
}

async fn t26_drift_is_noticed_told_and_put_right(scene: &Scene) {
    let stored = async || scene.virsh(&["dumpxml", "--inactive", &scene.domain]).await;
    let ours = stored().await;
    let file = scene.berth.place.dir.join("edited.xml");
    std::fs::write(&file, ours.replace("<on_crash>destroy", "<on_crash>restart")).expect("the test's folder");
    scene.virsh(&["define", file.to_str().expect("UTF-8")]).await;
    until("the definition is ours again", LIMIT_S, async || (stored().await == ours).then_some(())).await;

    scene.virsh(&["destroy", &scene.domain]).await;
    let noted = async |what: &str| {
        let entries = scene.berth.api.call(reqwest::Method::GET, "/audit?action=note_drift", None).await.body;
        entries["data"].to_string().contains(what).then_some(())
    };
    until("the stop is noted", LIMIT_S, async || noted("was stopped on the node").await).await;
    noted("definition was changed on the node").await.expect("the change was noted before");
    scene.virsh(&["undefine", &scene.domain]).await;
    let defined = async || host::domains(&scene.berth.place).await.pop();
    until("it is defined again", LIMIT_S, defined).await;
    assert_eq!(stored().await, ours, "as it was");
    until("that is noted", LIMIT_S, async || noted("definition was removed on the node").await).await;
    let seen = scene.driver.observe().await;
    assert_eq!(seen.power(), berth_proto::Power::Off, "what somebody stopped stays off");
    assert!(seen.drift.contains("was removed"), "{}", seen.drift);
    strangers_are_told_and_left_alone(scene, &ours, noted).await;

    scene.virsh(&["start", &scene.domain]).await;
    until("a start is noted", LIMIT_S, async || noted("was started on the node").await).await;
    scene.guest.eventually("true").await;
    scene.driver.op(Op::PowerOff(PowerOff {})).await;
}

/// A domain with this instance's prefix that is no server, and one without it.
async fn strangers_are_told_and_left_alone(scene: &Scene, ours: &str, noted: impl AsyncFn(&str) -> Option<()>) {
    let place = &scene.berth.place;
    let uuid = scene.domain.strip_prefix(&format!("{}-", place.instance)).expect("a prefix");
    let strangers = [format!("{}-stranger", place.instance), format!("x{}-other", place.instance)];
    for (name, digit) in strangers.iter().zip(["a", "b"]) {
        let other = format!("{}{}", &uuid[..35], if uuid.ends_with(digit) { "c" } else { digit });
        let xml = ours.replace(&scene.domain, name).replace(uuid, &other);
        let file = place.dir.join("stranger.xml");
        std::fs::write(&file, xml).expect("the test's folder");
        scene.virsh(&["define", file.to_str().expect("UTF-8")]).await;
    }
    until("the stranger is noted", LIMIT_S, async || noted(&strangers[0]).await).await;
    assert_eq!(noted(&strangers[1]).await, None, "another tool's guest is nobody's business");
    let all = scene.virsh(&["list", "--all", "--name"]).await;
    for name in &strangers {
        assert!(all.contains(name.as_str()), "{name} was touched");
        scene.virsh(&["undefine", name]).await;
    }
}
