//! Guests on a bridge of Open vSwitch, with real packets: the switch is Debian's, with its datapath in user space, in the
//! namespace that plays the host. The filters are those of every bridge; the VLANs are the switch's.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

#[allow(dead_code)]
#[path = "packets/frames.rs"]
mod frames;
#[allow(dead_code)]
#[path = "packets/lab.rs"]
mod lab;

use std::{collections::BTreeSet, process::Command};

use berth_agent::{
    filters::InterfaceFilter,
    filters_apply::{ensure_filters, ensure_table},
    netns::Netns,
    openvswitch::Join,
    openvswitch_apply::{Switch, ensure_joins, is_joined, probe, remove_joins, remove_strays},
};
use berth_proto::{InterfaceSpec, InterfaceVlan, Ipv4Address, Ipv6Subnet};
use frames::{Frame, GATEWAY_IPV6, OWN_IPV4, false_ones, honest, vlan};
use lab::{COPIES, Counting, Lab, TAP, UNLISTED_TAP};

const INSTANCE: &str = "tpx";
const BRIDGE: &str = "ovsbr0";

/// The lab with Open vSwitch in the place of its bridge: the world is behind the ports `wire0`, of all VLANs, and
/// `wire1`, which has VLAN 100 without a tag.
struct Switched {
    lab: Lab,
    dir: tempfile::TempDir,
}

