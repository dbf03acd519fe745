//! Addresses of an IPv4 block: added in ranges, kept back, taken out. What is in it already stays as it is; what is in
//! another block is refused.

use std::{net::Ipv4Addr, ops::RangeInclusive};

use berth_api::v1::ip_block::{AddIpv4, RemoveIpv4, ReserveIpv4};
use berth_store::{
    Micros, Tx, audit,
    entity::{ip_block as entity, ipv4_address as address_entity},
    ip_block, ipv4_address,
};
use ipnet::Ipv4Net;
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    ipam,
};

/// Addresses that one call adds.
pub const RANGE_LIMIT: u32 = 65_536;
/// Of a network that one call adds: as many addresses.
const SHORTEST_PREFIX: i64 = 16;
/// Addresses that one call names.
const NAMED_LIMIT: usize = 1_000;
pub const BLOCK: &str = "ip block";

/// What became of a range.
#[derive(Clone, Debug, Default)]
pub struct Added {
    pub added: u64,
    pub existing: Vec<Ipv4Addr>,
    pub kept_out: Vec<Ipv4Addr>,
}

/// Adds a range or a network to a block. Adding what the block has already changes nothing.
pub async fn add(ctx: &Context, actor: &Actor, block_id: i64, input: &AddIpv4) -> Result<Added, Error> {
    actor.require(Ability::Admin)?;
    let range = asked(input)?;
    let now = ctx.now();
    let added = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, range) = (actor.clone(), range.clone());
        Box::pin(async move {
            let block = ipv4_block(tx, block_id).await?;
            let added = insert(tx, &block, range.clone(), now).await?;
            let ends = [range.start(), range.end()].map(|end| Ipv4Addr::from(*end));
            let after = json!({ "start": ends[0], "end": ends[1], "added": added.added });
            let subject = ("ip_block", block.id);
            audit::record(tx, entry(&actor, now, "add_ipv4", subject, None, Some(after))).await?;
            Ok(added)
        })
    });
    added.await
}

/// A block of IPv4 that is there.
async fn ipv4_block(tx: &Tx, id: i64) -> Result<entity::Model, Error> {
    let block = ip_block::by_id(tx, id).await?.ok_or(Error::NotFound(BLOCK))?;
    if block.family == 4 { Ok(block) } else { Err(Error::invalid("The blockId must be an IPv4 block's.")) }
}

/// Inserts what is new of a range, in the transaction of whoever makes or changes the block.
pub async fn insert(tx: &Tx, block: &entity::Model, range: RangeInclusive<u32>, now: Micros) -> Result<Added, Error> {
    let there = ipv4_address::in_range(tx, &range).await?;
    if let Some(other) = there.iter().find(|row| row.block_id != block.id) {
        return Err(Error::invalid(overlap(tx, other).await?));
    }
    let existing: Vec<u32> = there.iter().filter_map(|row| u32::try_from(row.address).ok()).collect();
    let never = ipam::never_given(&block.gateway, block.prefix_len);
    let kept_out = range.clone().filter(|address| never.contains(address) && existing.binary_search(address).is_err());
    let kept_out: Vec<u32> = kept_out.collect();
    let new = range.filter(|address| existing.binary_search(address).is_err() && !kept_out.contains(address));
    let added = ipv4_address::add(tx, block.id, &new.collect::<Vec<_>>(), now).await?;
    let addresses = |numbers: Vec<u32>| numbers.into_iter().map(Ipv4Addr::from).collect();
    Ok(Added { added, existing: addresses(existing), kept_out: addresses(kept_out) })
}

async fn overlap(tx: &Tx, other: &address_entity::Model) -> Result<String, Error> {
    let name = ip_block::by_id(tx, other.block_id).await?.map(|block| block.name).unwrap_or_default();
    let address = ipam::ipv4(other.address);
    Ok(format!("The start and the end must not overlap other blocks: {address} is in block {name}."))
}

/// The addresses that a body asks for.
fn asked(input: &AddIpv4) -> Result<RangeInclusive<u32>, Error> {
    let kind = input.r#type.as_deref().map(str::trim).filter(|kind| !kind.is_empty());
    let by_range = input.start.is_some() || input.end.is_some();
    let range = match kind {
        Some("range") => ends(input),
        Some("network" | "prefix") => network(input),
        Some(_) => Err(Error::invalid("The type must be range or network.")),
        None if by_range => ends(input),
        None => network(input),
    }?;
    let usable = |end: &u32| {
        let address = Ipv4Addr::from(*end);
        !(address.octets()[0] == 0 || address.is_loopback() || address.octets()[0] >= 224)
    };
    if usable(range.start()) && usable(range.end()) && !(*range.start()..=*range.end()).contains(&LOOPBACK) {
        return Ok(range);
    }
    Err(Error::invalid(
        "The start and the end must be addresses of hosts: not of 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3.",
    ))
}

const LOOPBACK: u32 = 0x7F00_0001;

fn ends(input: &AddIpv4) -> Result<RangeInclusive<u32>, Error> {
    let mut errors = Vec::new();
    let start = ipv4_field(&mut errors, "start", input.start.as_deref());
    let end = ipv4_field(&mut errors, "end", input.end.as_deref());
    rules::done(errors)?;
    check_ends(("start", start), ("end", end))
}

