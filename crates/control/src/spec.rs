//! Rows into the specification that a node gets: the whole desired server.

use berth_proto as proto;
use berth_store::{
    entity::{
        hypervisor, interface_vlan, ip_block, ipv4_address, ipv6_subnet, port_forward, server_disk, server_interface,
    },
    hypervisor::INHERIT,
    server::DEFAULT_TIMEZONE,
    server_details::{InterfaceDetails, ServerDetails},
    server_disk::STATUS_PLANNED,
};

use crate::{
    Context,
    actions::{hypervisor_networks, interface_vlans},
    custom_xml::Pieces,
    ipam,
    jobs::StepError,
};

/// What the node must know to carry out every specification that this release makes.
const SERVER: &str = "server.v1";
/// And to put a disc into the drive.
const MEDIA: &str = "media.v1";
/// And to merge an administrator's own XML.
const CUSTOM_XML: &str = "custom-xml.v1";
/// And to make another machine, a TPM, and what Windows expects.
const HARDWARE: &str = "hardware.v1";
/// And to keep firewalls, quarantines and whitelists.
const FIREWALL: &str = "firewall.v1";
/// And to keep disks on storage points.
const STORAGE: &str = "storage.v1";
/// And to keep interfaces isolated, bounded, of several queues, or without a link.
const INTERFACES: &str = "interfaces.v1";
/// And to let ports of the node lead to a server.
const FORWARDS: &str = "forwards.v1";
/// And to attach a disk by another bus or way of input and output, or to put a file system on it.
const DISKS: &str = "disks.v1";
/// And to pass further MAC addresses of an interface.
const MACS: &str = "macs.v1";
/// And to tell guests their addresses by DHCP.
const DHCP: &str = "dhcp.v1";
/// And to keep interfaces in VLANs.
const VLANS: &str = "vlans.v1";
/// And to lead a subnet to its guest's address.
const ROUTED_SUBNETS: &str = "routed-subnets.v1";
/// A template's type.
pub const WINDOWS: &str = "windows";
/// By what every guest is told its name, its keys and its addresses.
pub const CLOUD_INIT: Option<CloudInit> = Some(CloudInit::NoCloud);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudInit {
    /// A disc that the node makes of the specification's seed.
    NoCloud,
}

impl CloudInit {
    /// The Global API's.
    pub fn code(self) -> i32 {
        match self {
            Self::NoCloud => 1,
        }
    }
}

/// The specification of a server with everything that its rows say.
pub fn server_spec(ctx: &Context, details: &ServerDetails) -> Result<proto::ServerSpec, StepError> {
    let server = &details.server;
    let build = server.build_uuid.ok_or_else(|| StepError::Fatal("The server has not been built.".to_owned()))?;
    specification(ctx, details, &build.to_string())
}

/// The same for trying whether the node would take it, also before the first build.
pub fn trial_spec(ctx: &Context, details: &ServerDetails) -> Result<proto::ServerSpec, StepError> {
    specification(ctx, details, &details.server.build_uuid.unwrap_or(details.server.uuid).to_string())
}

