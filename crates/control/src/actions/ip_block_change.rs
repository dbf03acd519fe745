//! Changing and removing blocks of addresses. What guests and nodes are told changes with the next specification of each
//! server that has an address of the block.

use std::net::IpAddr;

use berth_api::v1::{confirm::Confirm, ip_block::UpdateIpBlock};
use berth_store::{
    Tx, audit,
    entity::ip_block as entity,
    ip_block::{self, BlockChange},
    ipv4_address, server as servers,
};
use ipnet::Ipv6Net;
use serde_json::json;

use super::{entry, ip_blocks::ONLY_IPV6_IS_LED, ip_ranges::BLOCK, queue, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdateIpBlock) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, input) = (ctx.clone(), actor.clone(), input.clone());
        Box::pin(async move {
            let row = ip_block::by_id(tx, id).await?.ok_or(Error::NotFound(BLOCK))?;
            let change = changed(&row, &input, now)?;
            if (&change.source_prefix, change.subnet_prefix_len) != (&row.source_prefix, row.subnet_prefix_len) {
                regenerate(tx, &row, input.regenerate).await?;
            }
            keep_gateway_free(tx, &row, &change).await?;
            let told = |block: &entity::Model| {
                let resolvers = (block.resolver1.clone(), block.resolver2.clone());
                (block.gateway.clone(), block.prefix_len, resolvers, block.dhcp, block.route_block)
            };
            ip_block::update(tx, id, change).await?;
            let after = ip_block::by_id(tx, id).await?.ok_or(Error::NotFound(BLOCK))?;
            if told(&row) != told(&after) {
                follow(&ctx, tx, id, now).await?;
            }
            let subject = ("ip_block", id);
            let (before, now_is) = (shown(&row), shown(&after));
            audit::record(tx, entry(&actor, now, "update_ip_block", subject, Some(before), Some(now_is))).await?;
            Ok(after)
        })
    });
    let changed = changed.await.map_err(super::ip_blocks::name_is_taken)?;
    ctx.nudge.notify_one();
    Ok(changed)
}

/// Nodes follow for each server that has an address of the block.
async fn follow(ctx: &Context, tx: &Tx, id: i64, now: i64) -> Result<(), Error> {
    for server in ip_block::renew_specifications(tx, id).await? {
        if let Some(row) = servers::by_id(tx, server).await? {
            queue::enqueue_apply(ctx, tx, &row, now).await?;
        }
    }
    Ok(())
}

fn shown(row: &entity::Model) -> serde_json::Value {
    json!({ "name": row.name, "gateway": row.gateway, "prefixLen": row.prefix_len, "enabled": row.enabled,
            "sourcePrefix": row.source_prefix, "networkProfile": row.network_profile,
            "dhcp": row.dhcp, "routeBlock": row.route_block })
}