/// A range from its ends, which have names in the body.
pub fn check_ends(first: (&str, u32), last: (&str, u32)) -> Result<RangeInclusive<u32>, Error> {
    let ((first_name, first), (last_name, last)) = (first, last);
    if last < first {
        return Err(Error::invalid(format!("The {last_name} must not be before the {first_name}.")));
    }
    if last - first >= RANGE_LIMIT {
        return Err(Error::invalid(format!(
            "The {first_name} and the {last_name} must span at most {RANGE_LIMIT} addresses."
        )));
    }
    Ok(first..=last)
}

fn network(input: &AddIpv4) -> Result<RangeInclusive<u32>, Error> {
    let mut errors = Vec::new();
    let address = ipv4_field(&mut errors, "network", input.network.as_deref());
    let prefix = input.prefix.unwrap_or(-1);
    rules::within(&mut errors, "prefix", prefix, SHORTEST_PREFIX..=32);
    rules::done(errors)?;
    let net = Ipv4Net::new(address.into(), u8::try_from(prefix).unwrap_or(32));
    let net = net.ok().filter(|net| u32::from(net.network()) == address);
    let net = net.ok_or_else(|| Error::invalid(format!("The network must be the first address of a /{prefix}.")))?;
    Ok(u32::from(net.network())..=u32::from(net.broadcast()))
}

fn ipv4_field(errors: &mut Vec<String>, field: &str, text: Option<&str>) -> u32 {
    match text.map(str::trim).and_then(|text| text.parse::<Ipv4Addr>().ok()) {
        Some(address) => address.into(),
        None => {
            errors.push(format!("The {field} must be an IPv4 address."));
            0
        }
    }
}

/// Keeps addresses back, or lets them be given again. One that a server has stays with it.
pub async fn reserve(ctx: &Context, actor: &Actor, block_id: i64, input: &ReserveIpv4) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let numbers = named(&input.addresses)?;
    let (now, reserved) = (ctx.now(), input.reserved);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, numbers) = (actor.clone(), numbers.clone());
        Box::pin(async move {
            let block = ipv4_block(tx, block_id).await?;
            let rows = of_block(tx, &block, &numbers).await?;
            let held: Vec<i64> = rows.iter().filter(|row| row.reserved).map(|row| row.address).collect();
            let before = json!({ "addresses": texts(&numbers), "reserved": texts(&held) });
            ipv4_address::set_reserved(tx, block.id, &numbers, reserved).await?;
            let after = json!({ "addresses": texts(&numbers), "reserved": reserved });
            let subject = ("ip_block", block.id);
            Ok(audit::record(tx, entry(&actor, now, "reserve_ipv4", subject, Some(before), Some(after))).await?)
        })
    });
    changed.await
}

/// Takes addresses out of a block. All of them are free, or none is taken.
pub async fn remove(ctx: &Context, actor: &Actor, block_id: i64, input: &RemoveIpv4) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    if !input.confirm {
        return Err(Error::invalid("The confirm must be true: the addresses leave the block."));
    }
    let numbers = named(&input.addresses)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, numbers) = (actor.clone(), numbers.clone());
        Box::pin(async move {
            let block = ipv4_block(tx, block_id).await?;
            let rows = of_block(tx, &block, &numbers).await?;
            if let Some(held) = rows.iter().find(|row| row.interface_id.is_some()) {
                let address = ipam::ipv4(held.address);
                return Err(Error::invalid(format!("The addresses must be free: a server has {address}.")));
            }
            ipv4_address::remove(tx, block.id, &numbers).await?;
            let before = json!({ "addresses": texts(&numbers) });
            let subject = ("ip_block", block.id);
            Ok(audit::record(tx, entry(&actor, now, "remove_ipv4", subject, Some(before), None)).await?)
        })
    });
    removed.await
}

fn named(addresses: &[String]) -> Result<Vec<i64>, Error> {
    if addresses.is_empty() || addresses.len() > NAMED_LIMIT {
        return Err(Error::invalid(format!("The addresses must be 1 to {NAMED_LIMIT} IPv4 addresses.")));
    }
    let number = |text: &String| {
        let parsed = text.trim().parse::<Ipv4Addr>();
        parsed.map(|address| i64::from(u32::from(address))).map_err(|_| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(50).collect();
            Error::invalid(format!("The addresses must be IPv4 addresses: {shown:?} is none."))
        })
    };
    let mut numbers = addresses.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

async fn of_block(tx: &Tx, block: &entity::Model, numbers: &[i64]) -> Result<Vec<address_entity::Model>, Error> {
    let rows = ipv4_address::by_addresses(tx, numbers).await?;
    let has = |number: &&i64| rows.iter().any(|row| row.address == **number && row.block_id == block.id);
    match numbers.iter().find(|number| !has(number)) {
        Some(strange) => {
            let address = ipam::ipv4(*strange);
            Err(Error::invalid(format!("The addresses must be the block's: {address} is not in it.")))
        }
        None => Ok(rows),
    }
}

fn texts(numbers: &[i64]) -> Vec<String> {
    numbers.iter().map(|number| ipam::ipv4(*number).to_string()).collect()
}
