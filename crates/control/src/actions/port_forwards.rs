//! Ports of a node that lead to a server behind its address translation.

use std::net::Ipv4Addr;

use berth_api::v1::port_forward::CreatePortForward;
use berth_store::{
    Tx,
    entity::{hypervisor as node_entity, port_forward as entity, server_interface},
    hypervisor, hypervisor_network, ipv4_address,
    port_forward::{self as store, NewForward},
    server as servers,
};
use serde_json::{Value, json};

use super::{
    hypervisor_networks::NAT,
    interfaces::{Change, Locked},
    rules,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
};

pub const FORWARD: &str = "port forward";
/// Ports of nodes that may lead to servers; agents know no others.
const PUBLIC_PORTS: std::ops::RangeInclusive<i64> = 10_000..=59_999;
/// Those that are given where none is asked for.
const GIVEN_PORTS: std::ops::RangeInclusive<i32> = 20_000..=29_999;
const PORTS: std::ops::RangeInclusive<i64> = 1..=65_535;
/// Forwards of one server.
const MOST: usize = 64;

/// A forward with the interface that it leads to and the node that has the port.
pub struct Shown {
    pub row: entity::Model,
    pub interface: server_interface::Model,
    pub node: node_entity::Model,
}

pub async fn list(ctx: &Context, actor: &Actor, server_id: i64) -> Result<Vec<Shown>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let server = servers::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    let node = hypervisor::by_id(db, server.hypervisor_id).await?.ok_or(Error::NotFound("hypervisor"))?;
    let interfaces = berth_store::server_interface::of_server(db, server_id).await?;
    let ids: Vec<i64> = interfaces.iter().map(|interface| interface.id).collect();
    let shown = |row: entity::Model| {
        let interface = interfaces.iter().find(|interface| interface.id == row.interface_id)?.clone();
        Some(Shown { row, interface, node: node.clone() })
    };
    Ok(store::of_interfaces(db, &ids).await?.into_iter().filter_map(shown).collect())
}

pub async fn create(ctx: &Context, actor: &Actor, server_id: i64, input: CreatePortForward) -> Result<Shown, Error> {
    actor.require(Ability::Write)?;
    check(&input)?;
    let change = Change::new(ctx, actor, server_id);
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, input) = (change.clone(), input.clone());
        Box::pin(async move { insert(tx, &change, &input).await })
    });
    let made = made.await.map_err(taken)?;
    ctx.nudge.notify_one();
    Ok(made)
}

fn check(input: &CreatePortForward) -> Result<(), Error> {
    let mut errors = Vec::new();
    if !["tcp", "udp"].contains(&input.protocol.as_str()) {
        errors.push("The protocol must be tcp or udp.".to_owned());
    }
    if let Some(port) = input.public_port {
        rules::within(&mut errors, "publicPort", port, PUBLIC_PORTS);
    }
    rules::within(&mut errors, "port", input.port.unwrap_or(0), PORTS);
    rules::done(errors)
}

async fn insert(tx: &Tx, change: &Change, input: &CreatePortForward) -> Result<Shown, Error> {
    let locked = change.lock(tx).await?;
    let interface = locked.named(input.interface.as_deref())?.clone();
    // With the node's lock no other server is given the same port meanwhile.
    let node = hypervisor::lock(tx, locked.row.hypervisor_id).await?.ok_or(Error::NotFound("hypervisor"))?;
    let network = hypervisor_network::by_id(tx, interface.network_id).await?;
    if network.is_none_or(|network| network.kind != NAT) {
        return Err(Error::invalid(format!(
            "The interface must be on a network of type {NAT}: others' addresses are reached without port forwards."
        )));
    }
    if store::of_interfaces(tx, &locked.ids()).await?.len() >= MOST {
        return Err(Error::invalid(format!("A server has at most {MOST} port forwards.")));
    }
    let new = NewForward {
        hypervisor_id: node.id,
        interface_id: interface.id,
        protocol: input.protocol.clone(),
        public_port: public_port(tx, &node, input).await?,
        address: address(tx, &interface, input.address.as_deref()).await?,
        port: input.port.and_then(|port| i32::try_from(port).ok()).unwrap_or(0),
        now: change.now,
    };
    let row = store::insert(tx, new).await?;
    change.follow(tx, &locked.row).await?;
    change.record(tx, "create_port_forward", None, Some(told(&row))).await?;
    Ok(Shown { row, interface, node })
}

async fn public_port(tx: &Tx, node: &node_entity::Model, input: &CreatePortForward) -> Result<i32, Error> {
    if let Some(asked) = input.public_port.and_then(|port| i32::try_from(port).ok()) {
        if asked == node.port {
            return Err(Error::invalid("The publicPort must not be the one of the node's agent."));
        }
        return Ok(asked);
    }
    let used = store::used_ports(tx, node.id, &input.protocol).await?;
    let free = |port: &i32| *port != node.port && used.binary_search(port).is_err();
    GIVEN_PORTS.into_iter().find(free).ok_or_else(|| {
        Error::invalid("The publicPort must be named: all that are given by themselves lead somewhere already.")
    })
}

async fn address(tx: &Tx, interface: &server_interface::Model, asked: Option<&str>) -> Result<i64, Error> {
    let has = ipv4_address::of_interface(tx, interface.id).await?;
    let found = match asked {
        None => has.first(),
        Some(text) => {
            let number = text.trim().parse::<Ipv4Addr>().ok().map(|address| i64::from(u32::from(address)));
            has.iter().find(|row| Some(row.address) == number)
        }
    };
    found.map(|row| row.address).ok_or_else(|| Error::invalid("The address must be an IPv4 address of the interface."))
}

pub async fn remove(ctx: &Context, actor: &Actor, server_id: i64, id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let change = Change::new(ctx, actor, server_id);
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let change = change.clone();
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let row = found(tx, &locked, id).await?;
            store::remove(tx, row.id).await?;
            change.follow(tx, &locked.row).await?;
            change.record(tx, "remove_port_forward", Some(told(&row)), None).await
        })
    });
    removed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

async fn found(tx: &Tx, locked: &Locked, id: i64) -> Result<entity::Model, Error> {
    let all = store::of_interfaces(tx, &locked.ids()).await?;
    all.into_iter().find(|row| row.id == id).ok_or(Error::NotFound(FORWARD))
}

fn told(row: &entity::Model) -> Value {
    json!({ "protocol": row.protocol, "publicPort": row.public_port, "address": ipam::ipv4(row.address),
            "port": row.port })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("port_forwards", &["hypervisor_id", "protocol", "public_port"]) => {
            Error::Conflict("The publicPort of the hypervisor leads to a server already.".to_owned())
        }
        other => other,
    }
}
