//! A guest with UEFI firmware from nothing but the agent's makers: libvirt takes the definition and makes variables of
//! the guest's own, and QEMU starts on them. The disk is empty; what a guest does with BIOS is proven elsewhere.
//!
//! Needs root and a running libvirtd.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::os::unix::fs::MetadataExt;

use berth_agent::cmd::{Cmd, CmdError};
use berth_agent::disk::{Mode, ensure_volume};
use berth_agent::domain_xml::{check, domain_xml, parse_metadata};
use berth_agent::host::{Accelerator, HostFacts};
use berth_agent::paths::Paths;
use berth_agent::{names, probe, qemu_host};
use berth_proto::{DiskSpec, Firmware, ServerSpec};

const INSTANCE: &str = "pxa";
const SERVER: &str = "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0abd";
const UID: u32 = 2_000_777;

fn spec() -> ServerSpec {
    ServerSpec {
        server_uuid: SERVER.into(),
        cluster_uuid: "b0b6a3f2-5a0e-4a8e-8f0e-1f0d1a2b3c4d".into(),
        generation: 1,
        server_id: 1,
        vcpus: 1,
        memory_mib: 256,
        firmware: Firmware::Uefi.into(),
        run_as_uid: UID,
        cpu_throttle_percent: 95,
        disks: vec![DiskSpec {
            volume_uuid: "11111111-2222-4333-8444-555555555abc".into(),
            index: 1,
            capacity_gib: 1,
            format: "qcow2".into(),
            ..Default::default()
        }],
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
        swtpm: false,
        custom_xml: Default::default(),
        storages: Vec::new(),
        switches: Vec::new(),
    }
}

async fn virsh(args: &[&str]) -> Result<String, CmdError> {
    Cmd::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).run().await.map(|output| output.text())
}

async fn cleanup(paths: &Paths) {
    let domain = names::domain(INSTANCE, SERVER);
    let _ = virsh(&["destroy", &domain]).await;
    let _ = virsh(&["undefine", "--nvram", &domain]).await;
    let _ = std::fs::remove_dir_all(paths.data_dir());
}

#[tokio::test]
async fn a_guest_with_uefi_starts_on_variables_of_its_own() {
    let paths = Paths::new("/var/lib/berth/test-pxa");
    cleanup(&paths).await;
    let story = tokio::spawn(story(paths.clone())).await;
    cleanup(&paths).await;
    story.unwrap();
}

async fn story(paths: Paths) {
    let spec = spec();
    qemu_host::ensure_host_lets_guests_run().unwrap();
    paths.ensure_dirs().unwrap();
    let disk = ensure_volume(
        &paths.volume(&spec.disks[0].volume_uuid, "qcow2"),
        &spec.disks[0],
        UID,
        None,
        Mode::Linked,
        |_| {},
    )
    .await
    .unwrap();
    check(&spec, &host()).unwrap();
    let file = paths.data_dir().join("domain.xml");
    std::fs::write(&file, domain_xml(&spec, &host(), &paths)).unwrap();
    virsh(&["define", "--validate", file.to_str().unwrap()]).await.unwrap();
    paths.ensure_run_dir(SERVER, UID).unwrap();
    let domain = names::domain(INSTANCE, SERVER);

    virsh(&["start", &domain]).await.unwrap();
    assert_eq!(virsh(&["domstate", &domain]).await.unwrap().trim(), "running");
    assert!(paths.nvram(SERVER).exists());
    let xml = virsh(&["dumpxml", &domain]).await.unwrap();
    assert_eq!(parse_metadata(&xml).unwrap().server_uuid, SERVER);
    assert!(paths.vnc_socket(SERVER).exists() && paths.serial_socket(SERVER).exists());
    virsh(&["destroy", &domain]).await.unwrap();
    assert_eq!(disk.path.metadata().unwrap().uid(), UID, "libvirt left the disk's owner alone");
}
