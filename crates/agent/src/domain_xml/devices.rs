//! The devices of a guest.

use std::path::Path;

use berth_proto::{DiskLimits, DiskSpec, InterfaceSpec, ServerSpec};

use super::{
    RunningDisk, RunningInterface, WINDOWS,
    element::{Element, el},
};
use crate::host::HostFacts;
use crate::image::ImageDigest;
use crate::iso;
use crate::names;
use crate::openvswitch;
use crate::paths::Paths;
use crate::storage::{RbdPool, Source, Storages, monitor_of};

/// Targets are named by one letter, `vda` to `vdz`.
pub const DISK_LIMIT: u32 = 26;
pub const DISK_BUSES: [&str; 3] = ["virtio", "scsi", "sata"];
pub const DISK_CACHES: [&str; 5] = ["none", "writethrough", "writeback", "directsync", "unsafe"];
pub const DISK_IO: [&str; 2] = ["threads", "native"];

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

/// The name of a virtio disk in the guest and towards libvirt: 1 is `vda`. Disks are told of by it whatever their bus.
pub fn disk_name(index: u32) -> String {
    format!("vd{}", letter(index))
}

/// The disk's name towards libvirt. Those on other buses come after the seed and the drive, 1 is `sdc`; the guest counts
/// them as it finds them.
pub fn disk_target(disk: &DiskSpec) -> String {
    if disk_bus(disk) == "virtio" { disk_name(disk.index) } else { format!("sd{}", letter(disk.index + OTHER_DRIVES)) }
}

/// The index of the disk that has this name towards libvirt; none where it is not one that we gave.
pub fn disk_index(target: &str) -> Option<u32> {
    let (bus, letter) = target.split_at_checked(2)?;
    let [letter @ b'a'..=b'z'] = letter.as_bytes() else { return None };
    let place = u32::from(letter - b'a') + 1;
    match bus {
        "vd" => Some(place),
        "sd" => place.checked_sub(OTHER_DRIVES).filter(|index| *index > 0),
        _ => None,
    }
}

fn letter(place: u32) -> char {
    char::from(u8::try_from(place.clamp(1, DISK_LIMIT) - 1).unwrap_or(0) + b'a')
}

/// libvirt's bus of a disk.
pub fn disk_bus(disk: &DiskSpec) -> &str {
    if disk.bus.is_empty() { "virtio" } else { &disk.bus }
}

/// What a disk is: its type, and where it is. Devices and what QEMU reaches across the network are libvirt's to give to
/// the guest's user.
fn disk_source(disk: &DiskSpec, host: &HostFacts, paths: &Paths) -> (&'static str, Element) {
    match Storages::new(paths, &host.instance, &host.storages).source(disk) {
        Source::File(path) => ("file", source(path.display())),
        Source::Device(path) => ("block", el("source").attr("dev", path.display())),
        Source::Rbd { pool, image } => ("network", rbd_source(&pool, &image)),
    }
}

fn rbd_source(pool: &RbdPool, image: &str) -> Element {
    let monitors = pool.monitors.iter().filter_map(|monitor| monitor_of(monitor));
    let hosts = monitors.map(|(host, port)| el("host").attr("name", host).attr("port", port));
    let auth = pool.user.as_ref().zip(pool.secret_uuid.as_ref()).map(|(user, secret)| {
        el("auth").attr("username", user).child(el("secret").attr("type", "ceph").attr("uuid", secret))
    });
    el("source").attr("protocol", "rbd").attr("name", image).children(hosts).children(auth)
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
    let (kind, source) = disk_source(disk, host, paths);
    let mut driver = el("driver")
        .attr("name", "qemu")
        .attr("type", &disk.format)
        .attr("cache", cache(disk, host))
        .attr("discard", "unmap")
        .attr("detect_zeroes", "unmap");
    if !disk.io.is_empty() {
        driver = driver.attr("io", &disk.io);
    }
    el("disk")
        .attr("type", kind)
        .attr("device", "disk")
        .child(driver)
        .child(source)
        .child(el("target").attr("dev", disk_target(disk)).attr("bus", disk_bus(disk)))
        .children(disk.limits.as_ref().and_then(io_tune))
        .child(el("serial").text(disk_serial(&disk.volume_uuid)))
        .children((disk_bus(disk) == "scsi").then(|| scsi_address(disk.index)))
}

/// On the controller that every guest has: left to it, libvirt adds another one after some disks, which takes a port.
fn scsi_address(index: u32) -> Element {
    let unit = index + OTHER_DRIVES - 1;
    el("address").attr("type", "drive").attr("controller", 0).attr("bus", 0).attr("target", 0).attr("unit", unit)
}

/// As much of a disk as libvirt needs to find it in a running guest.
pub fn left_disk_xml(has: &RunningDisk) -> String {
    let file = has.file.display().to_string();
    let (kind, source) = match Source::rbd_image(&file) {
        Some(image) => ("network", el("source").attr("protocol", "rbd").attr("name", image)),
        None => ("file", el("source").attr("file", file)),
    };
    el("disk")
        .attr("type", kind)
        .attr("device", "disk")
        .child(el("driver").attr("name", "qemu").attr("type", &has.format))
        .child(source)
        .child(el("target").attr("dev", &has.target).attr("bus", &has.bus))
        .to_document()
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

/// The seed's and the one for discs.
const OTHER_DRIVES: u32 = 2;
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
        .child(el("source").attr("bridge", openvswitch::plug(&host.instance, &host.switches, interface)))
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
