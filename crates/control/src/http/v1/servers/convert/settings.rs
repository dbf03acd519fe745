//! Virtual hardware: what rows say, and for what can't be changed yet the value that every guest has.

use berth_api::v1::server_settings::{
    CpuTopology, ExtendedSettings, Hyperv, MemBalloon, ServerCpu, ServerResources, ServerSettings,
};
use berth_store::entity::server;

use super::{node::Facts, texts};

pub fn settings(row: &server::Model, storage_gib: i64, decrypted_password: Option<String>) -> ServerSettings {
    ServerSettings {
        os_template_install: true,
        os_template_install_id: row.template_id.unwrap_or(0),
        encrypted_password: row.password_enc.clone(),
        backup_plan: row.backup_plan_id,
        uefi: row.uefi,
        uefi_type: 0,
        cloud_init: true,
        cloud_init_type: 1,
        config: Vec::new(),
        user_config: Vec::new(),
        boot_order: texts(&row.boot_order),
        tpm_type: 0,
        network_boot: texts(&row.boot_order).iter().any(|device| device == "network"),
        boot_menu: 0,
        custom_iso: 0,
        security_driver: 0,
        // virtio, as every guest has it.
        mem_balloon: MemBalloon { model: 1, auto_deflate: 0, free_page_reporting: 0 },
        hyperv: no_hyperv(),
        extended: ExtendedSettings::default(),
        machine_type: "inherit".to_owned(),
        pci_ports: 0,
        resources: resources(row, storage_gib),
        decrypted_password,
    }
}

pub fn resources(row: &server::Model, storage_gib: i64) -> ServerResources {
    ServerResources { memory: row.memory_mib, storage: storage_gib, traffic: row.traffic_gb, cpu_cores: row.cpu_cores }
}

pub fn cpu(row: &server::Model, facts: &Facts) -> ServerCpu {
    let inherited = || facts.inherited_cpu_type.to_owned();
    ServerCpu {
        cores: row.cpu_cores,
        kind: row.cpu_type.clone(),
        type_exact: if row.cpu_type == "inherit" { inherited() } else { row.cpu_type.clone() },
        shares: row.cpu_shares,
        throttle: row.cpu_throttle,
        topology: CpuTopology { enabled: false, sockets: 1, cores: row.cpu_cores, threads: 1, dies: 1 },
    }
}

fn no_hyperv() -> Hyperv {
    Hyperv {
        enabled: false,
        passthrough: false,
        relaxed: 0,
        vapic: 0,
        spinlocks: 0,
        vpindex: 0,
        runtime: 0,
        synic: 0,
        stimer: 0,
        reset: 0,
        vendor_id: 0,
        frequencies: 0,
        reenlightenment: 0,
        tlbflush: 0,
        ipi: 0,
        evmcs: 0,
        vendor_id_value: String::new(),
        spinlocks_value: 0,
        clock_enabled: 0,
    }
}