fn specification(ctx: &Context, details: &ServerDetails, build: &str) -> Result<proto::ServerSpec, StepError> {
    let server = &details.server;
    let iso_digest = disc(details);
    let custom_xml = Pieces::of(&server.custom_xml).spec();
    let os_type = server.os_type.as_str();
    // Linux on the node's own machine is what every agent knows.
    let is_special = os_type == WINDOWS || server.machine_type != "inherit" || server.tpm_type != 0;
    // What is planned is to be made.
    let is_wanted = |disk: &&server_disk::Model| disk.enabled || disk.status == STATUS_PLANNED;
    let wanted = details.disks.iter().filter(is_wanted);
    let disks = wanted.map(|row| disk(row, details, &server.image_digest)).collect::<Result<Vec<_>, _>>()?;
    let special =
        |disk: &proto::DiskSpec| [&disk.bus, &disk.io, &disk.filesystem].into_iter().any(|word| !word.is_empty());
    let special_disks = disks.iter().any(special);
    let on_points = disks.iter().any(|disk| disk.storage.is_some());
    let interfaces = details.interfaces.iter().filter(|details| details.interface.enabled).map(interface);
    let interfaces = interfaces.collect::<Result<Vec<_>, _>>()?;
    let guarded = interfaces.iter().any(|one| one.firewall.is_some() || one.quarantined || !one.whitelist.is_empty());
    let has_macs = interfaces.iter().any(|one| !one.macs.is_empty());
    let is_told = interfaces.iter().any(|one| !one.dhcp.is_empty());
    let has_vlans = interfaces.iter().any(|one| !one.vlans.is_empty());
    let is_led = interfaces.iter().flat_map(|one| &one.ipv6).any(|subnet| subnet.routed);
    let forwarded = interfaces.iter().any(|one| !one.forwards.is_empty());
    let is_bounded = interfaces.iter().any(|one| {
        let bounds = [one.packets_s, one.in_burst_kb, one.out_burst_kb, one.queues];
        one.isolated || one.link_down || bounds.iter().any(|bound| *bound != 0)
    });
    Ok(proto::ServerSpec {
        server_uuid: server.uuid.to_string(),
        cluster_epoch: ctx.cluster.epoch,
        generation: server.generation.unsigned_abs(),
        required_features: required_features([
            (!iso_digest.is_empty(), MEDIA),
            (custom_xml.is_some(), CUSTOM_XML),
            (is_special, HARDWARE),
            (guarded, FIREWALL),
            (on_points, STORAGE),
            (is_bounded, INTERFACES),
            (forwarded, FORWARDS),
            (special_disks, DISKS),
            (has_macs, MACS),
            (is_told, DHCP),
            (has_vlans, VLANS),
            (is_led, ROUTED_SUBNETS),
        ]),
        cluster_uuid: ctx.cluster.uuid.to_string(),
        server_id: server.id.unsigned_abs(),
        vcpus: u32::try_from(server.cpu_cores).unwrap_or(1),
        memory_mib: server.memory_mib.unsigned_abs(),
        firmware: firmware(server.uefi).into(),
        cpu_model: server.cpu_type.clone(),
        run_as_uid: u32::try_from(server.run_as_uid).unwrap_or_default(),
        boot_order: serde_json::from_value(server.boot_order.clone()).unwrap_or_default(),
        cpu_shares: u32::try_from(server.cpu_shares).unwrap_or_default(),
        cpu_throttle_percent: cpu_share_percent(server.cpu_throttle, server.cpu_fair_percent),
        disks,
        interfaces,
        seed: CLOUD_INIT.map(|CloudInit::NoCloud| seed(ctx, details, build)).transpose()?,
        vnc_enabled: server.vnc_enabled && !server.suspended,
        iso_digest,
        custom_xml,
        machine: machine(&server.machine_type),
        tpm_version: tpm_version(server.tpm_type),
        os_type: os_type.to_owned(),
    })
}

pub fn firmware(uefi: bool) -> proto::Firmware {
    if uefi { proto::Firmware::Uefi } else { proto::Firmware::Bios }
}

/// Empty where the node chooses.
pub fn machine(machine_type: &str) -> String {
    if machine_type == "inherit" { String::new() } else { machine_type.to_owned() }
}

/// Of the API's code.
pub fn tpm_version(tpm_type: i32) -> String {
    match tpm_type {
        1 => "1.2",
        2 => "2.0",
        _ => "",
    }
    .to_owned()
}

/// The disc that the server's node has.
fn disc(details: &ServerDetails) -> String {
    let is_there = details.server.iso_hypervisor_id == Some(details.server.hypervisor_id);
    details.iso.as_ref().filter(|_| is_there).map(|iso| iso.digest.clone()).unwrap_or_default()
}

/// What an older agent must not drop silently.
fn required_features(needed: [(bool, &str); 12]) -> Vec<String> {
    let features = [(true, SERVER)].into_iter().chain(needed);
    features.filter(|(needed, _)| *needed).map(|(_, name)| name.to_owned()).collect()
}

fn disk(row: &server_disk::Model, details: &ServerDetails, image_digest: &str) -> Result<proto::DiskSpec, StepError> {
    let storage = match row.storage_point_id {
        None => None,
        Some(id) => {
            let point = details.points.iter().find(|point| point.id == id);
            let point = point.ok_or_else(|| StepError::Fatal(format!("The storage point {id} is gone.")))?;
            Some(proto::StorageRef { kind: point.kind.clone(), location: point.location.clone() })
        }
    };
    Ok(proto::DiskSpec {
        volume_uuid: row.volume_uuid.to_string(),
        index: row.position.unsigned_abs(),
        capacity_gib: row.capacity_gib.unsigned_abs(),
        format: row.format.clone(),
        image_digest: if row.is_primary { image_digest.to_owned() } else { String::new() },
        cache: cache(row, &details.hypervisor),
        limits: Some(proto::DiskLimits {
            read_iops: limit(row.read_iops),
            write_iops: limit(row.write_iops),
            read_bytes_s: limit(row.read_bytes_s),
            write_bytes_s: limit(row.write_bytes_s),
        }),
        storage,
        bus: row.bus.clone().unwrap_or_default(),
        io: row.io.clone().unwrap_or_default(),
        filesystem: row.filesystem.clone().unwrap_or_default(),
    })
}

