//! Makes libvirt's definition of a guest from its specification and the host's facts: pure, so that what a guest
//! gets can be read in golden files.
//!
//! Decided here, for every guest:
//! - q35 with virtio devices, and nothing legacy beyond what q35 forces (a PS/2 controller): no USB, no floppy, no
//!   sound, no emulated NVMe. Escapes of the past went through such devices.
//! - Nested virtualisation off.
//! - QEMU runs as the guest's own user. The agent gives disks and seeds to that user itself, and libvirt leaves their
//!   owners alone (`relabel='no'` on the source): it would otherwise give the shared template, which is the backing
//!   file of many guests, to whichever guest started last.
//! - VNC, serial port and guest agent on UNIX sockets only.
//!
//! Reference: <https://libvirt.org/formatdomain.html>.

mod custom;
mod devices;
mod element;
mod metadata;
mod running;

use berth_proto::{DiskSpec, Firmware, ServerSpec};
use sha2::{Digest, Sha256};

pub use custom::Policy as CustomXmlPolicy;
pub use devices::{
    DRIVE_TARGET, NO_VNC_PASSWORD, cache, disk_bus, disk_index, disk_name, disk_target, disk_xml, drive_xml,
    interface_model, interface_queues, interface_xml, left_disk_xml, left_interface_xml,
};
use element::{Element, el};
pub use metadata::{Metadata, NAMESPACE as METADATA_NAMESPACE, parse_metadata};
pub use running::{Running, RunningDisk, RunningInterface};

use crate::cloud_init;
use crate::filesystem;
use crate::host::{Accelerator, HostFacts};
use crate::names;
use crate::paths::Paths;
use crate::storage::Storages;

/// libvirt's accounting period for the processor quota, its default.
pub const CPU_PERIOD_US: u64 = 100_000;
/// The least quota that the kernel takes.
const CPU_QUOTA_MIN_US: u64 = 1_000;
/// What the kernel gives to a group that nobody gave shares.
pub const CPU_SHARES_DEFAULT: u32 = 1024;

/// Processors that a guest can be given while it runs are places that it is started with. Each place costs the guest
/// about a quarter of a MiB, so there are four times as many as it has, within these bounds.
const VCPU_PLACES_FACTOR: u32 = 4;
const VCPU_PLACES_MIN: u32 = 8;
const VCPU_PLACES_MAX: u32 = 64;
/// The type of templates whose guests expect Windows' machine.
pub const WINDOWS: &str = "windows";
/// What Windows itself suggests (Hypervisor Top-Level Functional Specification).
const HYPERV_SPINLOCK_RETRIES: u32 = 8191;

/// The definition of the server's domain. Never fails: what can't be had (UEFI on a host without OVMF, an unknown
/// cache mode) is refused by [`crate::domain_xml::check`] before.
pub fn domain_xml(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> String {
    let (frame, network) = (frame_hash(spec, host, paths), cloud_init::network_hash(spec));
    let metadata = Metadata::of(spec).element(&frame, spec.vcpus, &network);
    definition(spec, host, paths, Some(metadata)).to_document()
}

/// The same under another name and UUID, for trying whether libvirt takes it.
pub fn trial_xml(spec: &ServerSpec, host: &HostFacts, paths: &Paths, name: &str, uuid: &str) -> String {
    let mut trial = definition(spec, host, paths, None);
    trial.child_mut("name").set_text(name);
    trial.child_mut("uuid").set_text(uuid);
    trial.to_document()
}

/// By which a running guest is told from one that has to be started anew: a hash of everything in its definition but
/// what [`crate::live`] looks at one by one.
pub fn frame_hash(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> String {
    let frame = ServerSpec {
        vcpus: 1,
        memory_mib: 1,
        cpu_shares: 0,
        cpu_throttle_percent: 0,
        disks: Vec::new(),
        interfaces: Vec::new(),
        iso_digest: String::new(),
        ..spec.clone()
    };
    // The order of devices that are not in the frame.
    let order = spec.boot_order.join(" ");
    text_hash(&format!("{order}\n{}", definition(&frame, host, paths, None).to_document()))
}

/// A short hash of a definition's text.
pub fn text_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..16])
}

/// The places for processors that a guest with so many is started with.
pub fn vcpu_places(vcpus: u32) -> u32 {
    vcpus.saturating_mul(VCPU_PLACES_FACTOR).clamp(VCPU_PLACES_MIN, VCPU_PLACES_MAX).max(vcpus)
}