/// The block as it is to be; every mistake at once.
fn changed(row: &entity::Model, input: &UpdateIpBlock, now: i64) -> Result<BlockChange, Error> {
    let mut errors = Vec::new();
    let v6 = row.family == 6;
    if let Some(name) = &input.name {
        rules::text(&mut errors, "name", name, 3, 100);
    }
    if let Some(profile) = input.network_profile {
        rules::within(&mut errors, "networkProfile", profile, 0..=20);
    }
    let of_family = |text: &str| text.trim().parse::<IpAddr>().is_ok_and(|address| address.is_ipv6() == v6);
    if input.gateway.as_deref().is_some_and(|gateway| !of_family(gateway)) {
        errors.push(format!("The gateway must be an IPv{} address.", row.family));
    }
    for (field, resolver) in [("resolver1", &input.resolver1), ("resolver2", &input.resolver2)] {
        if resolver.iter().flatten().any(|resolver| resolver.parse::<IpAddr>().is_err()) {
            errors.push(format!("The {field} must be an IP address, or null."));
        }
    }
    let (mut prefix_len, mut source_prefix) = (row.prefix_len, row.source_prefix.clone());
    let mut subnet_prefix_len = row.subnet_prefix_len;
    if v6 {
        if input.prefix_len.is_some() {
            errors.push("The prefixLen of an IPv6 block comes with its sourcePrefix.".to_owned());
        }
        if let Some(text) = &input.source_prefix {
            match text.trim().parse::<Ipv6Net>() {
                Ok(net) if net.addr() == net.network() && net.prefix_len() > 0 => {
                    source_prefix = Some(net.network().to_string());
                    prefix_len = i32::from(net.prefix_len());
                }
                _ => errors.push("The sourcePrefix must be an IPv6 network with its length of 1 to 127.".to_owned()),
            }
        }
        subnet_prefix_len = input.subnet_prefix_len.or(subnet_prefix_len);
        if subnet_prefix_len.is_none_or(|len| len <= prefix_len || len > 128) {
            errors.push("The subnetPrefixLen must be greater than the prefix's length and at most 128.".to_owned());
        }
    } else {
        prefix_len = input.prefix_len.unwrap_or(prefix_len);
        rules::within(&mut errors, "prefixLen", prefix_len.into(), 1..=32);
        if input.source_prefix.is_some() || input.subnet_prefix_len.is_some() || input.regenerate {
            errors.push("The sourcePrefix, the subnetPrefixLen and regenerate are for IPv6 blocks.".to_owned());
        }
        if input.route_block == Some(true) {
            errors.push(ONLY_IPV6_IS_LED.to_owned());
        }
    }
    rules::done(errors)?;
    Ok(BlockChange {
        name: input.name.as_ref().map_or_else(|| row.name.clone(), |name| name.trim().to_owned()),
        gateway: input.gateway.as_ref().map_or_else(|| row.gateway.clone(), |gateway| gateway.trim().to_owned()),
        prefix_len,
        source_prefix,
        subnet_prefix_len,
        resolver1: input.resolver1.clone().unwrap_or_else(|| row.resolver1.clone()),
        resolver2: input.resolver2.clone().unwrap_or_else(|| row.resolver2.clone()),
        enabled: input.enabled.unwrap_or(row.enabled),
        network_profile: input.network_profile.and_then(|n| i32::try_from(n).ok()).unwrap_or(row.network_profile),
        dhcp: input.dhcp.unwrap_or(row.dhcp),
        route_block: input.route_block.unwrap_or(row.route_block),
        now,
    })
}

/// Subnets of the prefix before are forgotten; none of them may be a server's.
async fn regenerate(tx: &Tx, row: &entity::Model, asked: bool) -> Result<(), Error> {
    if !asked {
        return Err(Error::invalid("The regenerate must be true: the block's subnets are cut anew."));
    }
    let used = used(tx, row.id).await?;
    if used > 0 {
        return Err(Error::invalid(format!(
            "The sourcePrefix can't change: servers have {used} subnets of the block."
        )));
    }
    Ok(ip_block::forget_free_subnets(tx, row.id).await?)
}

/// A server must not have the address that the others take for their gateway.
async fn keep_gateway_free(tx: &Tx, row: &entity::Model, change: &BlockChange) -> Result<(), Error> {
    let Ok(gateway) = change.gateway.parse::<std::net::Ipv4Addr>() else { return Ok(()) };
    if change.gateway == row.gateway {
        return Ok(());
    }
    let number = i64::from(u32::from(gateway));
    match ipv4_address::by_addresses(tx, &[number]).await?.first() {
        Some(address) if address.interface_id.is_some() => {
            Err(Error::invalid(format!("The gateway must not be a server's address, as {gateway} is.")))
        }
        Some(address) => {
            ipv4_address::remove(tx, address.block_id, &[number]).await?;
            Ok(())
        }
        None => Ok(()),
    }
}

pub async fn delete(ctx: &Context, actor: &Actor, id: i64, input: &Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let (now, confirmed) = (ctx.now(), input.confirm);
    let deleted = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = ip_block::by_id(tx, id).await?.ok_or(Error::NotFound(BLOCK))?;
            if !confirmed {
                return Err(Error::invalid("The confirm must be true: the block goes with its addresses."));
            }
            if used(tx, id).await? > 0 {
                return Err(Error::invalid("The block can't be deleted: servers have addresses of it."));
            }
            ip_block::delete(tx, id).await?;
            let subject = ("ip_block", id);
            Ok(audit::record(tx, entry(&actor, now, "delete_ip_block", subject, Some(shown(&row)), None)).await?)
        })
    });
    deleted.await
}

/// What servers have of a block.
async fn used(tx: &Tx, id: i64) -> Result<i64, Error> {
    Ok(ip_block::assigned(tx, id).await?)
}
