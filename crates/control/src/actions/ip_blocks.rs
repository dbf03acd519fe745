//! Blocks of addresses: made whole, with their range and the nodes that they serve.

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
};

use berth_api::v1::ip_block::CreateIpBlock;
use berth_store::{
    audit,
    entity::ip_block as entity,
    hypervisor_network,
    ip_block::{self, NewBlock},
};
use ipnet::Ipv6Net;
use serde_json::json;

use super::{
    entry,
    ip_ranges::{self, check_ends},
    rules,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

/// IPv4 addresses are routed to one by one.
pub const ONLY_IPV6_IS_LED: &str = "The routeBlock can be true of IPv6 blocks only.";
const NODES_LIMIT: usize = 1_000;

pub async fn create(ctx: &Context, actor: &Actor, input: CreateIpBlock) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let range = check(&input)?;
    let (now, uuid) = (ctx.now(), ctx.rng.uuid());
    let new = NewBlock {
        uuid,
        name: input.name.trim().to_owned(),
        family: input.r#type,
        gateway: input.gateway.trim().to_owned(),
        prefix_len: input.prefix_len,
        source_prefix: input.source_prefix.clone(),
        subnet_prefix_len: input.subnet_prefix_len,
        resolver1: input.resolver1.clone(),
        resolver2: input.resolver2.clone(),
        enabled: input.enabled,
        network_profile: input.network_profile,
        dhcp: input.dhcp,
        route_block: input.route_block.unwrap_or_default(),
        now,
    };
    let nodes = input.hypervisor_ids;
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, new, nodes, range) = (actor.clone(), new.clone(), nodes.clone(), range.clone());
            Box::pin(async move {
                let row = ip_block::insert(tx, new).await?;
                if let Some(range) = range {
                    ip_ranges::insert(tx, &row, range, now).await?;
                }
                let networks = hypervisor_network::of_hypervisors(tx, &nodes).await?;
                for node in &nodes {
                    let default = networks.iter().find(|network| network.hypervisor_id == *node && network.is_default);
                    let network = default.ok_or_else(|| {
                        Error::invalid(format!(
                            "The hypervisorIds name {node}, and there is no such node with a network."
                        ))
                    })?;
                    ip_block::bind(tx, row.id, network.id, now).await?;
                }
                let after = json!({ "name": row.name, "type": row.family, "gateway": row.gateway,
                                    "routeBlock": row.route_block, "hypervisorIds": nodes });
                audit::record(tx, entry(&actor, now, "create_ip_block", ("ip_block", row.id), None, Some(after)))
                    .await?;
                Ok(row)
            })
        })
        .await
        .map_err(name_is_taken)
}

pub fn name_is_taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("ip_blocks", &["name"]) => {
            Error::Conflict("A block of that name exists already.".to_owned())
        }
        other => other,
    }
}

fn check(input: &CreateIpBlock) -> Result<Option<RangeInclusive<u32>>, Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &input.name, 3, 100);
    rules::within(&mut errors, "networkProfile", input.network_profile.into(), 0..=20);
    if input.hypervisor_ids.len() > NODES_LIMIT {
        errors.push(format!("The hypervisorIds may name at most {NODES_LIMIT} nodes."));
    }
    for (field, resolver) in [("resolver1", &input.resolver1), ("resolver2", &input.resolver2)] {
        if resolver.as_ref().is_some_and(|resolver| resolver.parse::<IpAddr>().is_err()) {
            errors.push(format!("The {field} must be an IP address."));
        }
    }
    let gateway: Option<IpAddr> = input.gateway.trim().parse().ok();
    let range = match input.r#type {
        4 => check_ipv4(&mut errors, input, gateway),
        6 => {
            check_ipv6(&mut errors, input, gateway);
            None
        }
        _ => {
            errors.push("The type must be 4 or 6.".to_owned());
            None
        }
    };
    rules::done(errors)?;
    Ok(range)
}

fn check_ipv4(errors: &mut Vec<String>, input: &CreateIpBlock, gateway: Option<IpAddr>) -> Option<RangeInclusive<u32>> {
    if !gateway.is_some_and(|gateway| gateway.is_ipv4()) {
        errors.push("The gateway must be an IPv4 address.".to_owned());
    }
    rules::within(errors, "prefixLen", input.prefix_len.into(), 1..=32);
    if input.source_prefix.is_some() || input.subnet_prefix_len.is_some() {
        errors.push("The sourcePrefix and the subnetPrefixLen are for IPv6 blocks.".to_owned());
    }
    if input.route_block == Some(true) {
        errors.push(ONLY_IPV6_IS_LED.to_owned());
    }
    match (&input.first, &input.last) {
        (None, None) => None,
        (Some(first), Some(last)) => {
            let parsed = first.parse::<Ipv4Addr>().ok().zip(last.parse::<Ipv4Addr>().ok());
            let Some((first, last)) = parsed else {
                errors.push("The first and the last must be IPv4 addresses.".to_owned());
                return None;
            };
            let range = check_ends(("first", first.into()), ("last", last.into()));
            range.map_err(|error| errors.push(error.to_string())).ok()
        }
        _ => {
            errors.push("The first and the last go together.".to_owned());
            None
        }
    }
}

fn check_ipv6(errors: &mut Vec<String>, input: &CreateIpBlock, gateway: Option<IpAddr>) {
    if !gateway.is_some_and(|gateway| gateway.is_ipv6()) {
        errors.push("The gateway must be an IPv6 address.".to_owned());
    }
    if input.first.is_some() || input.last.is_some() {
        errors.push("The first and the last are for IPv4 blocks.".to_owned());
    }
    let prefix = input.source_prefix.as_deref().unwrap_or_default();
    let with_length = if prefix.contains('/') { prefix.to_owned() } else { format!("{prefix}/{}", input.prefix_len) };
    let source: Option<Ipv6Net> = with_length.parse().ok();
    match source {
        Some(source)
            if input.prefix_len > 0
                && i32::from(source.prefix_len()) == input.prefix_len
                && source.addr() == source.network() => {}
        _ => errors.push("The sourcePrefix must be an IPv6 network of the length that prefixLen says.".to_owned()),
    }
    let subnet = input.subnet_prefix_len.unwrap_or(-1);
    if subnet <= input.prefix_len || subnet > 128 {
        errors.push("The subnetPrefixLen must be greater than the prefixLen and at most 128.".to_owned());
    }
}
