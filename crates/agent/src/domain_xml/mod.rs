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

mod devices;
mod element;
mod metadata;

use berth_proto::{Firmware, ServerSpec};

pub use devices::{NO_VNC_PASSWORD, disk_target};
use element::{Element, el};
pub use metadata::{Metadata, NAMESPACE as METADATA_NAMESPACE, parse_metadata};

use crate::host::{Accelerator, HostFacts};
use crate::names;
use crate::paths::Paths;

/// libvirt's accounting period for the processor quota, its default.
const CPU_PERIOD_US: u64 = 100_000;
/// The least quota that the kernel takes.
const CPU_QUOTA_MIN_US: u64 = 1_000;

/// The definition of the server's domain. Never fails: what can't be had (UEFI on a host without OVMF, an unknown
/// cache mode) is refused by [`crate::domain_xml::check`] before.
pub fn domain_xml(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> String {
    let gid = host.qemu_gid.unwrap_or(spec.run_as_uid);
    el("domain")
        .attr("type", host.accelerator.as_str())
        .child(el("name").text(names::domain(&host.instance, &spec.server_uuid)))
        .child(el("uuid").text(&spec.server_uuid))
        .child(Metadata::of(spec).element())
        .child(el("memory").attr("unit", "MiB").text(spec.memory_mib))
        .child(el("currentMemory").attr("unit", "MiB").text(spec.memory_mib))
        .child(el("vcpu").attr("placement", "static").text(spec.vcpus))
        .children(cpu_tune(spec))
        .child(os(spec, host, paths))
        .child(features(host))
        .child(cpu(spec, host))
        .child(clock(host))
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
        )
        .to_document()
}

/// What of the specification this host can't give, as a sentence.
pub fn check(spec: &ServerSpec, host: &HostFacts) -> Result<(), String> {
    if spec.firmware() == Firmware::Uefi && host.ovmf.is_none() {
        return Err("this server wants UEFI, and this node has no OVMF firmware (Debian's package ovmf)".into());
    }
    if spec.vcpus == 0 || spec.memory_mib == 0 {
        return Err("this server has no processor or no memory".into());
    }
    if spec.run_as_uid == 0 {
        return Err("this server has no user of its own to run as, and QEMU never runs as root".into());
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
    match spec.disks.iter().find(|disk| disk.format != "qcow2" && disk.format != "raw") {
        Some(disk) => Err(format!("disk {} has the unknown format '{}'", disk.index, disk.format)),
        None => Ok(()),
    }
}

fn cpu_tune(spec: &ServerSpec) -> Option<Element> {
    let shares = (spec.cpu_shares != 0).then(|| el("shares").text(spec.cpu_shares));
    let throttled = (1..100).contains(&spec.cpu_throttle_percent);
    let quota_us = (CPU_PERIOD_US * u64::from(spec.cpu_throttle_percent) / 100).max(CPU_QUOTA_MIN_US);
    let quota = throttled.then(|| [el("period").text(CPU_PERIOD_US), el("quota").text(quota_us)]);
    (shares.is_some() || quota.is_some()).then(|| el("cputune").children(shares).children(quota.into_iter().flatten()))
}

fn os(spec: &ServerSpec, host: &HostFacts, paths: &Paths) -> Element {
    let mut os = el("os").child(el("type").attr("arch", &host.arch).attr("machine", "q35").text("hvm"));
    if let (Firmware::Uefi, Some(ovmf)) = (spec.firmware(), &host.ovmf) {
        os = os
            .child(el("loader").attr("readonly", "yes").attr("type", "pflash").text(ovmf.code.display()))
            .child(el("nvram").attr("template", ovmf.vars.display()).text(paths.nvram(&spec.server_uuid).display()));
    }
    let known = ["hd", "cdrom", "network"];
    let mut order: Vec<&str> = Vec::new();
    for device in spec.boot_order.iter().map(String::as_str).filter(|device| known.contains(device)) {
        if !order.contains(&device) {
            order.push(device);
        }
    }
    if order.is_empty() {
        order = vec!["hd", "cdrom"];
    }
    os.children(order.into_iter().map(|device| el("boot").attr("dev", device)))
}

fn features(host: &HostFacts) -> Element {
    let mut features = el("features").child(el("acpi")).child(el("apic"));
    if host.arch == "x86_64" {
        // VMware's backdoor port: nothing in a Linux guest needs it.
        features = features.child(el("vmport").attr("state", "off"));
    }
    features
}

/// Under emulation `host-model` would promise instructions that QEMU can't emulate.
fn cpu(spec: &ServerSpec, host: &HostFacts) -> Element {
    let not_nested = ["vmx", "svm"].map(|name| el("feature").attr("policy", "disable").attr("name", name));
    let inherit = spec.cpu_model.is_empty() || spec.cpu_model == "inherit";
    let custom = |check: &str, model: &str| {
        let cpu = el("cpu").attr("mode", "custom").attr("match", "exact").attr("check", check);
        cpu.child(el("model").attr("fallback", "allow").text(model))
    };
    match host.accelerator {
        Accelerator::Kvm if spec.cpu_model == "host-passthrough" => {
            el("cpu").attr("mode", "host-passthrough").attr("check", "none").children(not_nested)
        }
        Accelerator::Kvm if inherit || spec.cpu_model == "host-model" => {
            el("cpu").attr("mode", "host-model").attr("check", "partial").children(not_nested)
        }
        Accelerator::Kvm => custom("partial", &spec.cpu_model).children(not_nested),
        Accelerator::Qemu if inherit || spec.cpu_model.starts_with("host-") => {
            custom("none", "qemu64").children(not_nested)
        }
        Accelerator::Qemu => custom("none", &spec.cpu_model).children(not_nested),
    }
}

fn clock(host: &HostFacts) -> Element {
    let timer = |name: &str| el("timer").attr("name", name);
    let clock = el("clock").attr("offset", "utc").child(timer("rtc").attr("tickpolicy", "catchup"));
    let clock = match host.accelerator {
        Accelerator::Kvm => clock.child(timer("pit").attr("tickpolicy", "delay")),
        Accelerator::Qemu => clock,
    };
    let clock = clock.child(timer("hpet").attr("present", "no"));
    match host.accelerator {
        Accelerator::Kvm => clock.child(timer("kvmclock").attr("present", "yes")),
        Accelerator::Qemu => clock,
    }
}

#[cfg(test)]
mod tests;