/// The disk's own, or else its node's; empty leaves it to the node's agent.
fn cache(row: &server_disk::Model, node: &hypervisor::Model) -> String {
    let named = row.cache.as_ref().unwrap_or(&node.default_disk_cache_type);
    if named == INHERIT { String::new() } else { named.clone() }
}

/// The API says how much of its processors' time a server does not get, a node how much it gets; `fair` is what it is
/// left after sustained use. 0 is no bound.
fn cpu_share_percent(throttle: i32, fair: i32) -> u32 {
    let own = if (1..100).contains(&throttle) { 100 - throttle } else { 0 };
    let bounds = [own, fair].into_iter().filter(|percent| (1..100).contains(percent));
    bounds.min().map_or(0, i32::unsigned_abs)
}

fn limit(value: Option<i64>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

fn interface(details: &InterfaceDetails) -> Result<proto::InterfaceSpec, StepError> {
    let InterfaceDetails { interface, network, ipv4, ipv6, whitelist, firewall, forwards, vlans } = details;
    let forwards = port_forwards(forwards, ipv4);
    let macs = extra_macs(ipv4, ipv6);
    let dhcp = leases(interface, ipv4, ipv6)?;
    let mut resolvers = Vec::new();
    let blocks = ipv4.iter().map(|(_, block)| block).chain(ipv6.iter().map(|(_, block)| block));
    for resolver in blocks.flat_map(|block| [&block.resolver1, &block.resolver2]).flatten() {
        if !resolvers.contains(resolver) {
            resolvers.push(resolver.clone());
        }
    }
    let ipv4 = ipv4.iter().map(|(row, block)| proto::Ipv4Address {
        address: ipam::ipv4(row.address).to_string(),
        prefix_len: block.prefix_len.unsigned_abs(),
        gateway: block.gateway.clone(),
    });
    let ipv4 = ipv4.collect();
    let ipv6 = ipv6.iter().map(|(row, block)| {
        Ok(proto::Ipv6Subnet {
            subnet: row.subnet.clone(),
            prefix_len: row.prefix_len.unsigned_abs(),
            address: first_address(&row.subnet, row.prefix_len, &block.gateway)?,
            gateway: block.gateway.clone(),
            routed: block.route_block && network.kind == hypervisor_networks::ROUTED,
        })
    });
    let ipv6 = ipv6.collect::<Result<_, StepError>>()?;
    Ok(proto::InterfaceSpec {
        tag: format!("{:010}", interface.tag),
        mac: interface.mac.to_lowercase(),
        bridge: network.bridge.clone(),
        guest_name: interface.name.clone(),
        mtu: interface.mtu.or(network.mtu).and_then(|mtu| u32::try_from(mtu).ok()).unwrap_or(0),
        ip_filter: interface.ip_filter,
        ipv4,
        ipv6,
        resolvers,
        in_average_kbs: speed(interface.in_average_kbs, interface.throttle_kbs),
        out_average_kbs: speed(interface.out_average_kbs, interface.throttle_kbs),
        model: model(interface.driver).to_owned(),
        whitelist: whitelist.iter().map(|row| format!("{}/{}", row.address, row.prefix_len)).collect(),
        firewall: interface.firewall_enabled.then(|| crate::firewall::of_spec(firewall)),
        quarantined: interface.quarantined,
        queues: interface.process_queues.and_then(|queues| u32::try_from(queues).ok()).unwrap_or(0),
        link_down: !interface.link_up,
        isolated: interface.port_isolated,
        packets_s: u32::try_from(interface.packets_s).unwrap_or(0),
        in_burst_kb: u32::try_from(interface.in_burst_kb).unwrap_or(0),
        out_burst_kb: u32::try_from(interface.out_burst_kb).unwrap_or(0),
        forwards,
        macs,
        dhcp,
        vlans: vlans.iter().map(vlan).collect(),
    })
}

fn vlan(row: &interface_vlan::Model) -> proto::InterfaceVlan {
    proto::InterfaceVlan {
        id: row.vlan.unsigned_abs(),
        tagged: interface_vlans::is_tagged(row),
        native: !row.trunk || !row.native_mode.is_empty(),
    }
}

/// What DHCP tells: each MAC address its first address of each family, of those that it may tell.
fn leases(
    interface: &server_interface::Model,
    ipv4: &[(ipv4_address::Model, ip_block::Model)],
    ipv6: &[(ipv6_subnet::Model, ip_block::Model)],
) -> Result<Vec<proto::DhcpLease>, StepError> {
    let mut leases: Vec<proto::DhcpLease> = Vec::new();
    let lease = |mac: &Option<String>, address: String, prefix_len: i32, block: &ip_block::Model| proto::DhcpLease {
        mac: mac.clone().unwrap_or_else(|| interface.mac.to_lowercase()),
        address,
        prefix_len: prefix_len.unsigned_abs(),
        gateway: block.gateway.clone(),
        resolvers: [&block.resolver1, &block.resolver2].into_iter().flatten().cloned().collect(),
    };
    for (row, block) in ipv4.iter().filter(|(_, block)| interface.dhcp_v4 && block.dhcp) {
        let new = lease(&row.mac, ipam::ipv4(row.address).to_string(), block.prefix_len, block);
        if leases.iter().all(|known| known.mac != new.mac) {
            leases.push(new);
        }
    }
    let told = leases.len();
    for (row, block) in ipv6.iter().filter(|(_, block)| interface.dhcp_v6 && block.dhcp) {
        let address = first_address(&row.subnet, row.prefix_len, &block.gateway)?;
        let new = lease(&row.mac, address, row.prefix_len, block);
        if leases[told..].iter().all(|known| known.mac != new.mac) {
            leases.push(new);
        }
    }
    Ok(leases)
}

/// Each once, with the addresses and subnets that are used under it.
fn extra_macs(
    ipv4: &[(ipv4_address::Model, ip_block::Model)],
    ipv6: &[(ipv6_subnet::Model, ip_block::Model)],
) -> Vec<proto::ExtraMac> {
    let mut macs: Vec<proto::ExtraMac> = Vec::new();
    let v4 = ipv4.iter().map(|(row, _)| (&row.mac, format!("{}/32", ipam::ipv4(row.address))));
    let v6 = ipv6.iter().map(|(row, _)| (&row.mac, format!("{}/{}", row.subnet, row.prefix_len)));
    for (mac, network) in v4.chain(v6) {
        let Some(mac) = mac else { continue };
        match macs.iter_mut().find(|known| known.mac == *mac) {
            Some(known) => known.networks.push(network),
            None => macs.push(proto::ExtraMac { mac: mac.clone(), networks: vec![network] }),
        }
    }
    macs
}

/// To addresses that the interface has.
fn port_forwards(
    forwards: &[port_forward::Model],
    ipv4: &[(ipv4_address::Model, ip_block::Model)],
) -> Vec<proto::PortForward> {
    let own = forwards.iter().filter(|forward| ipv4.iter().any(|(address, _)| address.address == forward.address));
    own.map(|forward| proto::PortForward {
        protocol: forward.protocol.clone(),
        public_port: forward.public_port.unsigned_abs(),
        address: ipam::ipv4(forward.address).to_string(),
        port: forward.port.unsigned_abs(),
    })
    .collect()
}

/// The slower of the two, of which 0 is unlimited.
fn speed(own_kbs: i64, throttle_kbs: i64) -> u32 {
    let slower = [own_kbs, throttle_kbs].into_iter().filter(|kbs| *kbs > 0).min();
    slower.map_or(0, |kbs| u32::try_from(kbs).unwrap_or(u32::MAX))
}

/// The Global API's codes of network drivers.
fn model(driver: Option<i32>) -> &'static str {
    match driver {
        Some(2) => "e1000",
        Some(3) => "rtl8139",
        _ => "virtio",
    }
}

