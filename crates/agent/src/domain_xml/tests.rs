use berth_proto::*;

use super::*;
use crate::host::Ovmf;
use crate::storage::{Source, StorageConfig};

fn host(accelerator: Accelerator) -> HostFacts {
    HostFacts {
        instance: "berth".into(),
        accelerator,
        arch: "x86_64".into(),
        emulator: "/usr/bin/qemu-system-x86_64".into(),
        ovmf: Some(Ovmf {
            code: "/usr/share/OVMF/OVMF_CODE_4M.fd".into(),
            vars: "/usr/share/OVMF/OVMF_VARS_4M.fd".into(),
        }),
        qemu_gid: None,
        disk_cache: "writeback".into(),
        swtpm: true,
        custom_xml: CustomXmlPolicy::default(),
        storages: Vec::new(),
        switches: Vec::new(),
    }
}

fn paths() -> Paths {
    Paths::new("/var/lib/berth/agent")
}

fn spec() -> ServerSpec {
    ServerSpec {
        server_uuid: "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a11".into(),
        cluster_epoch: 1,
        generation: 7,
        cluster_uuid: "b0b6a3f2-5a0e-4a8e-8f0e-1f0d1a2b3c4d".into(),
        server_id: 42,
        vcpus: 1,
        memory_mib: 256,
        firmware: Firmware::Bios.into(),
        cpu_model: "inherit".into(),
        run_as_uid: 2_000_000,
        boot_order: vec!["hd".into(), "cdrom".into()],
        disks: vec![disk(1, "11111111-2222-4333-8444-555555555555")],
        interfaces: vec![nic("0123456789", "52:54:00:00:00:01")],
        seed: Some(GuestSeed::default()),
        ..Default::default()
    }
}

fn disk(index: u32, volume_uuid: &str) -> DiskSpec {
    DiskSpec { volume_uuid: volume_uuid.into(), index, capacity_gib: 5, format: "qcow2".into(), ..Default::default() }
}

fn nic(tag: &str, mac: &str) -> InterfaceSpec {
    InterfaceSpec { tag: tag.into(), mac: mac.into(), bridge: "berth0".into(), ..Default::default() }
}

fn two_of_each() -> ServerSpec {
    let mut spec = spec();
    spec.disks.push(DiskSpec {
        format: "raw".into(),
        cache: "none".into(),
        ..disk(2, "66666666-7777-4888-9999-aaaaaaaaaaaa")
    });
    spec.interfaces.push(InterfaceSpec {
        mtu: 1400,
        queues: 4,
        link_down: true,
        ..nic("9876543210", "52:54:00:00:00:02")
    });
    spec
}

/// Disks on each bus, with a way of input and output.
fn other_buses() -> ServerSpec {
    let mut spec = spec();
    let other = |index, bus: &str| DiskSpec { bus: bus.into(), ..disk(index, "66666666-7777-4888-9999-aaaaaaaaaaaa") };
    spec.disks.extend([
        DiskSpec { cache: "none".into(), io: "native".into(), ..other(2, "scsi") },
        other(3, "sata"),
        DiskSpec { io: "threads".into(), filesystem: "ext4".into(), ..other(16, "scsi") },
    ]);
    spec
}

fn limited() -> ServerSpec {
    let mut spec = spec();
    (spec.cpu_shares, spec.cpu_throttle_percent) = (512, 25);
    spec.disks[0].limits =
        Some(DiskLimits { read_iops: 300, write_iops: 200, read_bytes_s: 2 << 20, write_bytes_s: 1 << 20 });
    spec.boot_order = vec!["network".into(), "hd".into()];
    spec.interfaces[0].model = "e1000".into();
    spec
}

fn with_disc() -> ServerSpec {
    let boot_order = vec!["cdrom".into(), "hd".into()];
    ServerSpec { iso_digest: format!("sha256:{}", "ab".repeat(32)), boot_order, ..spec() }
}

fn with_own_xml() -> ServerSpec {
    let custom = CustomXml {
        domain: "<memoryBacking><nosharepages/></memoryBacking><on_crash>restart</on_crash>".into(),
        os: "<os><bootmenu enable='yes' timeout='3000'/></os>".into(),
        devices: "<watchdog model='i6300esb' action='reset'/><memballoon model='none'/>".into(),
        features: "<xml><pae/><vmport state='on'/></xml>".into(),
        clock: "<clock offset='localtime'><timer name='hpet' present='yes'/></clock>".into(),
        cpu_tune: "<vcpupin vcpu='0' cpuset='0'/>".into(),
    };
    ServerSpec { custom_xml: Some(custom), ..spec() }
}

fn windows() -> ServerSpec {
    let (os_type, tpm_version) = (WINDOWS.into(), "2.0".into());
    ServerSpec { os_type, tpm_version, firmware: Firmware::Uefi.into(), ..spec() }
}

