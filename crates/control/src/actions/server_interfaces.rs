//! Reading and changing a server's interfaces.

use berth_api::v1::server_addresses::UpdateInterface;
use berth_store::{
    Tx,
    entity::{hypervisor_network as network_entity, server_interface as entity},
    hypervisor_network, interface_vlan, ip_block_binding, ipv4_address, ipv6_subnet, port_forward,
    server_details::{self, InterfaceDetails},
    server_interface::{self, InterfaceChange, Settings},
};
use serde_json::json;

use super::{
    hypervisor_networks::{MTU, NAT, require_usable},
    interface_vlans,
    interfaces::{self, Change, INTERFACE, Locked},
    rules,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
};

/// kB/s; as the operations on servers take it.
const MOST_SPEED_KBS: i64 = 999_999_999;
/// As agents know it.
const MOST_QUEUES: i64 = 16;
/// A gigabyte.
const MOST_BURST_KB: i64 = 1_000_000;
pub(super) const MOST_PACKETS_S: i64 = 100_000_000;
/// The Global API's code of it, and what interfaces have where nothing else was asked for.
pub const VIRTIO: i32 = 1;

pub async fn all(ctx: &Context, actor: &Actor, server_id: i64) -> Result<Vec<InterfaceDetails>, Error> {
    actor.require(Ability::Read)?;
    let details = server_details::by_id(ctx.store.read(), server_id).await?.ok_or(Error::NotFound("server"))?;
    Ok(details.interfaces)
}

pub async fn one(ctx: &Context, actor: &Actor, server_id: i64, reference: &str) -> Result<InterfaceDetails, Error> {
    let all = all(ctx, actor, server_id).await?;
    let rows: Vec<_> = all.iter().map(|details| details.interface.clone()).collect();
    let id = interfaces::find(&rows, reference).ok_or(Error::NotFound(INTERFACE))?.id;
    all.into_iter().find(|details| details.interface.id == id).ok_or(Error::NotFound(INTERFACE))
}

pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    input: UpdateInterface,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    if input.ip_filter.is_some() {
        actor.require(Ability::Admin)?;
    }
    let change = Change::new(ctx, actor, server_id);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference, input) = (change.clone(), reference.to_owned(), input.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let row = locked.at(&reference)?;
            let network = hypervisor_network::by_id(tx, row.network_id).await?;
            let network = match input.hypervisor_network_id.filter(|id| *id != row.network_id) {
                Some(id) => Some(moved(tx, &locked, row, id).await?),
                None => network,
            };
            let before = InterfaceChange {
                settings: Settings::of(row),
                in_average_kbs: row.in_average_kbs,
                out_average_kbs: row.out_average_kbs,
                network_profile: row.network_profile,
                network_id: row.network_id,
                now: change.now,
            };
            let network_id = network.as_ref().map_or(row.network_id, |network| network.id);
            let new = changed_by(before, &input, network.and_then(|network| network.mtu))?;
            let new = InterfaceChange { network_id, ..new };
            server_interface::update(tx, row.id, new).await?;
            change.follow(tx, &locked.row).await?;
            change.record(tx, "update_interface", Some(shown(&before)), Some(shown(&new))).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// The network that an interface moves to; it serves what the interface has.
async fn moved(tx: &Tx, locked: &Locked, row: &entity::Model, id: i64) -> Result<network_entity::Model, Error> {
    let network = hypervisor_network::by_id(tx, id).await?;
    let network = network
        .filter(|network| network.hypervisor_id == locked.row.hypervisor_id)
        .ok_or_else(|| Error::invalid("The hypervisorNetworkId must be a network of the server's hypervisor."))?;
    if network.id != row.network_id {
        require_usable(tx, &network).await?;
    }
    let serving = ip_block_binding::giving_to_network(tx, network.id).await?;
    let serves = |block_id: i64| serving.iter().any(|block| block.id == block_id);
    let mut errors = Vec::new();
    let strange = |address: String| {
        format!(
            "The hypervisorNetworkId can't be changed: {address} is of an IP block that does not serve that network."
        )
    };
    for address in ipv4_address::of_interface(tx, row.id).await?.iter().filter(|address| !serves(address.block_id)) {
        errors.push(strange(ipam::ipv4(address.address).to_string()));
    }
    for subnet in ipv6_subnet::of_interface(tx, row.id).await?.iter().filter(|subnet| !serves(subnet.block_id)) {
        errors.push(strange(format!("{}/{}", subnet.subnet, subnet.prefix_len)));
    }
    if network.kind != NAT && !port_forward::of_interfaces(tx, &[row.id]).await?.is_empty() {
        errors.push(format!(
            "The hypervisorNetworkId can't be changed: ports of the node lead to the interface, and the network is not of \
             type {NAT}."
        ));
    }
    rules::done(errors)?;
    if !interface_vlan::of_interfaces(tx, &[row.id]).await?.is_empty() {
        interface_vlans::require_vlans(tx, network.hypervisor_id, network.id).await?;
    }
    Ok(network)
}

/// What an interface is to have; every mistake at once.
pub(super) fn changed_by(
    before: InterfaceChange,
    input: &UpdateInterface,
    network_mtu: Option<i32>,
) -> Result<InterfaceChange, Error> {
    let UpdateInterface {
        hypervisor_network_id: _,
        driver,
        ip_filter,
        in_average,
        out_average,
        network_profile,
        process_queues,
        mtu,
        port_isolated,
        link_up,
        in_burst,
        out_burst,
        packets_per_second,
        dhcp_v4,
        dhcp_v6,
    } = input;
    let mut errors = Vec::new();
    for (field, value, range) in [
        ("driver", *driver, 1..=3),
        ("inAverage", *in_average, 0..=MOST_SPEED_KBS),
        ("outAverage", *out_average, 0..=MOST_SPEED_KBS),
        ("networkProfile", *network_profile, 0..=20),
        ("processQueues", *process_queues, 1..=MOST_QUEUES),
        ("mtu", mtu.flatten(), MTU),
        ("inBurst", *in_burst, 0..=MOST_BURST_KB),
        ("outBurst", *out_burst, 0..=MOST_BURST_KB),
        ("packetsPerSecond", *packets_per_second, 0..=MOST_PACKETS_S),
    ] {
        if let Some(value) = value {
            rules::within(&mut errors, field, value, range);
        }
    }
    let small = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    let mut new = before;
    let to = &mut new.settings;
    to.driver = driver.map(small).or(to.driver);
    to.ip_filter = ip_filter.unwrap_or(to.ip_filter);
    to.process_queues = process_queues.map(small).or(to.process_queues);
    to.mtu = mtu.map_or(to.mtu, |mtu| mtu.map(small));
    to.port_isolated = port_isolated.unwrap_or(to.port_isolated);
    to.link_up = link_up.unwrap_or(to.link_up);
    to.in_burst_kb = in_burst.unwrap_or(to.in_burst_kb);
    to.out_burst_kb = out_burst.unwrap_or(to.out_burst_kb);
    to.packets_s = packets_per_second.unwrap_or(to.packets_s);
    to.dhcp_v4 = dhcp_v4.unwrap_or(to.dhcp_v4);
    to.dhcp_v6 = dhcp_v6.unwrap_or(to.dhcp_v6);
    if to.process_queues.is_some_and(|queues| queues > 1) && to.driver.is_some_and(|driver| driver != VIRTIO) {
        errors.push("The processQueues must be 1: only virtio has more.".to_owned());
    }
    if let (Some(mtu), Some(most)) = (to.mtu, network_mtu)
        && mtu > most
    {
        errors.push(format!("The mtu must be at most {most}, the network's."));
    }
    new.in_average_kbs = in_average.unwrap_or(new.in_average_kbs);
    new.out_average_kbs = out_average.unwrap_or(new.out_average_kbs);
    new.network_profile = network_profile.map_or(new.network_profile, small);
    rules::done(errors)?;
    Ok(new)
}

pub(super) fn shown(change: &InterfaceChange) -> serde_json::Value {
    let InterfaceChange { settings, in_average_kbs, out_average_kbs, network_profile, network_id, now: _ } = change;
    json!({ "hypervisorNetworkId": network_id, "driver": settings.driver, "ipFilter": settings.ip_filter,
            "inAverage": in_average_kbs,
            "outAverage": out_average_kbs, "networkProfile": network_profile,
            "processQueues": settings.process_queues, "mtu": settings.mtu, "portIsolated": settings.port_isolated,
            "linkUp": settings.link_up, "inBurst": settings.in_burst_kb, "outBurst": settings.out_burst_kb,
            "packetsPerSecond": settings.packets_s, "dhcpV4": settings.dhcp_v4, "dhcpV6": settings.dhcp_v6 })
}