fn definition(spec: &ServerSpec, host: &HostFacts, paths: &Paths, metadata: Option<Element>) -> Element {
    let gid = host.qemu_gid.unwrap_or(spec.run_as_uid);
    let places = vcpu_places(spec.vcpus);
    let generated = el("domain")
        .attr("type", host.accelerator.as_str())
        .child(el("name").text(names::domain(&host.instance, &spec.server_uuid)))
        .child(el("uuid").text(&spec.server_uuid))
        .children(metadata)
        .child(el("memory").attr("unit", "MiB").text(spec.memory_mib))
        .child(el("currentMemory").attr("unit", "MiB").text(spec.memory_mib))
        .child(el("vcpu").attr("placement", "static").attr("current", spec.vcpus).text(places))
        .children(cpu_tune(spec))
        .child(os(spec, host, paths))
        .child(features(spec, host))
        .child(cpu(spec, host))
        .child(clock(spec, host))
        .child(el("on_poweroff").text("destroy"))
        .child(el("on_reboot").text("restart"))
        .child(el("on_crash").text("destroy"))
        .child(devices::devices(spec, host, paths))
        .child(
            el("seclabel")
                .attr("type", "static")
                .attr("model", "dac")
                .attr("relabel", "yes")
                .child(el("label").text(format_args!("+{}:+{gid}", spec.run_as_uid))),
        );
    match &spec.custom_xml {
        Some(own) => custom::merge(generated, own),
        None => generated,
    }
}