impl Switched {
    fn new() -> Switched {
        let switched = Switched { lab: Lab::new(), dir: tempfile::tempdir().unwrap() };
        let file = switched.path("conf.db");
        run(Command::new("ovsdb-tool").args(["create", &file, "/usr/share/openvswitch/vswitch.ovsschema"]));
        switched
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn run(&self, args: &[&str]) {
        let dir = self.dir.path();
        let envs = ["OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR"].map(|name| (name, dir));
        run(Command::new("ip").args(["netns", "exec", &self.lab.host]).args(args).envs(envs));
    }

    fn start_database(&self) {
        let remote = format!("--remote=punix:{}", self.path("db.sock"));
        let file = self.path("conf.db");
        self.run(&[
            "ovsdb-server",
            &file,
            &remote,
            "--pidfile",
            "--detach",
            "--no-chdir",
            "--log-file",
            "-vconsole:off",
        ]);
    }

    fn start_switch(&self) {
        let database = format!("unix:{}", self.path("db.sock"));
        self.vsctl(&["--no-wait", "init"]);
        self.run(&["ovs-vswitchd", &database, "--pidfile", "--detach", "--no-chdir", "--log-file", "-vconsole:off"]);
    }

    fn vsctl(&self, args: &[&str]) {
        self.run(&[&["ovs-vsctl", "--timeout=10"], args].concat());
    }

    /// The operator's bridge, and the ways out of it.
    fn add_bridge(&self) {
        let lab = &self.lab;
        self.vsctl(&["add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev"]);
        lab.on_host(&["ip", "link", "add", "wire1", "type", "veth", "peer", "name", "p1", "netns", &lab.peer]);
        lab.on_host(&["ip", "link", "set", "wire1", "up"]);
        lab.on_host(&["ip", "link", "set", "wire0", "nomaster"]);
        run(Command::new("ip").args(["-n", &lab.peer, "link", "set", "p1", "up"]));
        self.vsctl(&["add-port", BRIDGE, "wire0", "--", "add-port", BRIDGE, "wire1", "tag=100"]);
    }

    fn switch(&self) -> Switch {
        Switch::beside(Netns::named(&self.lab.host), self.dir.path().to_owned())
    }

    async fn join(&self, wanted: &[&Join]) -> bool {
        let wanted: BTreeSet<Join> = wanted.iter().copied().cloned().collect();
        ensure_joins(&self.switch(), INSTANCE, &wanted).await.unwrap()
    }

    /// As libvirt plugs a guest in.
    fn plug(&self, tap: &str, join: &Join) {
        let port = join.port(INSTANCE);
        self.lab.on_host(&["ip", "link", "set", tap, "master", &join.plug(INSTANCE)]);
        // All frames of a test may wait for the switch.
        self.lab.on_host(&["ip", "link", "set", &port, "txqueuelen", "20000"]);
        while !self.lab.is_forwarding(tap) || !self.lab.is_forwarding(&port) {
            std::thread::yield_now();
        }
        // What the switch has worked out for earlier packets is worked out anew, a moment after each change.
        self.run(&["ovs-appctl", "--timeout=10", "revalidator/wait"]);
    }

    /// What arrives behind the first wire of what the first guest sends. The end goes the same way.
    fn arrived(&self, join: &Join, frames: &[Frame]) -> Vec<(String, u64)> {
        let counting = Counting::begin((&self.lab.peer, "p0"), frames);
        self.lab.send_frames((&self.lab.guest, "g0"), frames);
        self.lab.end(&join.port(INSTANCE));
        counting.counts().into_iter().collect()
    }

    /// Whether what the first guest sends arrives behind each of these devices, all of it or nothing. Nothing is nothing
    /// once the same frames have arrived behind the first device.
    fn reaches(&self, join: &Join, first: &str, others: &[(&str, &str, &str)]) -> Vec<bool> {
        let frames = honest();
        let all = Counting::begin((&self.lab.peer, first), &frames);
        let counting: Vec<_> = others.iter().map(|of| (Counting::begin((of.0, of.1), &frames), of.2)).collect();
        self.lab.send_frames((&self.lab.guest, "g0"), &frames);
        self.lab.end(&join.port(INSTANCE));
        assert!(all.counts().values().all(|count| *count == COPIES), "{first}");
        let came = |(counting, last): (Counting, &str)| {
            self.lab.end(last);
            let counts = counting.counts();
            let sum: u64 = counts.values().sum();
            assert!(sum == 0 || counts.values().all(|count| *count == COPIES), "{counts:?}");
            sum > 0
        };
        counting.into_iter().map(came).collect()
    }

    /// Ended once it has taken its file away.
    fn stop(&self, program: &str) {
        let file = self.dir.path().join(format!("{program}.pid"));
        let Ok(pid) = std::fs::read_to_string(&file) else { return };
        let _ = Command::new("kill").arg(pid.trim()).status();
        while file.exists() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        for program in ["ovs-vswitchd", "ovsdb-server"] {
            self.stop(program);
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        eprintln!("skipped: network namespaces need root");
    }
    is_root
}

fn interface(tag: &str, vlans: &[InterfaceVlan], isolated: bool) -> InterfaceSpec {
    InterfaceSpec {
        tag: tag.into(),
        bridge: BRIDGE.into(),
        mac: "52:54:00:00:00:01".into(),
        ip_filter: true,
        ipv4: vec![Ipv4Address { address: OWN_IPV4.to_string(), prefix_len: 24, gateway: "10.7.0.1".into() }],
        ipv6: vec![Ipv6Subnet {
            subnet: "fd00:7:0:1::".into(),
            prefix_len: 64,
            address: "fd00:7:0:1::2".into(),
            gateway: GATEWAY_IPV6.into(),
            routed: false,
        }],
        vlans: vlans.to_vec(),
        isolated,
        ..Default::default()
    }
}

fn untagged(id: u32) -> InterfaceVlan {
    InterfaceVlan { id, tagged: false, native: true }
}

fn tagged(id: u32) -> InterfaceVlan {
    InterfaceVlan { id, tagged: true, native: false }
}

fn filter(of: &InterfaceSpec) -> InterfaceFilter {
    InterfaceFilter::of(INSTANCE, of).unwrap()
}

#[tokio::test]
async fn t14_nothing_false_leaves_a_guest_on_open_vswitch_and_its_join_comes_back_whatever_was_killed() {
    if !is_root() {
        return;
    }
    let it = Switched::new();
    let (host, switch) = (Netns::named(&it.lab.host), it.switch());
    let spec = interface("0000000001", &[], false);
    let join = Join::of(&spec).unwrap();
    let told = async || probe(&switch, BRIDGE).await.unwrap_err();
    assert!(told().await.contains("database of Open vSwitch does not answer"), "{}", told().await);
    it.start_database();
    assert!(told().await.contains("has no bridge ovsbr0"), "{}", told().await);
    it.vsctl(&["--no-wait", "add-br", BRIDGE]);
    assert!(told().await.contains("ovs-vswitchd does not answer"), "{}", told().await);
    it.vsctl(&["--no-wait", "del-br", BRIDGE]);
    it.start_switch();
    let refused = ensure_joins(&switch, INSTANCE, &BTreeSet::from([join.clone()])).await.unwrap_err().to_string();
    assert!(refused.contains("`ovs-vsctl add-br ovsbr0` makes it"), "{refused}");
    it.add_bridge();
    assert_eq!(probe(&switch, BRIDGE).await, Ok(()));

    assert!(it.join(&[&join]).await && !it.join(&[&join]).await, "once");
    it.plug(TAP, &join);
    let frames: Vec<Frame> = honest().into_iter().chain(false_ones()).collect();
    let arrived = it.arrived(&join, &frames);
    let untagged = arrived.iter().filter(|(label, _)| label != "<bad-vlan>");
    assert!(untagged.clone().all(|(_, count)| *count == COPIES), "without filters: {arrived:?}");
    assert!(arrived.contains(&("<bad-vlan>".into(), 0)), "no guest reaches the switch's VLANs by a tag: {arrived:?}");
    ensure_table(&host, INSTANCE).await.unwrap();
    assert!(it.arrived(&join, &frames).iter().all(|(_, count)| *count == 0), "before the tap is listed");
    ensure_filters(&host, INSTANCE, &[filter(&spec)]).await.unwrap();
    let honest_only = |when: &str| {
        for (label, count) in it.arrived(&join, &frames) {
            assert_eq!(count, if label.starts_with("<good") { COPIES } else { 0 }, "{when}: {label}");
        }
    };
    honest_only("one address");

    let (plug, port) = (join.plug(INSTANCE), join.port(INSTANCE));
    for killed in [
        &["ip", "link", "set", &port, "nomaster"][..],
        &["ip", "link", "set", &port, "down"],
        &["ip", "link", "set", &plug, "down"],
        &["ip", "link", "del", &plug],
        &["ovs-vsctl", "del-port", &port],
        &["ovs-vsctl", "set", "Port", &port, "tag=7"],
        &["ovs-vsctl", "clear", "Port", &port, "vlan_mode"],
    ] {
        it.run(killed);
        assert!(it.join(&[&join]).await, "{killed:?}");
        assert!(!it.join(&[&join]).await, "{killed:?}");
        it.plug(TAP, &join);
        honest_only(&killed.join(" "));
    }
    // The node's next boot: the switch has its ports again, and Linux has no bridge.
    it.stop("ovs-vswitchd");
    it.lab.on_host(&["ip", "link", "del", &plug]);
    it.start_switch();
    assert!(!is_joined(&host, INSTANCE, &join).await.unwrap());
    assert!(it.join(&[&join]).await);
    it.plug(TAP, &join);
    honest_only("after a boot");

    // Nobody's: it stays while a guest is plugged in, and the switch's owner's ports always.
    let nothing = BTreeSet::new();
    assert!(!remove_strays(&switch, INSTANCE, &nothing).await.unwrap());
    assert!(is_joined(&host, INSTANCE, &join).await.unwrap());
    it.lab.on_host(&["ip", "link", "set", TAP, "nomaster"]);
    assert!(remove_strays(&switch, INSTANCE, &nothing).await.unwrap());
    assert!(!remove_strays(&switch, INSTANCE, &nothing).await.unwrap());
    for gone in [&plug, &port] {
        let args = ["-n", &it.lab.host, "link", "show", "dev", gone];
        assert!(!Command::new("ip").args(args).output().unwrap().status.success(), "{gone}");
    }
    // Killed in the middle of the way back: the port is still in the switch's database.
    it.join(&[&join]).await;
    it.lab.on_host(&["ip", "link", "del", &plug]);
    remove_joins(&switch, INSTANCE).await.unwrap();
    it.vsctl(&["iface-to-br", "wire0"]);
    assert!(!remove_strays(&switch, INSTANCE, &nothing).await.unwrap());
}

#[tokio::test]
async fn t14_guests_of_open_vswitch_stay_in_their_vlans_and_isolated_ones_away_from_each_other() {
    if !is_root() {
        return;
    }
    let it = Switched::new();
    it.start_database();
    it.start_switch();
    it.add_bridge();
    let (host, lab) = (Netns::named(&it.lab.host), &it.lab);
    ensure_table(&host, INSTANCE).await.unwrap();
    let neighbour = (lab.guest.as_str(), "g1", UNLISTED_TAP);
    for (name, first, second, in_100, reached) in [
        ("no VLAN", interface("0000000001", &[], false), interface("0000000002", &[], false), false, true),
        (
            "one VLAN",
            interface("0000000001", &[untagged(100)], false),
            interface("0000000002", &[untagged(100)], false),
            true,
            true,
        ),
        (
            "another VLAN",
            interface("0000000001", &[untagged(100)], false),
            interface("0000000002", &[untagged(200)], false),
            true,
            false,
        ),
        (
            "a trunk",
            interface("0000000001", &[untagged(100)], false),
            interface("0000000002", &[tagged(100), tagged(200)], false),
            true,
            true,
        ),
        (
            "isolated from the trunk",
            interface("0000000001", &[untagged(100)], true),
            interface("0000000002", &[tagged(100)], true),
            true,
            false,
        ),
        (
            "isolated in one VLAN",
            interface("0000000001", &[untagged(100)], true),
            interface("0000000002", &[untagged(100)], true),
            true,
            false,
        ),
        (
            "one is not isolated",
            interface("0000000001", &[untagged(100)], true),
            interface("0000000002", &[untagged(100)], false),
            true,
            true,
        ),
    ] {
        let (mine, other) = (Join::of(&first).unwrap(), Join::of(&second).unwrap());
        it.join(&[&mine, &other]).await;
        ensure_filters(&host, INSTANCE, &[filter(&first), filter(&second)]).await.unwrap();
        it.plug(TAP, &mine);
        it.plug(UNLISTED_TAP, &other);
        // A wire of all VLANs gets it, whatever it is in; the one of VLAN 100 only what is in that.
        let reaches = it.reaches(&mine, "p0", &[(lab.peer.as_str(), "p1", "wire1"), neighbour]);
        assert_eq!(reaches, [in_100, reached], "{name}");
    }
    // A tag of the guest's own leads nowhere, whether the filter is on or off.
    let first = InterfaceSpec { ip_filter: false, ..interface("0000000001", &[untagged(200)], false) };
    let join = Join::of(&first).unwrap();
    it.join(&[&join]).await;
    ensure_filters(&host, INSTANCE, &[filter(&first)]).await.unwrap();
    it.plug(TAP, &join);
    let hops: Vec<Frame> = honest().into_iter().map(|frame| vlan(frame, 100)).collect();
    let arrived = it.arrived(&join, &hops);
    assert!(arrived.iter().all(|(_, count)| *count == 0), "{arrived:?}");
}
