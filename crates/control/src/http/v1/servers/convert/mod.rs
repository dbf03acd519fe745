//! Rows of a server become the API's objects. Rows are destructured whole, so that a new column fails to compile
//! until it is shown or left out on purpose.

mod lists;
mod network;
mod node;
mod remote;
mod settings;
mod storage;

use std::net::IpAddr;

use berth_api::{
    time,
    v1::{
        server::{
            PendingAction, Server, ServerActions, ServerBackupManager, ServerBackupPlan, ServerGuestAgent, ServerMedia,
            ServerOs, ServerOwner, ServerSshKey, ServerTasks, ServerTraffic, ServerTrafficPeriod, ServerTrafficPublic,
            ServerVnc,
        },
        server_remote::RemoteState,
        server_settings::{CustomXmlPart, ServerCustomXml},
    },
};
use berth_store::{
    Micros,
    entity::{iso, pending_action, server, template, user},
    server_details::{BuiltKey, ServerDetails},
};

pub use self::{
    lists::{line, user_server},
    network::interface,
    remote::{figures, guest_os},
    storage::disk_details,
};
use crate::{
    custom_xml::{Piece, Pieces},
    live::LiveServer,
    traffic,
};

/// The address under which a client reaches consoles: that of the control server as the client knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    /// Without a port; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
}

impl Door {
    /// From `https://host[:port]`.
    pub fn of_url(url: &str) -> Self {
        let uri = url.parse::<axum::http::Uri>().ok();
        let authority = uri.as_ref().and_then(axum::http::Uri::authority);
        let host = authority.map_or("localhost", axum::http::uri::Authority::host);
        let port = authority.and_then(axum::http::uri::Authority::port_u16).unwrap_or(443);
        Self { host: host.trim_matches(['[', ']']).to_owned(), port }
    }

    /// Null where the host is an address.
    pub fn hostname(&self) -> Option<String> {
        self.host.parse::<IpAddr>().is_err().then(|| self.host.clone())
    }
}

/// What the object says besides the rows.
pub struct Extras {
    pub door: Door,
    pub decrypted_password: Option<String>,
    pub remote_state: RemoteState,
    pub live: Option<LiveServer>,
    pub now: Micros,
}

/// The whole server.
pub fn server(details: ServerDetails, extras: Extras) -> Server {
    let ServerDetails {
        server: row,
        owner,
        hypervisor,
        group,
        template,
        iso,
        backup_plan,
        allocated,
        points,
        local_enabled,
        disks,
        interfaces,
        ssh_keys,
        pending,
        names,
        shared_with,
        working,
    } = details;
    let media = media(iso.as_ref(), &row);
    let facts = node::Facts::of(&hypervisor);
    let ports = settings::pci_ports(&row, disks.len() + interfaces.len());
    let storage_gib = disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib);
    let settings = settings::settings(&row, &facts, (storage_gib, ports), extras.decrypted_password);
    let cpu = settings::cpu(&row, &facts);
    let traffic = traffic_of(&row, extras.now);
    let storage = disks.into_iter().map(|disk| storage::disk(disk, row.uuid, &hypervisor, &points)).collect();
    let mut guest = extras.live.as_ref().map(guest_os).unwrap_or_default();
    if guest.id.is_some() {
        guest.img = template.as_ref().map(|template| template.icon.clone());
    }
    let server::Model {
        id,
        uuid,
        owner_id,
        hypervisor_id,
        package_id: _,
        template_id: _,
        name,
        hostname,
        state,
        commission_status,
        rebuild,
        suspended,
        protected,
        build_failed,
        self_service,
        timezone,
        memory_mib: _,
        cpu_cores: _,
        traffic_gb: _,
        storage_profile: _,
        network_profile: _,
        cpu_type: _,
        cpu_shares: _,
        cpu_throttle: _,
        cpu_fair_percent: _,
        uefi: _,
        boot_order: _,
        password_enc: _,
        password_hash: _,
        swap_mib: _,
        user_data: _,
        vnc_enabled,
        build_uuid: _,
        generation: _,
        // As its firewall says.
        applied_generation: _,
        run_as_uid: _,
        firewall_rulesets: _,
        hypervisor_asset_groups,
        // As its row says.
        backup_plan_id: _,
        backup_access,
        delete_at,
        deleting: _,
        built_at,
        last_on_at,
        power: _,
        power_at: _,
        guest_agent: _,
        ran_when_suspended: _,
        iso_id: _,
        iso_hypervisor_id: _,
        custom_xml,
        machine_type: _,
        tpm_type: _,
        image_digest: _,
        os_type: _,
        created_at,
        updated_at,
    } = row;
    let primary = interfaces.iter().map(|details| &details.interface).find(|of| of.is_primary).cloned();
    let primary = primary.as_ref();
    Server {
        id,
        owner_id,
        hypervisor_id,
        arch: template.as_ref().map_or(facts.arch, |template| template.arch),
        name,
        self_service,
        self_service_settings: Vec::new(),
        hostname,
        commission_status,
        uuid,
        state,
        migratable: false,
        timezone,
        migrate_level: 0,
        delete_level: i32::from(delete_at.is_some()),
        config_level: 0,
        backup_level: 0,
        elevated: false,
        elevate_id: None,
        elevate: false,
        destroyable: !protected,
        rebuild,
        suspended,
        protected,
        build_failed,
        primary_network_dhcp4: primary.is_some_and(|of| of.dhcp_v4),
        primary_network_dhcp6: primary.is_some_and(|of| of.dhcp_v6),
        built: built_at.map(time::offset),
        created: time::offset(created_at),
        updated: time::offset(updated_at),
        traffic,
        settings,
        cpu,
        custom_xml: own_xml(&custom_xml),
        qemu_commandline: Vec::new(),
        qemu_agent: ServerGuestAgent { os: guest },
        media,
        backup_plan: ServerBackupPlan {
            id: backup_plan.as_ref().map(|plan| plan.id),
            name: backup_plan.map(|plan| plan.name),
        },
        backup_manager: ServerBackupManager { access: backup_access },
        vnc: ServerVnc { ip: extras.door.host, port: extras.door.port, enabled: vnc_enabled && !suspended },
        network: network::with_names(network::network(interfaces), &names),
        storage,
        hypervisor_assets: Vec::new(),
        hypervisor_asset_groups: serde_json::from_value(hypervisor_asset_groups).unwrap_or_default(),
        hypervisor: node::node(hypervisor, group, &allocated, (points, local_enabled)),
        owner: owner_of(owner),
        ssh_keys: ssh_keys.into_iter().map(ssh_key).collect(),
        shared_users: shared_with,
        tasks: ServerTasks {
            active: working,
            last_on: last_on_at.map(time::plain),
            actions: ServerActions { pending: pending.into_iter().map(pending_action).collect() },
        },
        os: template.as_ref().map(os),
        remote_state: extras.remote_state,
    }
}

