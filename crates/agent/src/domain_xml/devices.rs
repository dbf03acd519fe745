//! The devices of a guest.

use std::path::Path;

use berth_proto::{DiskLimits, DiskSpec, InterfaceSpec, ServerSpec};

use super::{
    RunningInterface, WINDOWS,
    element::{Element, el},
};
use crate::host::HostFacts;
use crate::image::ImageDigest;
use crate::iso;
use crate::names;
use crate::paths::Paths;

/// Targets are named by one letter, `vda` to `vdz`.
pub const DISK_LIMIT: u32 = 26;

/// The VNC password of a guest that nobody looks at. VNC needs a password from the start for one to be set later;
/// this one has expired (`passwdValidTo`), so that it opens nothing.
pub const NO_VNC_PASSWORD: &str = "-none-";
const LONG_AGO: &str = "2000-01-01T00:00:00";

/// Each device on PCI Express that is added to a running guest needs a port that was there at its start. These are kept
/// free for disks.
const SPARE_PORTS: usize = 4;
/// Devices of every guest that take a port: SCSI, the agent's channel, balloon and random numbers.
const FIXED_PORTS: usize = 4;

/// Pairs of queues of an interface.
pub const QUEUES_LIMIT: u32 = 16;

/// How often the guest's balloon driver reports memory figures.
const BALLOON_STATS_PERIOD_S: u32 = 5;

