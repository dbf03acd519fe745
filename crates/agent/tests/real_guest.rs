//! One real guest from nothing but the agent's makers: template, disk, seed, bridge, filters and definition. It shows
//! that libvirt and QEMU take what the golden files say, that the guest reads its seed, and that the host stays as
//! tight as it should be.
//!
//! Needs root, a running libvirtd and a template with a NoCloud reader and the guest agent:
//! `BERTH_TEST_TEMPLATE=<qcow2> cargo nextest run -p berth-agent --run-ignored only real_guest`.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use berth_agent::cloud_init::seed_files;
use berth_agent::cmd::{Cmd, CmdError};
use berth_agent::disk::{Mode, ensure_volume, volume_info};
use berth_agent::domain_xml::{check, domain_xml, parse_metadata};
use berth_agent::filters::InterfaceFilter;
use berth_agent::filters_apply::{ensure_filters, remove_table};
use berth_agent::host::{Accelerator, HostFacts};
use berth_agent::image::{ImageDigest, ImageLimits, ImageWriter};
use berth_agent::net::{BridgeSpec, ensure_bridge, remove_bridge, remove_nat_table};
use berth_agent::netns::Netns;
use berth_agent::paths::Paths;
use berth_agent::seed::ensure_seed;
use berth_agent::{names, probe, qemu_host};
use berth_proto::*;
use sha2::{Digest, Sha256};

const INSTANCE: &str = "pxa";
const BRIDGE: &str = "pxa0";
const SERVER: &str = "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0abc";
const OTHER: &str = "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0abd";
const UID: u32 = 2_000_777;
const UP_LIMIT: Duration = Duration::from_secs(240);