/// What of the specification this host can't give, as a sentence.
pub fn check(spec: &ServerSpec, host: &HostFacts) -> Result<(), String> {
    if spec.firmware() == Firmware::Uefi && host.ovmf.is_none() {
        return Err("this server wants UEFI, and this node has no OVMF firmware (Debian's package ovmf)".into());
    }
    if !spec.tpm_version.is_empty() && !host.swtpm {
        return Err(
            "this server wants a TPM, and this node can't give it one: that takes Debian's packages swtpm and \
                    swtpm-tools, and access control lists of files in /run"
                .into(),
        );
    }
    if !["", "1.2", "2.0"].contains(&spec.tpm_version.as_str()) {
        return Err(format!("'{}' is not a version of TPMs", spec.tpm_version));
    }
    if !is_machine(&spec.machine) {
        return Err(format!("'{}' is not a machine of this node", spec.machine));
    }
    if spec.vcpus == 0 || spec.memory_mib == 0 {
        return Err("this server has no processor or no memory".into());
    }
    if spec.run_as_uid == 0 {
        return Err("this server has no user of its own to run as, and QEMU never runs as root".into());
    }
    if let Some(own) = &spec.custom_xml {
        custom::check(own, &host.custom_xml)?;
    }
    if uuid::Uuid::try_parse(&spec.server_uuid).is_err() {
        return Err(format!("'{}' is not a UUID", spec.server_uuid));
    }
    let mut indexes: Vec<u32> = spec.disks.iter().map(|disk| disk.index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    if indexes.len() != spec.disks.len() || indexes.iter().any(|index| !(1..=devices::DISK_LIMIT).contains(index)) {
        return Err(format!("the indexes of a server's disks are different ones from 1 to {}", devices::DISK_LIMIT));
    }
    if let Some(disk) = spec.disks.iter().find(|disk| disk.format != "qcow2" && disk.format != "raw") {
        return Err(format!("disk {} has the unknown format '{}'", disk.index, disk.format));
    }
    spec.disks.iter().try_for_each(check_disk)?;
    // Whether a place is allowed does not depend on where the agent's own folder is.
    let storages = Storages::new(&Paths::new("/"), &host.instance, &host.storages);
    spec.disks.iter().try_for_each(|disk| storages.check(disk))
}

fn check_disk(disk: &DiskSpec) -> Result<(), String> {
    let DiskSpec { index, bus, io, cache, filesystem, .. } = disk;
    if !bus.is_empty() && !devices::DISK_BUSES.contains(&bus.as_str()) {
        return Err(format!("disk {index} has the unknown bus '{bus}'"));
    }
    if !cache.is_empty() && !devices::DISK_CACHES.contains(&cache.as_str()) {
        return Err(format!("disk {index} has the unknown cache mode '{cache}'"));
    }
    if !io.is_empty() && !devices::DISK_IO.contains(&io.as_str()) {
        return Err(format!("disk {index} has the unknown way of input and output '{io}'"));
    }
    if io == "native" && !["none", "directsync"].contains(&cache.as_str()) {
        return Err(format!("disk {index} has native input and output, which needs the cache none or directsync"));
    }
    if !filesystem.is_empty() && !filesystem::is_known(filesystem) {
        return Err(format!("disk {index} is to have the unknown file system '{filesystem}'"));
    }
    // Their letters follow those of the other drives.
    if devices::disk_index(&devices::disk_target(disk)) != Some(*index) {
        return Err(format!("disk {index} has no place on the bus {bus}"));
    }
    Ok(())
}

/// The microseconds of each period for which each processor of the guest may run; none: all of them. QEMU's own
/// threads are not counted, so that a throttled guest's disks and network still work.
pub fn cpu_quota_us(spec: &ServerSpec) -> Option<u64> {
    let throttled = (1..100).contains(&spec.cpu_throttle_percent);
    throttled.then(|| (CPU_PERIOD_US * u64::from(spec.cpu_throttle_percent) / 100).max(CPU_QUOTA_MIN_US))
}

fn cpu_tune(spec: &ServerSpec) -> Option<Element> {
    let shares = (spec.cpu_shares != 0).then(|| el("shares").text(spec.cpu_shares));
    let quota = cpu_quota_us(spec).map(|quota_us| [el("period").text(CPU_PERIOD_US), el("quota").text(quota_us)]);
    (shares.is_some() || quota.is_some()).then(|| el("cputune").children(shares).children(quota.into_iter().flatten()))
}

fn os(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> Element {
    let mut os = el("os").child(el("type").attr("arch", &host.arch).attr("machine", machine(spec)).text("hvm"));
    if let (Firmware::Uefi, Some(ovmf)) = (spec.firmware(), &host.ovmf) {
        os = os
            .child(el("loader").attr("readonly", "yes").attr("type", "pflash").text(ovmf.code.display()))
            .child(el("nvram").attr("template", ovmf.vars.display()).text(paths.nvram(&spec.server_uuid).display()));
    }
    os
}

/// "pc" is QEMU's i440FX, for systems that know no PCI Express.
fn machine(spec: &ServerSpec) -> &str {
    if spec.machine.is_empty() { "q35" } else { &spec.machine }
}

fn is_machine(name: &str) -> bool {
    let version = |rest: &str| rest.split('.').count() == 2 && rest.split('.').all(|n| n.parse::<u16>().is_ok());
    let versioned = ["pc-q35-", "pc-i440fx-"].iter().filter_map(|prefix| name.strip_prefix(prefix)).any(version);
    name.is_empty() || name == "q35" || name == "pc" || versioned
}

/// With KVM Windows is told that it runs on a hypervisor of its maker's, and spares itself much work
/// (<https://www.qemu.org/docs/master/system/i386/hyperv.html>).
fn hyperv() -> Element {
    let on = ["relaxed", "vapic", "vpindex", "runtime", "synic", "stimer", "reset", "frequencies"];
    el("hyperv")
        .attr("mode", "custom")
        .children(on.map(|name| el(name).attr("state", "on")))
        .child(el("spinlocks").attr("state", "on").attr("retries", HYPERV_SPINLOCK_RETRIES))
}

fn features(spec: &ServerSpec, host: &HostFacts) -> Element {
    let mut features = el("features").child(el("acpi")).child(el("apic"));
    if host.arch == "x86_64" {
        // VMware's backdoor port: nothing in a Linux guest needs it.
        features = features.child(el("vmport").attr("state", "off"));
    }
    if spec.os_type == WINDOWS && host.accelerator == Accelerator::Kvm {
        features = features.child(hyperv());
    }
    features
}

/// Under emulation `host-model` would promise instructions that QEMU can't emulate.
fn cpu(spec: &ServerSpec, host: &HostFacts) -> Element {
    let not_nested = ["vmx", "svm"].map(|name| el("feature").attr("policy", "disable").attr("name", name));
    let inherit = spec.cpu_model.is_empty() || spec.cpu_model == "inherit";
    // One socket with all places: libvirt's default is a socket for each, and some systems use only two of them.
    let topology = el("topology").attr("sockets", 1).attr("cores", vcpu_places(spec.vcpus)).attr("threads", 1);
    let custom = |check: &str, model: &str| {
        let cpu = el("cpu").attr("mode", "custom").attr("match", "exact").attr("check", check);
        cpu.child(el("model").attr("fallback", "allow").text(model)).child(topology.clone())
    };
    match host.accelerator {
        Accelerator::Kvm if spec.cpu_model == "host-passthrough" => {
            el("cpu").attr("mode", "host-passthrough").attr("check", "none").child(topology).children(not_nested)
        }
        Accelerator::Kvm if inherit || spec.cpu_model == "host-model" => {
            el("cpu").attr("mode", "host-model").attr("check", "partial").child(topology).children(not_nested)
        }
        Accelerator::Kvm => custom("partial", &spec.cpu_model).children(not_nested),
        Accelerator::Qemu if inherit || spec.cpu_model.starts_with("host-") => {
            custom("none", "qemu64").children(not_nested)
        }
        Accelerator::Qemu => custom("none", &spec.cpu_model).children(not_nested),
    }
}

fn clock(spec: &ServerSpec, host: &HostFacts) -> Element {
    // Windows keeps its clock in local time.
    let is_windows = spec.os_type == WINDOWS;
    let offset = if is_windows { "localtime" } else { "utc" };
    let timer = |name: &str| el("timer").attr("name", name);
    let clock = el("clock").attr("offset", offset).child(timer("rtc").attr("tickpolicy", "catchup"));
    let clock = match host.accelerator {
        Accelerator::Kvm => clock.child(timer("pit").attr("tickpolicy", "delay")),
        Accelerator::Qemu => clock,
    };
    let clock = clock.child(timer("hpet").attr("present", "no"));
    match host.accelerator {
        Accelerator::Kvm if is_windows => clock.child(timer("hypervclock").attr("present", "yes")),
        Accelerator::Kvm => clock.child(timer("kvmclock").attr("present", "yes")),
        Accelerator::Qemu => clock,
    }
}

#[cfg(test)]
mod tests;