fn old_machine() -> ServerSpec {
    let boot_order = vec!["cdrom".into(), "network".into(), "hd".into()];
    let (machine, tpm_version, cpu_model) = ("pc".into(), "1.2".into(), "Nehalem".into());
    ServerSpec { machine, tpm_version, cpu_model, boot_order, ..spec() }
}

fn uefi() -> ServerSpec {
    ServerSpec { firmware: Firmware::Uefi.into(), ..spec() }
}

#[test]
fn golden_emulated_micro() {
    insta::assert_snapshot!(domain_xml(&spec(), &host(Accelerator::Qemu), &paths()));
}

#[test]
fn golden_kvm() {
    insta::assert_snapshot!(domain_xml(&spec(), &host(Accelerator::Kvm), &paths()));
}

#[test]
fn golden_uefi() {
    insta::assert_snapshot!(domain_xml(&uefi(), &host(Accelerator::Kvm), &paths()));
}

#[test]
fn golden_disc_in_the_drive() {
    insta::assert_snapshot!(domain_xml(&with_disc(), &host(Accelerator::Qemu), &paths()));
}

#[test]
fn golden_disks_on_other_buses() {
    let (host, spec) = (host(Accelerator::Qemu), other_buses());
    let all = spec.disks.iter().map(|disk| disk_xml(disk, &host, &paths())).collect::<String>();
    let running = Running::read(&domain_xml(&spec, &host, &paths()));
    assert_eq!(
        running.disks.iter().map(|disk| disk.bus.as_str()).collect::<Vec<_>>(),
        ["virtio", "scsi", "sata", "scsi"]
    );
    let left = left_disk_xml(&running.disks[1]);
    let image = RunningDisk { file: Source::key_of_rbd("rbd/one"), ..running.disks[0].clone() };
    insta::assert_snapshot!(format!("{all}{left}{}", left_disk_xml(&image)));
}

#[test]
fn golden_own_xml_of_every_section() {
    assert_eq!(check(&with_own_xml(), &host(Accelerator::Qemu)), Ok(()));
    insta::assert_snapshot!(domain_xml(&with_own_xml(), &host(Accelerator::Qemu), &paths()));
}

#[test]
fn a_trial_has_another_name_and_is_nobodys() {
    let xml = trial_xml(&spec(), &host(Accelerator::Qemu), &paths(), "berth-trial-x", "another");
    assert!(xml.contains("<name>berth-trial-x</name>") && xml.contains("<uuid>another</uuid>"), "{xml}");
    assert_eq!(crate::names::server_of_domain("berth", "berth-trial-0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a11"), None);
}

#[test]
fn golden_windows_with_kvm() {
    insta::assert_snapshot!(domain_xml(&windows(), &host(Accelerator::Kvm), &paths()));
}

#[test]
fn golden_windows_emulated() {
    insta::assert_snapshot!(domain_xml(&windows(), &host(Accelerator::Qemu), &paths()));
}

#[test]
fn golden_old_machine_with_tpm_and_cpu_type() {
    insta::assert_snapshot!(domain_xml(&old_machine(), &host(Accelerator::Kvm), &paths()));
}

#[test]
fn machines_and_tpms_that_are_none_are_refused() {
    let host = host(Accelerator::Qemu);
    for machine in ["", "q35", "pc", "pc-q35-7.2", "pc-i440fx-2.12"] {
        assert_eq!(check(&ServerSpec { machine: machine.into(), ..spec() }, &host), Ok(()), "{machine}");
    }
    for machine in ["isapc", "microvm", "pc-q35-", "pc-q35-7", "pc-q35-7.2,accel=tcg", "../q35", "pc-q35-7.2.1"] {
        assert!(check(&ServerSpec { machine: machine.into(), ..spec() }, &host).is_err(), "{machine}");
    }
    assert!(check(&ServerSpec { tpm_version: "3".into(), ..spec() }, &host).is_err());
    let without = HostFacts { swtpm: false, ..host };
    assert!(check(&windows(), &without).unwrap_err().contains("swtpm"));
    assert_eq!(check(&spec(), &without), Ok(()));
}

#[test]
fn golden_two_disks_and_two_interfaces() {
    insta::assert_snapshot!(domain_xml(&two_of_each(), &host(Accelerator::Kvm), &paths()));
}

