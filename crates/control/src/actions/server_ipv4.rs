//! IPv4 addresses that a server's interface gets and loses: all that were asked for, or none.

use std::net::Ipv4Addr;

use berth_api::v1::server_addresses::{AddIpv4Quantity, InterfaceIpv4, ServerIpv4Change};
use berth_store::{
    Tx,
    entity::{ip_block, ipv4_address as entity, server_interface},
    ip_block_binding, ipv4_address, port_forward,
};
use serde_json::json;

use super::{
    interfaces::{Change, Locked},
    rules,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
};

/// Addresses that one call gives or takes.
pub const MOST_AT_ONCE: usize = 100;
/// Addresses of one interface.
pub const MOST_ON_INTERFACE: usize = 256;

/// Which addresses are meant.
#[derive(Clone, Debug)]
pub enum Which {
    Named { field: &'static str, numbers: Vec<i64> },
    Ids(Vec<i64>),
    Quantity(u32),
}

/// Where: as a path names an interface, or as a body does.
#[derive(Clone, Debug)]
pub enum Where {
    Path(String),
    Body(Option<String>),
}

impl Where {
    fn of<'a>(&self, locked: &'a Locked) -> Result<&'a server_interface::Model, Error> {
        match self {
            Where::Path(reference) => locked.at(reference),
            Where::Body(asked) => locked.named(asked.as_deref()),
        }
    }
}

/// The next free ones.
pub async fn add_quantity(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    input: AddIpv4Quantity,
) -> Result<Vec<Ipv4Addr>, Error> {
    actor.require(Ability::Write)?;
    let which = Which::Quantity(quantity(input.quantity)?);
    add(ctx, actor, server_id, Where::Body(input.interface), which).await
}

pub async fn add_named(ctx: &Context, actor: &Actor, server_id: i64, input: ServerIpv4Change) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let which = Which::Named { field: "ip", numbers: numbers("ip", &input.ip)? };
    add(ctx, actor, server_id, Where::Body(input.interface), which).await.map(drop)
}

/// Where no interface is named, the addresses are found wherever they are.
pub async fn remove_named(ctx: &Context, actor: &Actor, server_id: i64, input: ServerIpv4Change) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let which = Which::Named { field: "ip", numbers: numbers("ip", &input.ip)? };
    let at = input.interface.filter(|asked| !asked.trim().is_empty()).map(|asked| Where::Body(Some(asked)));
    remove(ctx, actor, server_id, at, which).await.map(drop)
}

/// Which of the three a body of the newer operations asks for.
pub fn which(input: &InterfaceIpv4) -> Result<Which, Error> {
    let InterfaceIpv4 { ids, addresses, quantity: asked } = input;
    match (ids.is_empty(), addresses.is_empty(), asked.is_none()) {
        (false, true, true) if ids.len() <= MOST_AT_ONCE => Ok(Which::Ids(ids.clone())),
        (true, false, true) => Ok(Which::Named { field: "addresses", numbers: numbers("addresses", addresses)? }),
        (true, true, false) => Ok(Which::Quantity(quantity(*asked)?)),
        _ => Err(Error::invalid(format!(
            "One of ids, addresses and quantity must be there, and name 1 to {MOST_AT_ONCE} addresses."
        ))),
    }
}

fn quantity(asked: Option<i64>) -> Result<u32, Error> {
    let most = i64::try_from(MOST_AT_ONCE).unwrap_or(i64::MAX);
    let mut errors = Vec::new();
    rules::within(&mut errors, "quantity", asked.unwrap_or(0), 1..=most);
    rules::done(errors)?;
    Ok(asked.and_then(|asked| u32::try_from(asked).ok()).unwrap_or(0))
}

