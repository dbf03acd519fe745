//! Rows into the specification that a node gets: the whole desired server.

use berth_proto as proto;
use berth_store::server_details::{InterfaceDetails, ServerDetails};

use crate::{Context, ipam, jobs::StepError};

/// What the node must know to carry out every specification that this release makes.
const REQUIRED_FEATURES: [&str; 1] = ["server.v1"];

/// The specification of a server with everything that its rows say.
pub fn server_spec(ctx: &Context, details: &ServerDetails) -> Result<proto::ServerSpec, StepError> {
    let server = &details.server;
    let build = server.build_uuid.ok_or_else(|| StepError::Fatal("The server has not been built.".to_owned()))?;
    let digest = details.template.as_ref().map(|template| template.image_digest.clone()).unwrap_or_default();
    let disks = details.disks.iter().filter(|disk| disk.enabled).map(|disk| proto::DiskSpec {
        volume_uuid: disk.volume_uuid.to_string(),
        index: disk.position.unsigned_abs(),
        capacity_gib: disk.capacity_gib.unsigned_abs(),
        format: disk.format.clone(),
        image_digest: if disk.is_primary { digest.clone() } else { String::new() },
        cache: String::new(),
        limits: Some(proto::DiskLimits {
            read_iops: limit(disk.read_iops),
            write_iops: limit(disk.write_iops),
            read_bytes_s: limit(disk.read_bytes_s),
            write_bytes_s: limit(disk.write_bytes_s),
        }),
    });
    let disks = disks.collect();
    let interfaces = details.interfaces.iter().filter(|details| details.interface.enabled).map(interface);
    let interfaces = interfaces.collect::<Result<_, _>>()?;
    Ok(proto::ServerSpec {
        server_uuid: server.uuid.to_string(),
        cluster_epoch: ctx.cluster.epoch,
        generation: server.generation.unsigned_abs(),
        required_features: REQUIRED_FEATURES.map(str::to_owned).to_vec(),
        cluster_uuid: ctx.cluster.uuid.to_string(),
        server_id: server.id.unsigned_abs(),
        vcpus: u32::try_from(server.cpu_cores).unwrap_or(1),
        memory_mib: server.memory_mib.unsigned_abs(),
        firmware: if server.uefi { proto::Firmware::Uefi } else { proto::Firmware::Bios }.into(),
        cpu_model: server.cpu_type.clone(),
        run_as_uid: u32::try_from(server.run_as_uid).unwrap_or_default(),
        boot_order: serde_json::from_value(server.boot_order.clone()).unwrap_or_default(),
        cpu_shares: u32::try_from(server.cpu_shares).unwrap_or_default(),
        cpu_throttle_percent: u32::try_from(server.cpu_throttle).unwrap_or_default(),
        disks,
        interfaces,
        seed: Some(seed(details, &build.to_string())),
        vnc_enabled: server.vnc_enabled,
    })
}

fn limit(value: Option<i64>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

fn interface(details: &InterfaceDetails) -> Result<proto::InterfaceSpec, StepError> {
    let InterfaceDetails { interface, network, ipv4, ipv6 } = details;
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
        })
    });
    let ipv6 = ipv6.collect::<Result<_, StepError>>()?;
    Ok(proto::InterfaceSpec {
        tag: format!("{:010}", interface.tag),
        mac: interface.mac.to_lowercase(),
        bridge: network.bridge.clone(),
        guest_name: interface.name.clone(),
        mtu: network.mtu.and_then(|mtu| u32::try_from(mtu).ok()).unwrap_or(0),
        ip_filter: interface.ip_filter,
        ipv4,
        ipv6,
        resolvers,
        in_average_kbs: u32::try_from(interface.in_average_kbs).unwrap_or(0),
        out_average_kbs: u32::try_from(interface.out_average_kbs).unwrap_or(0),
        model: model(interface.driver).to_owned(),
    })
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

fn seed(details: &ServerDetails, build: &str) -> proto::GuestSeed {
    let server = &details.server;
    let fqdn =
        server.hostname.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("server-{}", server.id));
    let keys: Vec<String> = details.ssh_keys.iter().map(|key| key.public_key.clone()).collect();
    proto::GuestSeed {
        instance_id: build.to_owned(),
        hostname: fqdn.split('.').next().unwrap_or(&fqdn).to_owned(),
        fqdn,
        root_password_hash: server.password_hash.clone(),
        ssh_password_login: keys.is_empty(),
        ssh_keys: keys,
        timezone: if server.timezone == "_default" { String::new() } else { server.timezone.clone() },
        swap_mib: u32::try_from(server.swap_mib).unwrap_or(0),
        user_data: server.user_data.clone(),
    }
}