/// The guest's tap is a port of the Linux bridge where the filters are, never of the switch.
#[test]
fn golden_interfaces_on_open_vswitch() {
    let host = HostFacts { switches: vec!["ovsbr0".into()], ..host(Accelerator::Kvm) };
    let plain = InterfaceSpec { bridge: "ovsbr0".into(), mtu: 1400, ..nic("0123456789", "52:54:00:00:00:01") };
    let vlan = InterfaceVlan { id: 100, tagged: false, native: true };
    let in_vlan = InterfaceSpec { vlans: vec![vlan], isolated: true, link_down: true, mtu: 0, ..plain.clone() };
    let of = |interface: &InterfaceSpec| devices::interface_xml(&spec(), interface, &host);
    insta::assert_snapshot!([of(&plain), of(&in_vlan), of(&nic("9876543210", "52:54:00:00:00:02"))].join("\n"));
}

#[test]
fn golden_limits() {
    insta::assert_snapshot!(domain_xml(&limited(), &host(Accelerator::Qemu), &paths()));
}

#[test]
fn t16_no_legacy_device_no_nested_virtualisation_and_not_root() {
    for spec in [spec(), uefi(), two_of_each(), limited(), with_disc(), windows(), old_machine()] {
        for accelerator in [Accelerator::Kvm, Accelerator::Qemu] {
            let xml = domain_xml(&spec, &host(accelerator), &paths());
            for absent in ["floppy", "nvme", "<sound", "tablet", "commandline", "127.0.0.1", "port='"] {
                assert!(!xml.contains(absent), "{absent} in {xml}");
            }
            for present in [
                r#"<controller type="usb" model="none"/>"#,
                r#"<feature policy="disable" name="vmx"/>"#,
                r#"<feature policy="disable" name="svm"/>"#,
                "<label>+2000000:+2000000</label>",
            ] {
                assert!(xml.contains(present), "no {present} in {xml}");
            }
        }
    }
    assert!(check(&ServerSpec { run_as_uid: 0, ..spec() }, &host(Accelerator::Kvm)).is_err());
}

