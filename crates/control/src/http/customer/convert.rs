//! Rows of a server become what its customer's programs read.

use berth_api::{
    customer::server::{
        Disk, Figures, Interface, Ipv4, Ipv6, Network, Resources, Server, Span, State, SystemName, Template,
        TemplateFamily, Traffic, TrafficMonth, WholeServer,
    },
    time,
};
use berth_store::{
    Micros,
    entity::{ip_block, ipv4_address, ipv6_subnet, server, server_disk, template, template_category},
    server_details::{InterfaceDetails, ServerDetails},
    server_disk as disks,
};

use crate::{
    actions::{server_access::Seen, server_traffic::Use},
    ipam,
    live::{self, LiveServer},
    rights::Rights,
    traffic::{self, Period},
};

/// `power` and what the node tells, where that is fresh.
pub fn whole(seen: Seen, (power, live): (String, Option<LiveServer>), now: Micros) -> WholeServer {
    let row = &seen.details.server;
    let state = State {
        running: power == "running",
        power,
        working: seen.details.working,
        figures: live.map(|live| figures(&live, row.cpu_cores)),
    };
    let pending = seen.details.pending.iter().map(|row| row.action.clone()).collect();
    WholeServer { state, pending, server: server(seen, now) }
}

pub fn server(seen: Seen, now: Micros) -> Server {
    let Seen { details, rights, shared_by } = seen;
    let ServerDetails { server: row, template, disks, interfaces, .. } = details;
    let resources = resources(&row, &disks);
    let period = traffic::current_period(row.created_at, now);
    let limit = row.traffic_gb;
    Server {
        id: row.uuid.to_string(),
        build_state: row.state,
        suspended: row.suspended,
        protected: row.protected,
        // None of the three is done here yet.
        migrating: false,
        backup_creating: false,
        rescue: false,
        deleting: row.delete_at.is_some(),
        vnc_enabled: row.vnc_enabled,
        iso_mounted: row.iso_id.is_some(),
        uefi: row.uefi,
        boot_order: serde_json::from_value(row.boot_order).unwrap_or_default(),
        memory: format!("{} MB", row.memory_mib),
        cpu: format!("{} Core", row.cpu_cores),
        storage: disks.iter().map(disk).collect(),
        network: network(interfaces, limit),
        resources,
        current_monthly_period: Span { start: time::zulu(period.start), end: time::zulu(period.end) },
        os: template.map(system),
        shared_by,
        rights: Rights::names(&rights),
        created: time::offset(row.created_at),
        name: row.name,
        hostname: row.hostname,
    }
}

fn resources(row: &server::Model, disks: &[server_disk::Model]) -> Resources {
    Resources {
        memory_mb: row.memory_mib,
        cpu_cores: row.cpu_cores,
        disk_gb: disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib),
        traffic_gb: row.traffic_gb,
    }
}

fn system(row: template::Model) -> SystemName {
    let words = [Some(row.name), Some(row.version), row.variant].into_iter().flatten().filter(|word| !word.is_empty());
    SystemName { name: words.collect::<Vec<_>>().join(" "), icon: row.icon }
}

fn disk(row: &server_disk::Model) -> Disk {
    Disk {
        capacity: format!("{} GB", row.capacity_gib),
        enabled: row.status == disks::STATUS_READY,
        primary: row.is_primary,
        created: time::offset(row.created_at),
    }
}

fn network(interfaces: Vec<InterfaceDetails>, limit_gb: i64) -> Network {
    let mut network = Network { primary: None, secondary: Vec::new() };
    for details in interfaces {
        if details.interface.is_primary && network.primary.is_none() {
            let limit = if limit_gb == 0 { "Unlimited".to_owned() } else { format!("{limit_gb} GB") };
            network.primary = Some(interface(details, Some(limit)));
        } else {
            network.secondary.push(interface(details, None));
        }
    }
    network
}

fn interface(details: InterfaceDetails, limit: Option<String>) -> Interface {
    Interface {
        mac: details.interface.mac.to_uppercase(),
        limit,
        ipv4: details.ipv4.into_iter().map(ipv4).collect(),
        ipv6: details.ipv6.into_iter().map(ipv6).collect(),
    }
}

fn ipv4((address, block): (ipv4_address::Model, ip_block::Model)) -> Ipv4 {
    Ipv4 {
        address: ipam::ipv4(address.address).to_string(),
        gateway: block.gateway,
        netmask: ipam::netmask(block.prefix_len).to_string(),
    }
}

fn ipv6((subnet, block): (ipv6_subnet::Model, ip_block::Model)) -> Ipv6 {
    let guest = ipam::guest_ipv6(&subnet.subnet, subnet.prefix_len, &block.gateway);
    Ipv6 {
        subnet: format!("{}/{}", subnet.subnet, subnet.prefix_len),
        addresses: guest.map(|address| address.to_string()).into_iter().collect(),
        gateway: block.gateway,
    }
}

fn figures(live: &LiveServer, cores: i64) -> Figures {
    let live::Figures {
        cpu_percent,
        memory_used_mib,
        memory_mib,
        disk_used_bytes,
        disk_bytes,
        in_bytes,
        out_bytes,
        sampled_at,
    } = live.figures(cores);
    Figures {
        cpu_percent,
        memory_used_mb: memory_used_mib,
        memory_mb: memory_mib,
        disk_used_bytes,
        disk_bytes,
        in_bytes,
        out_bytes,
        sampled: time::offset(sampled_at),
    }
}

pub fn family((of, rows): (template_category::Model, Vec<template::Model>)) -> TemplateFamily {
    let template = |row: template::Model| Template {
        id: row.uuid.to_string(),
        name: row.name,
        version: row.version,
        variant: row.variant,
        icon: row.icon,
        kind: row.os_type,
    };
    TemplateFamily { name: of.name, icon: of.icon, templates: rows.into_iter().map(template).collect() }
}

pub fn traffic(used: &Use) -> Traffic {
    let added = |month: u32| {
        let of_month = used.blocks.iter().filter(|block| block.month.unsigned_abs() == month);
        of_month.map(|block| block.traffic_gb).sum()
    };
    let shown = |(month, (period, sum)): (u32, &(Period, berth_store::traffic::Sum))| TrafficMonth {
        month,
        start: time::zulu(period.start),
        end: time::zulu(period.end),
        rx: sum.rx_bytes,
        tx: sum.tx_bytes,
        total: sum.rx_bytes + sum.tx_bytes,
        limit: used.row.traffic_gb,
        added: added(month),
    };
    let mut monthly: Vec<TrafficMonth> = (used.first_month..).zip(&used.months).map(shown).collect();
    monthly.reverse();
    Traffic { monthly }
}
