//! IPv6 subnets that a server's interface gets and loses.

use berth_api::v1::server_addresses::InterfaceIpv6;
use berth_store::{
    Tx,
    entity::{ip_block, ipv6_subnet as entity, server_interface},
    ip_block_binding, ipv6_subnet,
};
use ipnet::Ipv6Net;
use serde_json::json;

use super::{interfaces::Change, server_create::give_ipv6};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

/// Subnets of one interface.
const MOST: usize = 16;

/// The next free subnet, or the one that is named; answers it with its length.
pub async fn add(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    input: &InterfaceIpv6,
) -> Result<String, Error> {
    actor.require(Ability::Write)?;
    let named = input.subnet.as_deref().map(parse).transpose()?;
    let change = Change::new(ctx, actor, server_id);
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference) = (change.clone(), reference.to_owned());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = locked.at(&reference)?;
            let has = ipv6_subnet::of_interface(tx, interface.id).await?;
            if has.len() >= MOST {
                return Err(Error::invalid(format!("An interface has at most {MOST} IPv6 subnets.")));
            }
            let position = has.iter().map(|row| row.position).max().unwrap_or(0) + 1;
            let given = give(tx, &change, interface, position, named).await?;
            change.follow(tx, &locked.row).await?;
            let text = format!("{}/{}", given.subnet, given.prefix_len);
            let after = json!({ "interface": interface.tag, "ipv6": text });
            change.record(tx, "add_server_ipv6", None, Some(after)).await?;
            Ok(text)
        })
    });
    let given = added.await?;
    ctx.nudge.notify_one();
    Ok(given)
}

async fn give(
    tx: &Tx,
    change: &Change,
    interface: &server_interface::Model,
    position: i32,
    named: Option<Ipv6Net>,
) -> Result<entity::Model, Error> {
    let (profile, now) = (interface.network_profile, change.now);
    let serves = |block: &ip_block::Model| block.family == 6 && (profile == 0 || block.network_profile == profile);
    let blocks = ip_block_binding::giving_to_network(tx, interface.network_id).await?;
    for block in blocks.iter().filter(|block| serves(block)) {
        let given = match named {
            None => give_ipv6(tx, block, interface.id, position, (change.ctx.rested_since(now), now)).await?,
            Some(net) if block.subnet_prefix_len == Some(i32::from(net.prefix_len())) => {
                ipv6_subnet::take(tx, block.id, &net.network().to_string(), interface.id, position, now).await?
            }
            Some(_) => None,
        };
        if let Some(given) = given {
            return Ok(given);
        }
    }
    Err(Error::invalid(match named {
        Some(net) => format!("The subnet {net} is not free in a block that serves the interface's network."),
        None => "The IPv6 blocks of the interface's network have no free subnet.".to_owned(),
    }))
}

fn parse(text: &str) -> Result<Ipv6Net, Error> {
    let net = text.trim().parse::<Ipv6Net>().ok().filter(|net| net.addr() == net.network());
    net.ok_or_else(|| Error::invalid("The subnet must be an IPv6 network with its length."))
}

pub async fn remove(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    input: &InterfaceIpv6,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let net = parse(input.subnet.as_deref().unwrap_or_default())?;
    let change = Change::new(ctx, actor, server_id);
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, reference) = (change.clone(), reference.to_owned());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = locked.at(&reference)?;
            let has = ipv6_subnet::of_interface(tx, interface.id).await?;
            let (subnet, prefix_len) = (net.network().to_string(), i32::from(net.prefix_len()));
            let row = has.iter().find(|row| row.subnet == subnet && row.prefix_len == prefix_len);
            let row = row.ok_or_else(|| Error::invalid(format!("The subnet {net} is not the interface's.")))?;
            ipv6_subnet::release(tx, &[interface.id], &[row.id], change.now).await?;
            change.follow(tx, &locked.row).await?;
            change.record(tx, "remove_server_ipv6", Some(json!({ "ipv6": net })), None).await
        })
    });
    removed.await?;
    ctx.nudge.notify_one();
    Ok(())
}
