//! Servers in lists.

use berth_api::{
    time,
    v1::{
        server_list::{
            ServerLine, UserServer, UserServerConfig, UserServerInfo, UserServerInterface, UserServerIpv4,
            UserServerIpv6, UserServerMedia, UserServerNetwork, UserServerResources, UserServerVnc,
        },
        server_network::ServerInterface,
    },
};
use berth_store::{server::Line, server_details::ServerDetails};

use super::{Door, guest_os, media, network, node, os, settings, texts};
use crate::live::LiveServer;

pub fn line(row: Line) -> ServerLine {
    let Line {
        id,
        uuid,
        name,
        commission_status,
        owner_id,
        hypervisor_id,
        suspended,
        protected,
        updated_at,
        created_at,
    } = row;
    ServerLine {
        id,
        uuid,
        name,
        commissioned: commission_status,
        owner: owner_id,
        hypervisor_id,
        suspended,
        protected,
        updated: time::offset(updated_at),
        created: time::offset(created_at),
    }
}

pub fn user_server(details: ServerDetails, door: &Door, live: Option<&LiveServer>) -> UserServer {
    let media = media(details.iso.as_ref(), &details.server);
    let row = details.server;
    let storage_gib = details.disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib);
    let resources = settings::resources(&row, storage_gib);
    let cpu_model = node::Facts::of(&details.hypervisor).cpu_model;
    let network = network::with_names(network::network(details.interfaces), &details.names);
    let os = details.template.as_ref().map(os);
    UserServer {
        id: row.id,
        owner_id: row.owner_id,
        hypervisor_id: row.hypervisor_id,
        name: row.name,
        hostname: row.hostname,
        commission_status: row.commission_status,
        uuid: row.uuid,
        state: row.state,
        rebuild: row.rebuild,
        suspended: row.suspended,
        protected: row.protected,
        build_failed: row.build_failed,
        backup_level: 0,
        backup_plan: row.backup_plan_id,
        os: live.map(guest_os).unwrap_or_default(),
        server_info: UserServerInfo {
            show: os.is_some(),
            icon: os.as_ref().map(|os| os.icon.clone()),
            name: os.map(|os| os.template_name),
            label: None,
        },
        vnc: UserServerVnc {
            expose_details: true,
            ip: door.host.clone(),
            hostname: door.hostname(),
            port: door.port,
            enabled: i32::from(row.vnc_enabled && !row.suspended),
        },
        resources: UserServerResources { resources, cpu_model },
        network: UserServerNetwork { interfaces: network.interfaces.into_iter().map(interface).collect() },
        config: UserServerConfig { uefi: row.uefi, boot_order: texts(&row.boot_order) },
        media: UserServerMedia { iso_mounted: media.iso_mounted, iso_name: media.iso_name },
    }
}

fn interface(full: ServerInterface) -> UserServerInterface {
    let ipv4 = full.ipv4.into_iter().map(|address| UserServerIpv4 {
        order: address.order,
        enabled: address.enabled,
        address: address.address,
        gateway: address.gateway,
        netmask: address.netmask,
        resolver1: address.resolver1,
        resolver2: address.resolver2,
    });
    let ipv6 = full.ipv6.into_iter().map(|subnet| UserServerIpv6 {
        order: subnet.order,
        enabled: subnet.enabled,
        addresses: subnet.addresses,
        subnet: subnet.subnet,
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        resolver1: subnet.resolver1,
        resolver2: subnet.resolver2,
    });
    UserServerInterface {
        order: full.order,
        enabled: full.enabled,
        tag: full.tag,
        name: full.name,
        mac: full.mac,
        in_average: full.in_average,
        in_peak: full.in_peak,
        in_burst: full.in_burst,
        out_average: full.out_average,
        out_peak: full.out_peak,
        out_burst: full.out_burst,
        is_nat: full.is_nat,
        ipv4: ipv4.collect(),
        ipv6: ipv6.collect(),
    }
}