/// The shared template is the backing file of many guests' disks; libvirt must not give it to one of them.
#[test]
fn libvirt_leaves_the_owners_of_images_alone() {
    let xml = domain_xml(&two_of_each(), &host(Accelerator::Kvm), &paths());
    assert_eq!(xml.matches("<source file=").count(), 3, "two disks and the seed; the drive is empty");
    assert_eq!(xml.matches(r#"<seclabel model="dac" relabel="no"/>"#).count(), 3);
}

#[test]
fn disks_have_the_cache_mode_that_is_named_or_else_the_agents() {
    let host = host(Accelerator::Kvm);
    let named = devices::DISK_CACHES.map(|mode| (mode, mode));
    for (named, wanted) in named.into_iter().chain([("", "writeback")]) {
        let mut spec = spec();
        spec.disks[0].cache = named.into();
        assert_eq!(check(&spec, &host), Ok(()), "{named}");
        let xml = domain_xml(&spec, &host, &paths());
        assert_eq!(xml.matches(&format!(r#"cache="{wanted}""#)).count(), 1, "{named}: {xml}");
    }
}

#[test]
fn t08_t17_hostile_names_stay_text() {
    let hostile = "\"'><x/><!--&lt;]]>\n\0\u{7}";
    let mut spec = two_of_each();
    spec.server_uuid = hostile.into();
    spec.cluster_uuid = hostile.into();
    spec.cpu_model = hostile.into();
    spec.disks[0].volume_uuid = hostile.into();
    spec.disks[0].cache = hostile.into();
    spec.interfaces[0].mac = hostile.into();
    spec.interfaces[0].bridge = hostile.into();
    spec.interfaces[0].tag = hostile.into();
    let xml = domain_xml(&spec, &host(Accelerator::Qemu), &paths());
    let mut reader = quick_xml::reader::Reader::from_str(&xml);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                assert_ne!(tag.name().as_ref(), "x");
                tag.attributes().for_each(|attribute| drop(attribute.unwrap()));
            }
            quick_xml::events::Event::Comment(_) => panic!("a comment got in: {xml}"),
            _ => {}
        }
    }
    assert!(check(&spec, &host(Accelerator::Qemu)).is_err());
}

#[test]
fn metadata_leads_back_to_the_server() {
    let spec = spec();
    let xml = domain_xml(&spec, &host(Accelerator::Qemu), &paths());
    assert_eq!(parse_metadata(&xml), Some(Metadata::of(&spec)));
    assert_eq!(parse_metadata("<domain><metadata><server uuid='x'/></metadata></domain>"), None);
    assert_eq!(parse_metadata("<domain><name>other</name></domain>"), None);
}

#[test]
fn the_group_of_the_kvm_device_stands_in_the_label() {
    let host = HostFacts { qemu_gid: Some(107), ..host(Accelerator::Kvm) };
    assert!(domain_xml(&spec(), &host, &paths()).contains("<label>+2000000:+107</label>"));
}

#[test]
fn what_a_host_cannot_give_is_said() {
    let mut bare = host(Accelerator::Qemu);
    assert_eq!(check(&uefi(), &bare), Ok(()));
    bare.ovmf = None;
    assert!(check(&uefi(), &bare).unwrap_err().contains("OVMF"));
    let mut twice = two_of_each();
    twice.disks[1].index = 1;
    assert!(check(&twice, &bare).unwrap_err().contains("indexes"));
    twice.disks[1].index = 27;
    assert!(check(&twice, &bare).is_err());
    twice.disks[1] = DiskSpec { format: "vmdk".into(), ..disk(2, "x") };
    assert!(check(&twice, &bare).unwrap_err().contains("vmdk"));
    assert_eq!(check(&other_buses(), &bare), Ok(()));
    for (wrong, word) in [
        (DiskSpec { bus: "ide".into(), ..disk(2, "x") }, "bus 'ide'"),
        (DiskSpec { bus: "scsi".into(), ..disk(25, "x") }, "no place"),
        (DiskSpec { cache: "default".into(), ..disk(2, "x") }, "cache mode 'default'"),
        (DiskSpec { io: "io_uring".into(), ..disk(2, "x") }, "io_uring"),
        (DiskSpec { io: "native".into(), ..disk(2, "x") }, "needs the cache none"),
        (DiskSpec { filesystem: "../sh".into(), ..disk(2, "x") }, "'../sh'"),
    ] {
        twice.disks[1] = wrong;
        let said = check(&twice, &bare).unwrap_err();
        assert!(said.contains(word), "{said}");
    }
}

/// libvirt itself is asked, through its driver that keeps domains in the client's memory; only the domain's type has
/// to be that driver's. Skipped where its client is not installed.
#[test]
fn libvirt_accepts_every_definition_against_its_schema() {
    let dir = tempfile::tempdir().unwrap();
    for (name, spec) in [
        ("plain", spec()),
        ("uefi", uefi()),
        ("two", two_of_each()),
        ("limits", limited()),
        ("disc", with_disc()),
        ("own", with_own_xml()),
        ("windows", windows()),
        ("old", old_machine()),
        ("buses", other_buses()),
    ] {
        let file = dir.path().join(format!("{name}.xml"));
        let xml = domain_xml(&spec, &host(Accelerator::Qemu), &paths());
        std::fs::write(&file, xml.replace(r#"<domain type="qemu">"#, r#"<domain type="test">"#)).unwrap();
        let outcome = std::process::Command::new("virsh")
            .args(["-q", "-c", "test:///default", "define", "--validate"])
            .arg(&file)
            .output();
        let Ok(outcome) = outcome else { return eprintln!("skipped: virsh is not installed") };
        assert!(outcome.status.success(), "{name}: {}", String::from_utf8_lossy(&outcome.stderr));
    }
}

/// Disks on each kind of storage, as libvirt is told.
#[test]
fn golden_disks_on_storage_points() {
    let listed = |kind: &str, path: Option<&str>, pool: Option<&str>| StorageConfig {
        kind: kind.to_owned(),
        path: path.map(str::to_owned),
        pool: pool.map(str::to_owned),
        ..StorageConfig::default()
    };
    let ceph = StorageConfig {
        ceph_user: Some("berth".into()),
        ceph_secret_uuid: Some("0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a99".into()),
        ceph_monitors: vec!["10.0.0.1:6789".into(), "[fd00::1]:3300".into()],
        ..listed("ceph-rbd", None, Some("rbd"))
    };
    let storages = vec![
        listed("mountpoint", Some("/mnt/ssd"), None),
        listed("nfs", Some("/mnt/nfs"), None),
        listed("lvm-thin", None, Some("vg0/thin")),
        listed("zfs", None, Some("tank/vm")),
        ceph,
    ];
    let mut all = String::new();
    let host = HostFacts { storages: storages.clone(), ..host(Accelerator::Kvm) };
    for (at, storage) in (1..).zip(&storages) {
        let place = StorageRef { kind: storage.kind.clone(), location: storage.location().to_owned() };
        let disk =
            DiskSpec { format: "raw".into(), storage: Some(place), ..disk(at, "66666666-7777-4888-9999-aaaaaaaaaaaa") };
        let wanted = ServerSpec { disks: vec![disk.clone()], ..spec() };
        assert_eq!(check(&wanted, &host), Ok(()));
        all.push_str(&disk_xml(&disk, &host, &paths()));
        let live = domain_xml(&wanted, &host, &paths());
        let key = Storages::new(&paths(), "berth", &storages).source(&disk).key();
        assert!(Running::read(&live).disk_of(&key).is_some(), "{} is found again in {live}", key.display());
        let foreign = HostFacts { storages: Vec::new(), ..host.clone() };
        assert!(check(&wanted, &foreign).unwrap_err().contains("is not one that this node's owner allows"));
    }
    insta::assert_snapshot!(all);
}