pub(super) fn devices(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> Element {
    let uuid = &spec.server_uuid;
    let network_boot = spec.boot_order.iter().any(|device| device == "network");
    el("devices")
        .child(el("emulator").text(host.emulator.display()))
        .child(el("controller").attr("type", "usb").attr("model", "none"))
        .children((ports(spec) > 0).then(pci_root))
        .children((1..=ports(spec)).map(port))
        .child(el("controller").attr("type", "scsi").attr("index", 0).attr("model", "virtio-scsi"))
        .children(spec.disks.iter().map(|disk| {
            let is_primary = disk.index == 1;
            volume(disk, host, paths).children(is_primary.then(|| boot(spec, "hd")).flatten())
        }))
        .children(spec.seed.as_ref().map(|_| seed(spec, paths)))
        .child(drive(spec, paths).children(boot(spec, "cdrom")))
        .children(spec.interfaces.iter().enumerate().map(|(at, interface)| {
            nic(interface, host, network_boot).children((at == 0).then(|| boot(spec, "network")).flatten())
        }))
        .child(serial(uuid, paths))
        .child(
            // libvirt chooses this socket's path, in a folder of the domain's user; it speaks to the agent itself.
            el("channel")
                .attr("type", "unix")
                .child(el("target").attr("type", "virtio").attr("name", "org.qemu.guest_agent.0")),
        )
        .child(
            el("graphics")
                .attr("type", "vnc")
                .attr("passwd", NO_VNC_PASSWORD)
                .attr("passwdValidTo", LONG_AGO)
                .child(el("listen").attr("type", "socket").attr("socket", paths.vnc_socket(uuid).display())),
        )
        .children(tpm(spec))
        .child(el("audio").attr("id", 1).attr("type", "none"))
        .child(el("video").child(el("model").attr("type", "vga").attr("vram", 16384).attr("heads", 1)))
        .child(el("memballoon").attr("model", "virtio").child(el("stats").attr("period", BALLOON_STATS_PERIOD_S)))
        .child(el("rng").attr("model", "virtio").child(el("backend").attr("model", "random").text("/dev/urandom")))
}

/// i440FX has one PCI bus, in which devices are added anywhere.
fn ports(spec: &ServerSpec) -> usize {
    if !super::machine(spec).contains("q35") {
        return 0;
    }
    FIXED_PORTS + spec.disks.len() + spec.interfaces.len() + SPARE_PORTS
}

/// Where libvirt puts it when the guest starts; left to it, the stored definition would look changed after a start.
fn pci_root() -> Element {
    el("controller").attr("type", "pci").attr("index", 0).attr("model", "pcie-root")
}

/// The root itself has the index 0.
fn port(index: usize) -> Element {
    el("controller").attr("type", "pci").attr("index", index).attr("model", "pcie-root-port")
}

/// The device that is added to a running guest.
pub fn disk_xml(disk: &DiskSpec, host: &HostFacts, paths: &Paths) -> String {
    volume(disk, host, paths).to_document()
}

/// The place of a device in the boot order. Firmware is told device by device: by kind it would take the first drive,
/// which is the seed's.
fn boot(spec: &ServerSpec, device: &str) -> Option<Element> {
    let known = ["hd", "cdrom", "network"];
    let asked = spec.boot_order.iter().map(String::as_str).filter(|name| known.contains(name));
    let mut order: Vec<&str> = Vec::new();
    for name in asked {
        if !order.contains(&name) {
            order.push(name);
        }
    }
    if order.is_empty() {
        order = vec!["hd", "cdrom"];
    }
    order.iter().position(|name| *name == device).map(|at| el("boot").attr("order", at + 1))
}

/// The name of a disk in the guest and towards libvirt: 1 is `vda`.
pub fn disk_target(index: u32) -> String {
    let letter = u8::try_from(index.clamp(1, DISK_LIMIT) - 1).unwrap_or(0) + b'a';
    format!("vd{}", char::from(letter))
}

/// The owner of the file is the agent's business, see the module above.
fn source(file: impl std::fmt::Display) -> Element {
    el("source").attr("file", file).child(el("seclabel").attr("model", "dac").attr("relabel", "no"))
}

/// libvirt's cache mode of a disk.
pub fn cache<'a>(disk: &'a DiskSpec, host: &'a HostFacts) -> &'a str {
    if disk.cache.is_empty() { &host.disk_cache } else { &disk.cache }
}

fn volume(disk: &DiskSpec, host: &HostFacts, paths: &Paths) -> Element {
    el("disk")
        .attr("type", "file")
        .attr("device", "disk")
        .child(
            el("driver")
                .attr("name", "qemu")
                .attr("type", &disk.format)
                .attr("cache", cache(disk, host))
                .attr("discard", "unmap")
                .attr("detect_zeroes", "unmap"),
        )
        .child(source(paths.volume(&disk.volume_uuid, &disk.format).display()))
        .child(el("target").attr("dev", disk_target(disk.index)).attr("bus", "virtio"))
        .children(disk.limits.as_ref().and_then(io_tune))
        .child(el("serial").text(disk_serial(&disk.volume_uuid)))
}

/// virtio-blk shows 20 characters of a serial number; the guest finds the disk under `/dev/disk/by-id/virtio-…`.
fn disk_serial(volume_uuid: &str) -> String {
    volume_uuid.chars().filter(char::is_ascii_alphanumeric).take(20).collect()
}

fn io_tune(limits: &DiskLimits) -> Option<Element> {
    let DiskLimits { read_iops, write_iops, read_bytes_s, write_bytes_s } = *limits;
    let limits = [
        ("read_bytes_sec", read_bytes_s),
        ("write_bytes_sec", write_bytes_s),
        ("read_iops_sec", read_iops),
        ("write_iops_sec", write_iops),
    ];
    let set: Vec<Element> =
        limits.into_iter().filter(|(_, value)| *value != 0).map(|(name, value)| el(name).text(value)).collect();
    (!set.is_empty()).then(|| el("iotune").children(set))
}

const SEED_TARGET: &str = "sda";
/// The drive for discs, in every guest: a disc goes in and out while it runs.
pub const DRIVE_TARGET: &str = "sdb";

/// The drive as it is to be in a running guest, whose boot order can't be changed.
pub fn drive_xml(spec: &ServerSpec, paths: &Paths) -> String {
    drive(spec, paths).to_document()
}

fn drive(spec: &ServerSpec, paths: &Paths) -> Element {
    let disc = ImageDigest::parse(&spec.iso_digest).ok().map(|digest| iso::path(paths, &digest));
    cdrom(spec, DRIVE_TARGET, disc.as_deref())
}

fn seed(spec: &ServerSpec, paths: &Paths) -> Element {
    cdrom(spec, SEED_TARGET, Some(&paths.seed(&spec.server_uuid)))
}

/// As SCSI: cloud kernels have no AHCI, and q35 has no IDE. Windows' installer has AHCI and no virtio.
fn cdrom(spec: &ServerSpec, target: &str, disc: Option<&Path>) -> Element {
    let bus = if spec.os_type == WINDOWS { "sata" } else { "scsi" };
    el("disk")
        .attr("type", "file")
        .attr("device", "cdrom")
        .child(el("driver").attr("name", "qemu").attr("type", "raw"))
        .children(disc.map(|disc| source(disc.display())))
        .child(el("target").attr("dev", target).attr("bus", bus))
        .child(el("readonly"))
}

/// Emulated by a program of its own beside QEMU. Its state stays with the domain.
fn tpm(spec: &ServerSpec) -> Option<Element> {
    // The newer interface knows no TPM 1.2.
    let model = if spec.tpm_version == "1.2" { "tpm-tis" } else { "tpm-crb" };
    (!spec.tpm_version.is_empty()).then(|| {
        let backend = el("backend").attr("type", "emulator").attr("version", &spec.tpm_version);
        el("tpm").attr("model", model).child(backend)
    })
}

/// libvirt's model of an interface.
pub fn interface_model(interface: &InterfaceSpec) -> &str {
    match interface.model.as_str() {
        model @ ("e1000" | "e1000e" | "rtl8139") => model,
        _ => "virtio",
    }
}

/// Pairs of queues of an interface; one where its model knows no more.
pub fn interface_queues(interface: &InterfaceSpec) -> u32 {
    if interface_model(interface) == "virtio" { interface.queues.clamp(1, QUEUES_LIMIT) } else { 1 }
}

/// The device that is added to a running guest, changed in it or taken out of it.
pub fn interface_xml(spec: &ServerSpec, interface: &InterfaceSpec, host: &HostFacts) -> String {
    let network_boot = spec.boot_order.iter().any(|device| device == "network");
    nic(interface, host, network_boot).to_document()
}

/// As much of an interface as libvirt needs to find it in a running guest.
pub fn left_interface_xml(has: &RunningInterface) -> String {
    el("interface")
        .attr("type", "bridge")
        .child(el("mac").attr("address", &has.mac))
        .child(el("source").attr("bridge", &has.bridge))
        .to_document()
}

fn nic(interface: &InterfaceSpec, host: &HostFacts, network_boot: bool) -> Element {
    let queues = interface_queues(interface);
    el("interface")
        .attr("type", "bridge")
        .child(el("mac").attr("address", &interface.mac))
        .child(el("source").attr("bridge", &interface.bridge))
        .child(el("target").attr("dev", names::tap(&host.instance, &interface.tag)))
        .child(el("model").attr("type", interface_model(interface)))
        .children((queues > 1).then(|| el("driver").attr("queues", queues)))
        .children(interface.link_down.then(|| el("link").attr("state", "down")))
        .children((interface.mtu != 0).then(|| el("mtu").attr("size", interface.mtu)))
        // The boot ROM costs two seconds of each start.
        .children((!network_boot).then(|| el("rom").attr("enabled", "no")))
}

/// The socket is for people; the log, written by virtlogd, is there also when nobody looked.
fn serial(server_uuid: &str, paths: &Paths) -> Element {
    el("serial")
        .attr("type", "unix")
        .child(el("source").attr("mode", "bind").attr("path", paths.serial_socket(server_uuid).display()))
        .child(el("log").attr("file", paths.serial_log(server_uuid).display()).attr("append", "on"))
        .child(el("target").attr("type", "isa-serial").attr("port", 0).child(el("model").attr("name", "isa-serial")))
}