fn traffic_of(row: &server::Model, now: Micros) -> ServerTraffic {
    let period = traffic::current_period(row.created_at, now);
    let current_period =
        ServerTrafficPeriod { start: time::zulu(period.start), end: time::zulu(period.end), limit: row.traffic_gb };
    ServerTraffic { public: ServerTrafficPublic { count_method: 1, current_period } }
}

fn own_xml(column: &serde_json::Value) -> ServerCustomXml {
    let Pieces { domain, os, devices, features, clock, cpu_tune } = Pieces::of(column);
    let shown = |piece: Piece| CustomXmlPart { xml: piece.xml, enabled: piece.enabled };
    ServerCustomXml {
        domain: shown(domain),
        os: shown(os),
        devices: shown(devices),
        features: shown(features),
        clock: shown(clock),
        cpu_tune: shown(cpu_tune),
    }
}

/// What is in the drive; what the node still fetches has its names already. `isoType` is `local` for one of the library.
pub fn media(iso: Option<&iso::Model>, row: &server::Model) -> ServerMedia {
    let is_listed = iso.is_none_or(|iso| iso.in_library);
    let url = iso.and_then(|iso| iso.url.clone());
    ServerMedia {
        iso_mounted: iso.is_some() && row.iso_hypervisor_id == Some(row.hypervisor_id),
        iso_type: if is_listed { "local" } else { "url" }.to_owned(),
        iso_name: iso.map(|iso| iso.name.clone()).unwrap_or_default(),
        iso_filename: iso.map(|iso| iso.filename.clone()).unwrap_or_default(),
        iso_download: url.is_some(),
        iso_url: url.unwrap_or_default(),
    }
}

fn os(template: &template::Model) -> ServerOs {
    let version = format!("{} {}", template.name, template.version);
    let template_name = match template.variant.as_deref().filter(|variant| !variant.is_empty()) {
        Some(variant) => format!("{} {variant}", version.trim()),
        None => version.trim().to_owned(),
    };
    ServerOs { template_id: template.id, template_name, icon: template.icon.clone() }
}

fn owner_of(row: user::Model) -> ServerOwner {
    let user::Model {
        id,
        uuid: _,
        name,
        email,
        email_key: _,
        password_hash: _,
        admin,
        role: _,
        ext_relation_id,
        rel_str: _,
        self_service: _,
        self_service_hourly_credit: _,
        timezone,
        language: _,
        suspended,
        two_factor_auth,
        created_at,
        updated_at,
    } = row;
    ServerOwner {
        id,
        admin,
        ext_relation_id,
        name,
        email,
        timezone,
        suspended,
        two_factor_auth,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}

fn ssh_key(key: BuiltKey) -> ServerSshKey {
    let BuiltKey { id, user_id, key_type: _, name, public_key, enabled, created_at } = key;
    ServerSshKey {
        id,
        owner_id: user_id,
        // As the list of keys says it; what kind of key it is stands in the key.
        kind: "OpenSSH".to_owned(),
        name,
        public: public_key,
        enabled,
        created: time::offset(created_at),
    }
}

fn pending_action(row: pending_action::Model) -> PendingAction {
    let pending_action::Model {
        id,
        server_id: _,
        action,
        requires,
        collected,
        complete,
        failed,
        payload,
        waits_for: _,
        generation: _,
        created_at,
        updated_at: _,
    } = row;
    PendingAction {
        id,
        action,
        requires: texts(&requires),
        collected,
        complete,
        failed,
        payload,
        created: time::offset(created_at),
    }
}

/// The texts of a JSON list.
fn texts(value: &serde_json::Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_where_the_client_reaches_the_api() {
        let door = Door::of_url("https://panel.example.com:8443");
        assert_eq!(
            (door.host.as_str(), door.port, door.hostname().as_deref()),
            ("panel.example.com", 8443, Some("panel.example.com"))
        );
        let door = Door::of_url("https://[2001:db8::1]");
        assert_eq!((door.host.as_str(), door.port, door.hostname()), ("2001:db8::1", 443, None));
        assert_eq!(Door::of_url("https://192.0.2.1:1").port, 1);
    }
}
