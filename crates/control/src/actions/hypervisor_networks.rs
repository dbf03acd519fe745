//! Networks of a node: which of its bridges servers can be attached to, and with what. A bridge is the node's owner's to
//! allow: only those that the agent lists, and sees, become networks.

use berth_api::v1::{
    confirm::Confirm,
    hypervisor_network::{CreateHypervisorNetwork, UpdateHypervisorNetwork},
};
use berth_store::{
    Tx, audit,
    entity::{hypervisor as node_entity, hypervisor_network as entity},
    hypervisor,
    hypervisor_network::{self as networks, NewNetwork, SIMPLE_BRIDGE},
    ip_block_group, server as servers,
};
use serde_json::{Value, json};

use super::{
    differences, entry,
    ip_block_bindings::NODE,
    queue::{self, Subject},
    rules,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    jobs::Kind,
};

pub const NETWORK: &str = "network";
/// A bridge whose node translates addresses.
pub const NAT: &str = "lvNatv1";
/// A bridge by which the node routes to single addresses.
pub const ROUTED: &str = "lvNetwork";
/// A bridge of Open vSwitch, to which the node joins guests.
pub const OPEN_VSWITCH: &str = "lvBridgeOVS";
const TYPES: [&str; 4] = [SIMPLE_BRIDGE, NAT, ROUTED, OPEN_VSWITCH];
/// IPv6 wants no less; no more fits into the frames of usual hardware.
pub const MTU: std::ops::RangeInclusive<i64> = 1280..=9216;
/// Linux' limit for names of interfaces.
const BRIDGE_LIMIT_CHARS: usize = 15;
/// Networks of one node.
const MOST: usize = 64;

pub async fn list(ctx: &Context, actor: &Actor, hypervisor_id: i64) -> Result<Vec<entity::Model>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    hypervisor::by_id(db, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
    Ok(networks::of_hypervisors(db, &[hypervisor_id]).await?)
}

pub async fn one(ctx: &Context, actor: &Actor, (hypervisor_id, id): (i64, i64)) -> Result<entity::Model, Error> {
    let all = list(ctx, actor, hypervisor_id).await?;
    all.into_iter().find(|network| network.id == id).ok_or(Error::NotFound(NETWORK))
}

pub async fn create(
    ctx: &Context,
    actor: &Actor,
    hypervisor_id: i64,
    input: CreateHypervisorNetwork,
) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, input) = (ctx.clone(), actor.clone(), input.clone());
        Box::pin(async move {
            let node = hypervisor::lock(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
            let others = networks::of_hypervisors(tx, &[hypervisor_id]).await?;
            let bridge = input.bridge.trim().to_owned();
            let new = NewNetwork {
                hypervisor_id,
                made: is_made(&node, &bridge),
                name: input.name.trim().to_owned(),
                kind: input.r#type.unwrap_or_else(|| SIMPLE_BRIDGE.to_owned()),
                bridge,
                mtu: input.mtu.map(|mtu| i32::try_from(mtu).unwrap_or(0)),
                is_primary: others.is_empty(),
                ip_block_group_id: input.ip_block_group_id,
                now,
            };
            let mut errors = Vec::new();
            rules::text(&mut errors, "name", &new.name, 3, 30);
            check(&mut errors, &node, (&new.kind, &new.bridge, new.mtu));
            check_group(tx, &mut errors, new.ip_block_group_id).await?;
            if others.len() >= MOST {
                errors.push(format!("A hypervisor has at most {MOST} networks."));
            }
            rules::done(errors)?;
            let made = networks::create(tx, new).await?;
            if made.made {
                follow(&ctx, tx, hypervisor_id).await?;
            }
            let subject = (NODE, hypervisor_id);
            audit::record(tx, entry(&actor, now, "create_network", subject, None, Some(shown(&made)))).await?;
            Ok(made)
        })
    });
    let made = made.await.map_err(taken)?;
    ctx.nudge.notify_one();
    Ok(made)
}

/// Whether the node makes the bridge: its owner lets the control server name bridges that begin so.
fn is_made(node: &node_entity::Model, bridge: &str) -> bool {
    let prefix = node.facts.get("bridgePrefix").and_then(Value::as_str).unwrap_or_default();
    !prefix.is_empty() && bridge.starts_with(prefix)
}

/// Queues that the node makes the bridges that it is to make, by a job of its own for each change.
async fn follow(ctx: &Context, tx: &Tx, hypervisor_id: i64) -> Result<(), Error> {
    let subject = Subject { server_id: None, hypervisor_id: Some(hypervisor_id) };
    let once = (ctx.rng.uuid(), ctx.now());
    queue::put(tx, queue::new_job(Kind::Networks, "change_networks", subject, false, json!({}), once)).await?;
    Ok(())
}

pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (hypervisor_id, id): (i64, i64),
    input: UpdateHypervisorNetwork,
) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, input) = (ctx.clone(), actor.clone(), input.clone());
        Box::pin(async move {
            let node = hypervisor::lock(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
            let row = found(tx, hypervisor_id, id).await?;
            let changed = changed(tx, &node, &row, input).await?;
            let Some((before, after)) = differences(shown(&row), shown(&changed)) else { return Ok(row) };
            let told = |network: &entity::Model| (network.bridge.clone(), network.mtu);
            let is_routed = |network: &entity::Model| network.kind == ROUTED;
            let follows = told(&row) != told(&changed) || is_routed(&row) != is_routed(&changed);
            let makes = |network: &entity::Model| network.made.then(|| told(network));
            let remade = makes(&row) != makes(&changed);
            let changed = networks::update(tx, changed, now).await?;
            if remade {
                self::follow(&ctx, tx, hypervisor_id).await?;
            }
            if follows {
                for server in networks::renew_specifications(tx, id).await? {
                    if let Some(server) = servers::by_id(tx, server).await? {
                        queue::enqueue_apply(&ctx, tx, &server, now).await?;
                    }
                }
            }
            let subject = (NODE, hypervisor_id);
            audit::record(tx, entry(&actor, now, "update_network", subject, Some(before), Some(after))).await?;
            Ok(changed)
        })
    });
    let changed = changed.await.map_err(taken)?;
    ctx.nudge.notify_one();
    Ok(changed)
}

/// The row as it is to be; every mistake at once.
async fn changed(
    tx: &Tx,
    node: &node_entity::Model,
    row: &entity::Model,
    input: UpdateHypervisorNetwork,
) -> Result<entity::Model, Error> {
    let UpdateHypervisorNetwork { name, bridge, r#type, mtu, default, ip_block_group_id } = input;
    let mut errors = Vec::new();
    let mut new = row.clone();
    if let Some(name) = name {
        rules::text(&mut errors, "name", &name, 3, 30);
        new.name = name.trim().to_owned();
        if row.is_primary && new.name != row.name {
            errors.push("The name of the primary network can't be changed.".to_owned());
        }
    }
    new.bridge = bridge.map_or(new.bridge, |bridge| bridge.trim().to_owned());
    if new.bridge != row.bridge {
        new.made = is_made(node, &new.bridge);
    }
    new.kind = r#type.unwrap_or(new.kind);
    new.mtu = mtu.map_or(new.mtu, |mtu| mtu.map(|mtu| i32::try_from(mtu).unwrap_or(0)));
    if (&new.bridge, &new.kind, new.mtu) != (&row.bridge, &row.kind, row.mtu) {
        check(&mut errors, node, (&new.kind, &new.bridge, new.mtu));
    }
    if default == Some(false) && row.is_default {
        errors.push("The default must be another network's before it is not this one's.".to_owned());
    }
    new.is_default = default.unwrap_or(row.is_default);
    if let Some(group) = ip_block_group_id {
        check_group(tx, &mut errors, group).await?;
        new.ip_block_group_id = group;
    }
    if new.bridge != row.bridge {
        let (interfaces, _) = networks::bound(tx, row.id).await?;
        if interfaces > 0 {
            errors.push(format!("The bridge can't be changed: {interfaces} interfaces of servers are attached to it."));
        }
    }
    rules::done(errors)?;
    Ok(new)
}

pub async fn remove(
    ctx: &Context,
    actor: &Actor,
    (hypervisor_id, id): (i64, i64),
    confirm: Confirm,
) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            // With the lock no create can attach a server meanwhile.
            hypervisor::lock(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
            let row = found(tx, hypervisor_id, id).await?;
            rules::confirmed(confirm)?;
            if row.is_primary {
                return Err(Error::invalid("The primary network of a hypervisor can't be removed."));
            }
            let (interfaces, blocks) = networks::bound(tx, id).await?;
            if interfaces + blocks > 0 {
                return Err(Error::invalid(format!(
                    "Network {} is in use: {interfaces} interfaces of servers are attached to it, and {blocks} IP blocks \
                     are bound to it.",
                    row.name
                )));
            }
            if row.is_default {
                return Err(Error::invalid("New servers are attached to the network; make another one the default."));
            }
            networks::remove(tx, id).await?;
            if row.made {
                follow(&ctx, tx, hypervisor_id).await?;
            }
            let subject = (NODE, hypervisor_id);
            Ok(audit::record(tx, entry(&actor, now, "remove_network", subject, Some(shown(&row)), None)).await?)
        })
    });
    removed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

async fn found(tx: &Tx, hypervisor_id: i64, id: i64) -> Result<entity::Model, Error> {
    let row = networks::by_id(tx, id).await?.filter(|row| row.hypervisor_id == hypervisor_id);
    row.ok_or(Error::NotFound(NETWORK))
}

