//! Virtual hardware: what rows say, and for what can't be changed yet the value that every guest has.

use berth_api::v1::server_settings::{
    CpuTopology, ExtendedSettings, Hyperv, MemBalloon, ServerCpu, ServerResources, ServerSettings,
};
use berth_proto::Firmware;
use berth_store::entity::server;

use super::{node::Facts, texts};
use crate::{
    actions::server_media,
    custom_xml::Pieces,
    spec::{self, CLOUD_INIT, CloudInit, WINDOWS},
};

pub fn settings(
    row: &server::Model,
    facts: &Facts,
    (storage_gib, pci_ports): (i64, i32),
    decrypted_password: Option<String>,
) -> ServerSettings {
    // As the node defines them, see the agent's `domain_xml`.
    let hyperv = hyperv(row.os_type == WINDOWS && facts.inherited_cpu_type == "host-model");
    ServerSettings {
        // A build is always from a template: only one that was made without would say otherwise.
        os_template_install: row.template_id.is_some() || row.built_at.is_none(),
        os_template_install_id: row.template_id.unwrap_or(0),
        encrypted_password: row.password_enc.clone(),
        backup_plan: row.backup_plan_id,
        uefi: row.uefi,
        uefi_type: uefi_type(spec::firmware(row.uefi)),
        cloud_init: CLOUD_INIT.is_some(),
        cloud_init_type: CLOUD_INIT.map_or(0, CloudInit::code),
        config: Vec::new(),
        user_config: Vec::new(),
        boot_order: texts(&row.boot_order),
        tpm_type: row.tpm_type,
        network_boot: texts(&row.boot_order).iter().any(|device| device == "network"),
        boot_menu: Pieces::of(&row.custom_xml).boot_menu().into(),
        custom_iso: server_media::takes_discs(row).into(),
        security_driver: facts.security_driver,
        // virtio, as every guest has it.
        mem_balloon: MemBalloon { model: 1, auto_deflate: 0, free_page_reporting: 0 },
        hyperv,
        extended: ExtendedSettings::default(),
        machine_type: row.machine_type.clone(),
        pci_ports,
        resources: resources(row, storage_gib),
        decrypted_password,
    }
}

/// The Global API's code of the kind of UEFI: there is one, OVMF without Secure Boot.
fn uefi_type(firmware: Firmware) -> i32 {
    match firmware {
        Firmware::Unspecified | Firmware::Bios | Firmware::Uefi => 0,
    }
}

/// Ports of the machine for its disks and interfaces, for four devices that every guest has, and four to spare, as
/// the agent's `domain_xml` gives them. A `pc` has none: its one bus takes devices anywhere.
pub fn pci_ports(row: &server::Model, devices: usize) -> i32 {
    if row.machine_type.starts_with("pc") && !row.machine_type.contains("q35") {
        return 0;
    }
    i32::try_from(devices + 8).unwrap_or(i32::MAX)
}

pub fn resources(row: &server::Model, storage_gib: i64) -> ServerResources {
    ServerResources { memory: row.memory_mib, storage: storage_gib, traffic: row.traffic_gb, cpu_cores: row.cpu_cores }
}

/// The topology is the one that every guest is defined with, see the agent's `domain_xml`.
pub fn cpu(row: &server::Model, facts: &Facts) -> ServerCpu {
    let inherited = || facts.inherited_cpu_type.to_owned();
    ServerCpu {
        cores: row.cpu_cores,
        kind: row.cpu_type.clone(),
        type_exact: if row.cpu_type == "inherit" { inherited() } else { row.cpu_type.clone() },
        shares: row.cpu_shares,
        throttle: row.cpu_throttle,
        topology: CpuTopology { enabled: true, sockets: 1, cores: vcpu_places(row.cpu_cores), threads: 1, dies: 1 },
    }
}

/// Four for each processor, so that more can be given while the guest runs, as the agent's `domain_xml` has it.
fn vcpu_places(cpu_cores: i64) -> i64 {
    cpu_cores.saturating_mul(4).clamp(8, 64).max(cpu_cores)
}

/// On for Windows on a node that virtualises.
fn hyperv(enabled: bool) -> Hyperv {
    let on = i32::from(enabled);
    Hyperv {
        enabled,
        passthrough: false,
        relaxed: on,
        vapic: on,
        spinlocks: on,
        vpindex: on,
        runtime: on,
        synic: on,
        stimer: on,
        reset: on,
        vendor_id: 0,
        frequencies: on,
        reenlightenment: 0,
        tlbflush: 0,
        ipi: 0,
        evmcs: 0,
        vendor_id_value: String::new(),
        spinlocks_value: if enabled { 8191 } else { 0 },
        clock_enabled: on,
    }
}
