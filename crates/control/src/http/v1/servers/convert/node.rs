//! The server's node, with what is allocated on it.

use std::net::IpAddr;

use berth_api::{
    time,
    v1::server_node::{
        NodeLocalStorage, NodeResource, ServerNode, ServerNodeGroup, ServerNodeResources, ServerNodeSettings,
    },
};
use berth_store::{
    entity::{hypervisor, hypervisor_group},
    hypervisor::INHERIT,
    server::Allocated,
    server_details::PointUse,
};

use crate::{
    actions::hypervisors::BACKUP_STORAGE_TYPE,
    http::v1::storage_points::other_storage,
    placement::{self, Limits},
};

/// What the node's agent told about it, as far as servers show it.
pub struct Facts {
    /// 1 x86_64, 2 aarch64.
    pub arch: i32,
    /// What "inherit" comes to: the host's model where it virtualises, a plain one where it emulates.
    pub inherited_cpu_type: &'static str,
    pub cpu_model: Option<String>,
    /// What confines guests besides users of their own: 0 nothing or not told, 1 SELinux, 2 AppArmor.
    pub security_driver: i32,
}

impl Facts {
    pub fn of(row: &hypervisor::Model) -> Self {
        let text = |name: &str| row.facts.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
        Self {
            arch: placement::arch(row).unwrap_or(placement::X86_64),
            inherited_cpu_type: if text("accelerator") == Some("qemu") { "qemu64" } else { "host-model" },
            cpu_model: text("cpuModel").map(str::to_owned),
            security_driver: match text("securityDriver") {
                Some("selinux") => 1,
                Some("apparmor") => 2,
                _ => 0,
            },
        }
    }
}

pub fn node(
    row: hypervisor::Model,
    group: hypervisor_group::Model,
    allocated: &Allocated,
    (points, local_enabled): (Vec<PointUse>, bool),
) -> ServerNode {
    let limits = Limits::of(&row);
    let hypervisor::Model {
        id,
        uuid: _,
        group_id,
        name,
        ip,
        ip_alt: _,
        hostname,
        port,
        ssh_port: _,
        commissioned: _,
        maintenance,
        enabled,
        prohibit: _,
        nf_type,
        max_servers: _,
        max_cpu: _,
        max_memory_mib: _,
        max_storage_gib: _,
        cpu_overcommit_percent: _,
        memory_overcommit_percent: _,
        storage_overcommit_percent,
        default_disk_type,
        default_disk_cache_type,
        data_dir,
        timezone,
        facts: _,
        facts_at: _,
        certificate_serial: _,
        certificate_expires_at: _,
        key_sha256: _,
        event_incarnation: _,
        event_sequence: _,
        capacity_version: _,
        created_at,
        updated_at,
    } = row;
    let inherit = || INHERIT.to_owned();
    let state = match (enabled, maintenance) {
        (false, _) => "disabled",
        (true, true) => "maintenance",
        (true, false) => "online",
    };
    let force_ipv6 = ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6());
    ServerNode {
        id,
        ip,
        hostname,
        port,
        maintenance,
        group_id,
        group: ServerNodeGroup { name: group.name, icon: group.icon },
        timezone,
        force_ipv6,
        // As the agent defines every guest: a socket of the node, and no address.
        vnc_listen_type: 0,
        display_name: None,
        cpu_set: None,
        nf_type,
        backup_storage_type: BACKUP_STORAGE_TYPE,
        default_disk_type,
        default_disk_cache_type,
        // Nodes have none of their own: servers that inherit have what the node's agent chooses.
        default_cpu: inherit(),
        default_machine_type: inherit(),
        created: time::offset(created_at),
        updated: time::offset(updated_at),
        name,
        data_dir,
        settings: ServerNodeSettings { state: state.to_owned() },
        resources: ServerNodeResources {
            servers: NodeResource::new("#", limits.servers, allocated.servers),
            memory: NodeResource::new("MB", limits.memory_mib, allocated.memory_mib),
            cpu_cores: NodeResource::new("#", limits.cpu_cores, allocated.cpu_cores),
            local_storage: NodeLocalStorage {
                enabled: i32::from(local_enabled),
                ..NodeLocalStorage::local(limits.storage_gib, allocated.storage_gib)
            },
            other_storage: points.into_iter().map(|point| other_storage(point, storage_overcommit_percent)).collect(),
        },
    }
}