/// The guest's own address.
fn first_address(subnet: &str, prefix_len: i32, gateway: &str) -> Result<String, StepError> {
    ipam::guest_ipv6(subnet, prefix_len, gateway)
        .map(|address| address.to_string())
        .ok_or_else(|| StepError::Fatal(format!("The IPv6 subnet {subnet}/{prefix_len} can't be read.")))
}

fn seed(ctx: &Context, details: &ServerDetails, build: &str) -> Result<proto::GuestSeed, StepError> {
    let server = &details.server;
    let fqdn =
        server.hostname.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("server-{}", server.id));
    let keys: Vec<String> = details.ssh_keys.iter().map(|key| key.public_key.clone()).collect();
    // Windows takes no hash; nothing else is given the password itself.
    let is_windows = server.os_type == WINDOWS;
    let administrator_password = if is_windows && !server.password_enc.is_empty() {
        ctx.open("servers", "password_enc", server.uuid, &server.password_enc)?
    } else {
        String::new()
    };
    Ok(proto::GuestSeed {
        instance_id: build.to_owned(),
        hostname: fqdn.split('.').next().unwrap_or(&fqdn).to_owned(),
        fqdn,
        root_password_hash: if is_windows { String::new() } else { server.password_hash.clone() },
        administrator_password,
        ssh_password_login: keys.is_empty(),
        ssh_keys: keys,
        timezone: if server.timezone == DEFAULT_TIMEZONE { String::new() } else { server.timezone.clone() },
        swap_mib: u32::try_from(server.swap_mib).unwrap_or(0),
        user_data: server.user_data.clone(),
    })
}
