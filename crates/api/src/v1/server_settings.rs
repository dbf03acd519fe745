//! The parts of a server that describe its virtual hardware.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerSettings {
    /// Whether its system comes from a template.
    pub os_template_install: bool,
    /// 0 until a template was chosen.
    pub os_template_install_id: i64,
    /// Encrypted with the control server's key; empty until the first build.
    pub encrypted_password: String,
    pub backup_plan: Option<i64>,
    pub uefi: bool,
    /// 0: the node's OVMF, without Secure Boot.
    pub uefi_type: i32,
    pub cloud_init: bool,
    /// 1: a NoCloud seed.
    pub cloud_init_type: i32,
    pub config: Vec<String>,
    pub user_config: Vec<String>,
    pub boot_order: Vec<String>,
    pub tpm_type: i32,
    pub network_boot: bool,
    /// 1 where own XML switches the firmware's menu on; 0 otherwise.
    pub boot_menu: i32,
    /// 1 where a disc can be put into its drive by any URL: once it was built.
    #[serde(rename = "customISO")]
    pub custom_iso: i32,
    /// What confines its guest besides a user of its own, as its node tells: 1 SELinux, 2 AppArmor; 0 nothing, or it is
    /// not told.
    pub security_driver: i32,
    pub mem_balloon: MemBalloon,
    pub hyperv: Hyperv,
    pub extended: ExtendedSettings,
    pub machine_type: String,
    pub pci_ports: i32,
    pub resources: ServerResources,
    /// Only for tokens with the right to it, and only once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decrypted_password: Option<String>,
}

/// What was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerResources {
    /// MB (binary).
    pub memory: i64,
    /// GB (binary) of the primary disk.
    pub storage: i64,
    /// GB (10^9 bytes) a period; 0 is unmetered.
    pub traffic: i64,
    pub cpu_cores: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemBalloon {
    pub model: i32,
    pub auto_deflate: i32,
    pub free_page_reporting: i32,
}

/// Hyper-V enlightenments: on for Windows on a node that virtualises.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hyperv {
    pub enabled: bool,
    pub passthrough: bool,
    pub relaxed: i32,
    pub vapic: i32,
    pub spinlocks: i32,
    pub vpindex: i32,
    pub runtime: i32,
    pub synic: i32,
    pub stimer: i32,
    pub reset: i32,
    pub vendor_id: i32,
    pub frequencies: i32,
    pub reenlightenment: i32,
    pub tlbflush: i32,
    pub ipi: i32,
    pub evmcs: i32,
    pub vendor_id_value: String,
    pub spinlocks_value: i32,
    pub clock_enabled: i32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtendedSettings {
    pub cpu_flags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerCpu {
    pub cores: i64,
    /// `inherit` lets the node choose.
    #[serde(rename = "type")]
    pub kind: String,
    /// What `type` comes to on this node.
    pub type_exact: String,
    pub shares: i64,
    /// Percent that is taken away; 0 is none.
    pub throttle: i32,
    pub topology: CpuTopology,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CpuTopology {
    /// Whether guests are told of it.
    pub enabled: bool,
    pub sockets: i64,
    /// Of the socket; a guest has `cpu.cores` of them, and can be given the others while it runs.
    pub cores: i64,
    pub threads: i64,
    pub dies: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerCustomXml {
    pub domain: CustomXmlPart,
    pub os: CustomXmlPart,
    pub devices: CustomXmlPart,
    pub features: CustomXmlPart,
    pub clock: CustomXmlPart,
    pub cpu_tune: CustomXmlPart,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct CustomXmlPart {
    pub xml: String,
    pub enabled: bool,
}