fn numbers(field: &str, texts: &[String]) -> Result<Vec<i64>, Error> {
    if texts.is_empty() || texts.len() > MOST_AT_ONCE {
        return Err(Error::invalid(format!("The {field} must be 1 to {MOST_AT_ONCE} IPv4 addresses.")));
    }
    let parse = |text: &String| text.trim().parse::<Ipv4Addr>().map(|address| i64::from(u32::from(address)));
    let parsed = texts.iter().map(parse).collect::<Result<Vec<_>, _>>();
    let mut numbers = parsed.map_err(|_| Error::invalid(format!("The {field} must be IPv4 addresses.")))?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

pub async fn add(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    at: Where,
    which: Which,
) -> Result<Vec<Ipv4Addr>, Error> {
    actor.require(Ability::Write)?;
    let change = Change::new(ctx, actor, server_id);
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, at, which) = (change.clone(), at.clone(), which.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interface = at.of(&locked)?;
            let given = give(tx, &change, interface, &which).await?;
            change.follow(tx, &locked.row).await?;
            let after = json!({ "interface": interface.tag, "ipv4": given });
            change.record(tx, "add_server_ipv4", None, Some(after)).await?;
            Ok(given)
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
    which: &Which,
) -> Result<Vec<Ipv4Addr>, Error> {
    let has = ipv4_address::of_interface(tx, interface.id).await?;
    let blocks = serving(tx, interface).await?;
    let given = match which {
        Which::Quantity(quantity) => next(tx, change, interface, &blocks, &has, *quantity).await?,
        Which::Named { field, numbers } => {
            let rows = ipv4_address::by_addresses(tx, numbers).await?;
            if let Some(strange) = numbers.iter().find(|number| rows.iter().all(|row| row.address != **number)) {
                let address = ipam::ipv4(*strange);
                return Err(Error::invalid(format!("The {field} {address} is in no IP block.")));
            }
            these(tx, change, interface, (&blocks, &has), (field, rows)).await?
        }
        Which::Ids(ids) => {
            let rows = ipv4_address::by_ids(tx, ids).await?;
            if let Some(strange) = ids.iter().find(|id| rows.iter().all(|row| row.id != **id)) {
                return Err(Error::invalid(format!("The ids must be addresses': {strange} is none.")));
            }
            these(tx, change, interface, (&blocks, &has), ("ids", rows)).await?
        }
    };
    if has.len() + given.len() > MOST_ON_INTERFACE {
        return Err(Error::invalid(format!("An interface has at most {MOST_ON_INTERFACE} IPv4 addresses.")));
    }
    Ok(given.into_iter().map(|row| ipam::ipv4(row.address)).collect())
}

/// Enabled IPv4 blocks that may give to an interface, in order.
async fn serving(tx: &Tx, interface: &server_interface::Model) -> Result<Vec<ip_block::Model>, Error> {
    let blocks = ip_block_binding::giving_to_network(tx, interface.network_id).await?;
    let profile = interface.network_profile;
    let serves = |block: &ip_block::Model| block.family == 4 && (profile == 0 || block.network_profile == profile);
    Ok(blocks.into_iter().filter(serves).collect())
}

fn position_after(has: &[entity::Model]) -> i32 {
    has.iter().map(|row| row.position).max().unwrap_or(0) + 1
}

async fn next(
    tx: &Tx,
    change: &Change,
    interface: &server_interface::Model,
    blocks: &[ip_block::Model],
    has: &[entity::Model],
    quantity: u32,
) -> Result<Vec<entity::Model>, Error> {
    let (mut given, first, rested) = (Vec::new(), position_after(has), change.ctx.rested_since(change.now));
    for block in blocks {
        let missing = quantity.saturating_sub(u32::try_from(given.len()).unwrap_or(u32::MAX));
        let position = first + i32::try_from(given.len()).unwrap_or(0);
        given.extend(ipv4_address::allocate(tx, block.id, interface.id, position, missing, rested, change.now).await?);
    }
    if given.len() < quantity as usize {
        return Err(Error::invalid(format!(
            "The quantity can't be given: the IP blocks of the interface's network have fewer than {quantity} free IPv4 \
             addresses."
        )));
    }
    Ok(given)
}

/// Those that the interface has already are no mistake, and are not given again.
async fn these(
    tx: &Tx,
    change: &Change,
    interface: &server_interface::Model,
    (blocks, has): (&[ip_block::Model], &[entity::Model]),
    (field, rows): (&str, Vec<entity::Model>),
) -> Result<Vec<entity::Model>, Error> {
    let mut wanted = Vec::new();
    for row in rows {
        let address = ipam::ipv4(row.address);
        if row.interface_id == Some(interface.id) {
            continue;
        }
        if row.interface_id.is_some() {
            return Err(Error::invalid(format!("The {field} {address} is in use already.")));
        }
        if blocks.iter().all(|block| block.id != row.block_id) {
            return Err(Error::invalid(format!(
                "The {field} {address} is of an IP block that does not serve the interface's network."
            )));
        }
        wanted.push(row.address);
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let given = ipv4_address::take(tx, &wanted, interface.id, position_after(has), change.now).await?;
    if given.len() == wanted.len() {
        Ok(given)
    } else {
        Err(Error::invalid(format!("The {field} are in use already.")))
    }
}

/// From one interface, or from whichever has them.
pub async fn remove(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    at: Option<Where>,
    which: Which,
) -> Result<Vec<Ipv4Addr>, Error> {
    actor.require(Ability::Write)?;
    let change = Change::new(ctx, actor, server_id);
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (change, at, which) = (change.clone(), at.clone(), which.clone());
        Box::pin(async move {
            let locked = change.lock(tx).await?;
            let interfaces = match &at {
                Some(at) => vec![at.of(&locked)?.id],
                None => locked.ids(),
            };
            let wanted = held(tx, &interfaces, &which).await?;
            let gone = ipv4_address::release(tx, &interfaces, &wanted, change.now).await?;
            port_forward::remove_of_addresses(tx, &interfaces, &wanted).await?;
            change.follow(tx, &locked.row).await?;
            let gone: Vec<Ipv4Addr> = gone.into_iter().map(|row| ipam::ipv4(row.address)).collect();
            change.record(tx, "remove_server_ipv4", Some(json!({ "ipv4": gone })), None).await?;
            Ok(gone)
        })
    });
    let gone = removed.await?;
    ctx.nudge.notify_one();
    Ok(gone)
}

/// Numbers of the addresses that are meant, all of them the interfaces'.
async fn held(tx: &Tx, interfaces: &[i64], which: &Which) -> Result<Vec<i64>, Error> {
    let mut has = Vec::new();
    for interface in interfaces {
        has.extend(ipv4_address::of_interface(tx, *interface).await?);
    }
    match which {
        Which::Named { field, numbers } => {
            match numbers.iter().find(|number| has.iter().all(|row| row.address != **number)) {
                Some(strange) => {
                    let address = ipam::ipv4(*strange);
                    Err(Error::invalid(format!("The {field} {address} is not an address of the server's interface.")))
                }
                None => Ok(numbers.clone()),
            }
        }
        Which::Ids(ids) => {
            let of = |id: &i64| has.iter().find(|row| row.id == *id).map(|row| row.address);
            let found: Option<Vec<i64>> = ids.iter().map(of).collect();
            found.ok_or_else(|| Error::invalid("The ids must be of addresses that the interface has."))
        }
        Which::Quantity(quantity) if has.len() >= *quantity as usize => {
            Ok(has.iter().rev().take(*quantity as usize).map(|row| row.address).collect())
        }
        Which::Quantity(_) => {
            Err(Error::invalid(format!("The quantity must be at most {}, as many as it has.", has.len())))
        }
    }
}
