//! Which blocks serve which networks of a node, and in which order.

use berth_api::v1::ip_block::{BindBlock, MoveBinding, OrderBlocks};
use berth_store::{
    Tx, audit, hypervisor, hypervisor_network, ip_block,
    ip_block_binding::{self, Bound},
};
use serde_json::{Value, json};

use super::{entry, ip_ranges::BLOCK};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub const NODE: &str = "hypervisor";
/// Blocks that one call puts into an order.
const ORDER_LIMIT: usize = 1_000;

pub async fn list(ctx: &Context, actor: &Actor, hypervisor_id: i64) -> Result<Vec<Bound>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    hypervisor::by_id(db, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
    Ok(ip_block_binding::of_hypervisor(db, hypervisor_id).await?)
}

/// Networks that a block serves, on all nodes.
pub async fn of_block(ctx: &Context, actor: &Actor, block_id: i64) -> Result<Vec<Bound>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    ip_block::by_id(db, block_id).await?.ok_or(Error::NotFound(BLOCK))?;
    Ok(ip_block_binding::of_block(db, block_id).await?)
}

pub async fn bind(ctx: &Context, actor: &Actor, hypervisor_id: i64, input: &BindBlock) -> Result<Bound, Error> {
    actor.require(Ability::Admin)?;
    let (now, block_id, asked) = (ctx.now(), input.block_id, input.network_id);
    let bound = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            hypervisor::by_id(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
            if ip_block::by_id(tx, block_id).await?.is_none() {
                return Err(Error::invalid("The blockId must be a block's."));
            }
            let network = network_of(tx, hypervisor_id, asked).await?;
            if of_node(tx, hypervisor_id, block_id).await?.is_some() {
                return Err(Error::Conflict("The block serves that hypervisor already.".to_owned()));
            }
            ip_block::bind(tx, block_id, network, now).await?;
            let bound = of_node(tx, hypervisor_id, block_id).await?.ok_or(Error::NotFound(BLOCK))?;
            let subject = (NODE, hypervisor_id);
            audit::record(tx, entry(&actor, now, "bind_ip_block", subject, None, Some(shown(&bound)))).await?;
            Ok(bound)
        })
    });
    bound.await
}

/// To another network of the same node.
pub async fn move_to(
    ctx: &Context,
    actor: &Actor,
    (hypervisor_id, block_id): (i64, i64),
    input: &MoveBinding,
) -> Result<Bound, Error> {
    actor.require(Ability::Admin)?;
    let (now, asked) = (ctx.now(), input.network_id);
    let moved = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let before = found(tx, hypervisor_id, block_id).await?;
            let network = network_of(tx, hypervisor_id, Some(asked)).await?;
            if network != before.network.id {
                ip_block_binding::move_to(tx, before.binding.id, network).await?;
            }
            let after = found(tx, hypervisor_id, block_id).await?;
            let (subject, was, is) = ((NODE, hypervisor_id), shown(&before), shown(&after));
            audit::record(tx, entry(&actor, now, "move_ip_block", subject, Some(was), Some(is))).await?;
            Ok(after)
        })
    });
    moved.await
}

/// Servers keep the addresses that they have; new ones get none of the block on this node.
pub async fn unbind(ctx: &Context, actor: &Actor, hypervisor_id: i64, block_id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let gone = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let before = found(tx, hypervisor_id, block_id).await?;
            ip_block_binding::remove(tx, before.binding.id).await?;
            let subject = (NODE, hypervisor_id);
            Ok(audit::record(tx, entry(&actor, now, "unbind_ip_block", subject, Some(shown(&before)), None)).await?)
        })
    });
    gone.await
}

pub async fn order(ctx: &Context, actor: &Actor, hypervisor_id: i64, input: &OrderBlocks) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    if input.blocks.is_empty() || input.blocks.len() > ORDER_LIMIT {
        return Err(Error::invalid(format!("The blocks must be 1 to {ORDER_LIMIT} ids.")));
    }
    let (now, blocks) = (ctx.now(), input.blocks.clone());
    let ordered = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, blocks) = (actor.clone(), blocks.clone());
        Box::pin(async move {
            hypervisor::by_id(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
            let bound = ip_block_binding::of_hypervisor(tx, hypervisor_id).await?;
            if let Some(strange) = blocks.iter().find(|id| !bound.iter().any(|bound| bound.block.id == **id)) {
                return Err(Error::invalid(format!("The blocks must serve the hypervisor: {strange} does not.")));
            }
            let mut networks: Vec<i64> = bound.iter().map(|bound| bound.network.id).collect();
            networks.dedup();
            for network in networks {
                let of_network = |id: &i64| {
                    let mut here = bound.iter().filter(|bound| bound.network.id == network);
                    here.find(|bound| bound.block.id == *id).map(|bound| bound.binding.id)
                };
                let ids: Vec<i64> = blocks.iter().filter_map(of_network).collect();
                ip_block_binding::set_order(tx, network, &ids).await?;
            }
            let before: Vec<i64> = bound.iter().map(|bound| bound.block.id).collect();
            let (before, after) = (json!({ "blocks": before }), json!({ "blocks": blocks }));
            let subject = (NODE, hypervisor_id);
            Ok(audit::record(tx, entry(&actor, now, "order_ip_blocks", subject, Some(before), Some(after))).await?)
        })
    });
    ordered.await
}

/// The network that is asked for, or the node's default one.
async fn network_of(tx: &Tx, hypervisor_id: i64, asked: Option<i64>) -> Result<i64, Error> {
    let networks = hypervisor_network::of_hypervisors(tx, &[hypervisor_id]).await?;
    let network = match asked {
        Some(id) => networks.iter().find(|network| network.id == id),
        None => networks.iter().find(|network| network.is_default),
    };
    network
        .map(|network| network.id)
        .ok_or_else(|| Error::invalid("The networkId must be a network of the hypervisor."))
}

async fn of_node(tx: &Tx, hypervisor_id: i64, block_id: i64) -> Result<Option<Bound>, Error> {
    let bound = ip_block_binding::of_hypervisor(tx, hypervisor_id).await?;
    Ok(bound.into_iter().find(|bound| bound.block.id == block_id))
}

async fn found(tx: &Tx, hypervisor_id: i64, block_id: i64) -> Result<Bound, Error> {
    hypervisor::by_id(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
    of_node(tx, hypervisor_id, block_id).await?.ok_or(Error::NotFound(BLOCK))
}

fn shown(bound: &Bound) -> Value {
    json!({ "block": bound.block.id, "network": bound.network.id, "order": bound.binding.position })
}
