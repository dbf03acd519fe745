//! The devices of a guest.

use berth_proto::{DiskLimits, DiskSpec, InterfaceSpec, ServerSpec};

use super::element::{Element, el};
use crate::host::HostFacts;
use crate::names;
use crate::paths::Paths;

/// Targets are named by one letter, `vda` to `vdz`.
pub const DISK_LIMIT: u32 = 26;

/// The VNC password of a guest that nobody looks at. VNC needs a password from the start for one to be set later;
/// this one has expired (`passwdValidTo`), so that it opens nothing.
pub const NO_VNC_PASSWORD: &str = "-none-";
const LONG_AGO: &str = "2000-01-01T00:00:00";

/// How often the guest's balloon driver reports memory figures.
const BALLOON_STATS_PERIOD_S: u32 = 5;

pub(super) fn devices(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> Element {
    let uuid = &spec.server_uuid;
    let network_boot = spec.boot_order.iter().any(|device| device == "network");
    el("devices")
        .child(el("emulator").text(host.emulator.display()))
        .child(el("controller").attr("type", "usb").attr("model", "none"))
        .child(el("controller").attr("type", "scsi").attr("index", 0).attr("model", "virtio-scsi"))
        .children(spec.disks.iter().map(|disk| volume(disk, host, paths)))
        .children(spec.seed.as_ref().map(|_| seed(uuid, paths)))
        .children(spec.interfaces.iter().map(|interface| nic(interface, host, network_boot)))
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
        .child(el("audio").attr("id", 1).attr("type", "none"))
        .child(el("video").child(el("model").attr("type", "vga").attr("vram", 16384).attr("heads", 1)))
        .child(el("memballoon").attr("model", "virtio").child(el("stats").attr("period", BALLOON_STATS_PERIOD_S)))
        .child(el("rng").attr("model", "virtio").child(el("backend").attr("model", "random").text("/dev/urandom")))
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

fn volume(disk: &DiskSpec, host: &HostFacts, paths: &Paths) -> Element {
    let cache = if disk.cache.is_empty() { host.disk_cache.as_str() } else { disk.cache.as_str() };
    el("disk")
        .attr("type", "file")
        .attr("device", "disk")
        .child(
            el("driver")
                .attr("name", "qemu")
                .attr("type", &disk.format)
                .attr("cache", cache)
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

/// As SCSI: cloud kernels have no AHCI, and q35 has no IDE.
fn seed(server_uuid: &str, paths: &Paths) -> Element {
    el("disk")
        .attr("type", "file")
        .attr("device", "cdrom")
        .child(el("driver").attr("name", "qemu").attr("type", "raw"))
        .child(source(paths.seed(server_uuid).display()))
        .child(el("target").attr("dev", "sda").attr("bus", "scsi"))
        .child(el("readonly"))
}

fn nic(interface: &InterfaceSpec, host: &HostFacts, network_boot: bool) -> Element {
    let model = match interface.model.as_str() {
        model @ ("e1000" | "e1000e" | "rtl8139") => model,
        _ => "virtio",
    };
    el("interface")
        .attr("type", "bridge")
        .child(el("mac").attr("address", &interface.mac))
        .child(el("source").attr("bridge", &interface.bridge))
        .child(el("target").attr("dev", names::tap(&host.instance, &interface.tag)))
        .child(el("model").attr("type", model))
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