fn spec() -> ServerSpec {
    ServerSpec {
        server_uuid: SERVER.into(),
        cluster_uuid: "b0b6a3f2-5a0e-4a8e-8f0e-1f0d1a2b3c4d".into(),
        generation: 1,
        server_id: 1,
        vcpus: 1,
        memory_mib: 512,
        firmware: Firmware::Bios.into(),
        run_as_uid: UID,
        cpu_throttle_percent: 95,
        disks: vec![DiskSpec {
            volume_uuid: "11111111-2222-4333-8444-555555555abc".into(),
            index: 1,
            capacity_gib: 2,
            format: "qcow2".into(),
            limits: Some(DiskLimits { read_bytes_s: 200 << 20, ..Default::default() }),
            ..Default::default()
        }],
        interfaces: vec![InterfaceSpec {
            tag: "0000000001".into(),
            mac: "52:54:00:97:00:02".into(),
            bridge: BRIDGE.into(),
            guest_name: "eth0".into(),
            ip_filter: true,
            ipv4: vec![Ipv4Address { address: "10.97.0.2".into(), prefix_len: 24, gateway: "10.97.0.1".into() }],
            ipv6: vec![Ipv6Subnet {
                subnet: "fd97:0:0:1::".into(),
                prefix_len: 64,
                address: "fd97:0:0:1::2".into(),
                gateway: "fe80::1".into(),
            }],
            ..Default::default()
        }],
        seed: Some(GuestSeed {
            instance_id: "first".into(),
            hostname: "real".into(),
            fqdn: "real.example.com".into(),
            root_password_hash: "$6$abcdefghijklmnop$x".into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn host() -> HostFacts {
    HostFacts {
        instance: INSTANCE.into(),
        accelerator: Accelerator::Qemu,
        arch: "x86_64".into(),
        emulator: probe::emulator("x86_64"),
        ovmf: probe::ovmf(),
        qemu_gid: None,
        disk_cache: "writeback".into(),
    }
}

async fn virsh(args: &[&str]) -> Result<String, CmdError> {
    Cmd::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).run().await.map(|output| output.text())
}

async fn cleanup(paths: &Paths) {
    for server in [SERVER, OTHER] {
        let domain = names::domain(INSTANCE, server);
        let _ = virsh(&["destroy", &domain]).await;
        let _ = virsh(&["undefine", "--nvram", &domain]).await;
    }
    let host = Netns::host();
    let _ = remove_table(&host, INSTANCE).await;
    let _ = remove_bridge(&host, INSTANCE, BRIDGE).await;
    let _ = remove_nat_table(&host, INSTANCE).await;
    let _ = std::fs::remove_dir_all(paths.data_dir());
}

async fn define(spec: &ServerSpec, paths: &Paths) -> String {
    check(spec, &host()).unwrap();
    let file = paths.data_dir().join("domain.xml");
    std::fs::write(&file, domain_xml(spec, &host(), paths)).unwrap();
    virsh(&["define", "--validate", file.to_str().unwrap()]).await.unwrap();
    paths.ensure_run_dir(&spec.server_uuid, spec.run_as_uid).unwrap();
    names::domain(INSTANCE, &spec.server_uuid)
}

async fn wait_for_guest_agent(domain: &str) {
    let until = Instant::now() + UP_LIMIT;
    while virsh(&["qemu-agent-command", domain, r#"{"execute":"guest-ping"}"#]).await.is_err() {
        assert!(Instant::now() < until, "the guest agent did not answer in time");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
#[ignore = "boots a real guest and needs a template"]
async fn real_guest_starts_from_what_the_makers_say() {
    let template = PathBuf::from(std::env::var_os("BERTH_TEST_TEMPLATE").expect("BERTH_TEST_TEMPLATE names a qcow2"));
    let paths = Paths::new("/var/lib/berth/test-pxa");
    cleanup(&paths).await;
    let story = tokio::spawn(story(template, paths.clone())).await;
    if story.is_err() {
        let log = std::fs::read(paths.serial_log(SERVER)).unwrap_or_default();
        eprintln!("serial log: {}", String::from_utf8_lossy(&log));
    }
    cleanup(&paths).await;
    story.unwrap();
}

async fn story(template: PathBuf, paths: Paths) {
    let (spec, network) = (spec(), Netns::host());
    qemu_host::ensure_host_lets_guests_run().unwrap();
    paths.ensure_dirs().unwrap();
    let bytes = std::fs::read(template).unwrap();
    let digest = ImageDigest::parse(&format!("sha256:{}", hex::encode(Sha256::digest(&bytes)))).unwrap();
    let mut writer = ImageWriter::begin(&paths, &digest, bytes.len() as u64, ImageLimits::default()).unwrap();
    writer.write(&bytes).unwrap();
    let image = writer.finish().await.unwrap();

    let disk = ensure_volume(&paths, &spec.disks[0], UID, Some(&image), Mode::Linked, |_| {}).await.unwrap();
    ensure_seed(&paths.seed(SERVER), &seed_files(&spec).unwrap(), UID).unwrap();
    let bridge = BridgeSpec {
        name: BRIDGE.into(),
        addresses: vec!["10.97.0.1/24".parse().unwrap(), "fe80::1/64".parse().unwrap()],
        nat: false,
        mtu: 0,
    };
    ensure_bridge(&network, INSTANCE, &bridge).await.unwrap();
    let filter = InterfaceFilter::of(INSTANCE, &spec.interfaces[0]).unwrap();
    ensure_filters(&network, INSTANCE, &[filter]).await.unwrap();

    let domain = define(&spec, &paths).await;
    virsh(&["start", &domain]).await.unwrap();
    wait_for_guest_agent(&domain).await;
    let ask = |command: &'static str| {
        let domain = domain.clone();
        async move { virsh(&["qemu-agent-command", &domain, command]).await.unwrap() }
    };
    let hostname = ask(r#"{"execute":"guest-get-host-name"}"#).await;
    assert!(hostname.contains("\"real\""), "{hostname}");
    let addresses = ask(r#"{"execute":"guest-network-get-interfaces"}"#).await;
    for address in ["10.97.0.2", "fd97:0:0:1::2", "fe80::5054:ff:fe97:2"] {
        assert!(addresses.contains(&format!("\"{address}\"")), "{address}: {addresses}");
    }
    Cmd::new("ping").args(["-c", "2", "-W", "3", "10.97.0.2"]).run().await.unwrap();
    Cmd::new("ping").args(["-c", "2", "-W", "3", "fe80::5054:ff:fe97:2%pxa0"]).run().await.unwrap();

    t16_the_guest_is_confined(&paths, &image.path, &disk.path);
    let xml = virsh(&["dumpxml", &domain]).await.unwrap();
    assert_eq!(parse_metadata(&xml).unwrap().server_uuid, SERVER);
    assert!(volume_info(&disk.path, "qcow2").await.unwrap().allocated_bytes > 0);
    assert!(paths.vnc_socket(SERVER).exists() && paths.serial_socket(SERVER).exists());
    assert!(!std::fs::read(paths.serial_log(SERVER)).unwrap().is_empty());
    virsh(&["destroy", &domain]).await.unwrap();
    assert_eq!(disk.path.metadata().unwrap().uid(), UID, "libvirt left the disk's owner alone");

    let mut uefi = spec.clone();
    (uefi.server_uuid, uefi.firmware) = (OTHER.into(), Firmware::Uefi.into());
    (uefi.disks[0].index, uefi.seed) = (2, None);
    uefi.interfaces.clear();
    let domain = define(&uefi, &paths).await;
    virsh(&["start", &domain]).await.unwrap();
    assert!(paths.nvram(OTHER).exists());
    virsh(&["destroy", &domain]).await.unwrap();
}

/// The guest's QEMU: its own user, the sandbox, no network port; the shared template belongs to root still.
fn t16_the_guest_is_confined(paths: &Paths, template: &std::path::Path, disk: &std::path::Path) {
    let pid = std::fs::read_to_string(format!("/run/libvirt/qemu/{INSTANCE}-{SERVER}.pid")).unwrap();
    let proc = PathBuf::from("/proc").join(pid.trim());
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().skip(1).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), vec![UID.to_string(); 4]);
    assert_eq!(field("Gid:"), vec![UID.to_string(); 4]);
    assert_eq!(field("Seccomp:"), ["2"], "the sandbox is a filter");
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    let template = template.metadata().unwrap();
    assert_eq!((template.uid(), template.mode() & 0o777), (0, 0o444));
    let disk = disk.metadata().unwrap();
    assert_eq!((disk.uid(), disk.mode() & 0o777), (UID, 0o600));
    let seed = paths.seed(SERVER).metadata().unwrap();
    assert_eq!((seed.uid(), seed.mode() & 0o777), (UID, 0o400));
}