async fn check_group(tx: &Tx, errors: &mut Vec<String>, group: Option<i64>) -> Result<(), Error> {
    if let Some(id) = group
        && ip_block_group::by_id(tx, id).await?.is_none()
    {
        errors.push("The ipBlockGroupId must be an IP block group's, or null.".to_owned());
    }
    Ok(())
}

/// Type, bridge and MTU, against what the node said that its owner allows.
fn check(errors: &mut Vec<String>, node: &node_entity::Model, (kind, bridge, mtu): (&str, &str, Option<i32>)) {
    if !TYPES.contains(&kind) {
        errors.push(format!("The type must be {SIMPLE_BRIDGE}, {NAT}, {ROUTED} or {OPEN_VSWITCH}."));
    }
    if let Some(mtu) = mtu {
        rules::within(errors, "mtu", mtu.into(), MTU);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if bridge.is_empty() || bridge.len() > BRIDGE_LIMIT_CHARS || !bridge.chars().all(plain) {
        errors.push(format!("The bridge must have 1 to {BRIDGE_LIMIT_CHARS} characters of A-Za-z0-9_.-"));
        return;
    }
    if is_made(node, bridge) {
        if kind != SIMPLE_BRIDGE {
            errors.push(format!("The type must be {SIMPLE_BRIDGE}: the node makes the bridge {bridge}."));
        }
        return;
    }
    let told = node.facts.get("networks").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(known) = told.iter().find(|network| network["bridge"] == bridge) else {
        let names: Vec<&str> = told.iter().filter_map(|network| network["bridge"].as_str()).collect();
        let listed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        errors.push(format!(
            "The bridge must be one that the configuration of the node's agent lists, which are: {listed}. One that was \
             added there is known once the agent was restarted."
        ));
        return;
    };
    if known["exists"] == false {
        errors.push(format!("The bridge {bridge} is listed by the node's agent and is not there on the node."));
    }
    if kind == NAT && known["nat"] != true {
        errors.push(format!("The type can't be {NAT}: the node does not translate addresses behind {bridge}."));
    }
    if (kind == ROUTED) != (known["routed"] == true) && known["exists"] != false {
        let is = if known["routed"] == true { "routes" } else { "does not route" };
        errors.push(format!("The type can't be {kind}: the node {is} to single addresses by {bridge}."));
    }
    if (kind == OPEN_VSWITCH) != (known["openvswitch"] == true) {
        let is = if known["openvswitch"] == true { "is" } else { "is not" };
        errors.push(format!(
            "The type can't be {kind}: by the configuration of the node's agent {bridge} {is} a bridge of Open vSwitch."
        ));
    } else if let Some(why) = trouble(node, kind, bridge) {
        errors.push(format!("The bridge {bridge} can't be used now. {why}"));
    }
    let most = known["mtu"].as_i64().filter(|mtu| *mtu > 0);
    if let (Some(mtu), Some(most)) = (mtu, most)
        && i64::from(mtu) > most
    {
        errors.push(format!("The mtu must be at most {most}, the bridge's."));
    }
}

/// Why guests can't be attached to a network, as its node said when it looked; none where they can. A bridge of Open
/// vSwitch can be used once its node has found it good.
fn trouble(node: &node_entity::Model, kind: &str, bridge: &str) -> Option<String> {
    if kind != OPEN_VSWITCH {
        return None;
    }
    let told = node.facts.get("networks").and_then(Value::as_array);
    let known = told.and_then(|told| told.iter().find(|of| of["bridge"] == bridge && of["openvswitch"] == true));
    match known.map(|known| known["trouble"].as_str().unwrap_or_default()) {
        Some("") => None,
        Some(why) => Some(why.to_owned()),
        None => Some("Its node does not have it as a bridge of Open vSwitch.".to_owned()),
    }
}

/// Whether new guests can be attached to the network.
pub fn is_usable(node: &node_entity::Model, network: &entity::Model) -> bool {
    trouble(node, &network.kind, &network.bridge).is_none()
}

/// Refuses an interface on a network that can't be used now.
pub async fn require_usable(tx: &Tx, network: &entity::Model) -> Result<(), Error> {
    let node = hypervisor::by_id(tx, network.hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
    match trouble(&node, &network.kind, &network.bridge) {
        None => Ok(()),
        Some(why) => Err(Error::invalid(format!(
            "The hypervisorNetworkId can't be {}: the bridge {} can't be used now. {why}",
            network.id, network.bridge
        ))),
    }
}

fn shown(row: &entity::Model) -> Value {
    json!({ "id": row.id, "name": row.name, "type": row.kind, "bridge": row.bridge, "mtu": row.mtu,
            "made": row.made, "default": row.is_default, "ipBlockGroupId": row.ip_block_group_id })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("hypervisor_networks", &["hypervisor_id", "bridge"]) => {
            Error::Conflict("The bridge is a network of the hypervisor already.".to_owned())
        }
        other => other,
    }
}
