//! What addresses are called: wished here, written by a job.

use std::net::IpAddr;

use berth_api::v1::dns::NameAddress;
use berth_store::{
    Db, Tx, address_holder, audit,
    entity::{ptr_record as entity, rdns_zone as zone_entity},
    job,
    ptr_record::{self, Wish},
    rdns_zone,
};
use ipnet::IpNet;
use serde_json::json;

use super::{entry, rdns_zones::ZONES_LIMIT};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    dns::names,
    jobs::{Kind, ptr::PtrPayload},
};

/// Which family an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// The record, and the queue item that writes it.
pub async fn name(
    ctx: &Context,
    actor: &Actor,
    family: Family,
    input: NameAddress,
) -> Result<(entity::Model, i64), Error> {
    actor.require(Ability::Write)?;
    let address = address(family, &input.address)?;
    let ptr = match input.ptr.as_deref() {
        None => None,
        Some(text) => Some(names::host_name(text).ok_or_else(|| {
            Error::invalid(
                "The ptr must be a host name of at least two labels of letters, digits and hyphens, or null.",
            )
        })?),
    };
    let now = ctx.now();
    let wished = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, ptr) = (ctx.clone(), actor.clone(), ptr.clone());
        Box::pin(async move {
            let server_id = holder(tx, address)
                .await?
                .ok_or_else(|| Error::invalid(format!("The address {address} is not one that a server holds.")))?;
            let zone = zone_of(tx, address).await?.ok_or_else(|| {
                Error::invalid(format!("The address {address} is in no zone of reverse names that is enabled."))
            })?;
            let before = ptr_record::by_address(tx, &address.to_string()).await?;
            let wish = Wish { zone_id: zone.id, server_id, address: address.to_string(), ptr, now };
            let record = ptr_record::wish(tx, wish).await?;
            let record =
                record.ok_or_else(|| Error::invalid(format!("The address {address} has no name to clear.")))?;
            let queue_id = enqueue(&ctx, tx, &record).await?;
            let (before, after) = (json!({ "ptr": before.and_then(|row| row.ptr) }), json!({ "ptr": record.ptr }));
            let subject = ("server", server_id);
            audit::record(tx, entry(&actor, now, "name_address", subject, Some(before), Some(after))).await?;
            Ok((record, queue_id))
        })
    });
    let wished = wished.await?;
    ctx.nudge.notify_one();
    Ok(wished)
}

fn address(family: Family, text: &str) -> Result<IpAddr, Error> {
    let parsed = text.trim().parse::<IpAddr>().ok();
    match (family, parsed) {
        (Family::V4, Some(address @ IpAddr::V4(_))) | (Family::V6, Some(address @ IpAddr::V6(_))) => Ok(address),
        (Family::V4, _) => Err(Error::invalid("The address must be an IPv4 address.")),
        (Family::V6, _) => Err(Error::invalid("The address must be an IPv6 address.")),
    }
}

/// The server that holds the address now.
pub async fn holder(db: &impl Db, address: IpAddr) -> Result<Option<i64>, Error> {
    let address = match address {
        IpAddr::V4(address) => return Ok(address_holder::of_ipv4(db, address.into()).await?),
        IpAddr::V6(address) => address,
    };
    let lengths = address_holder::ipv6_lengths(db).await?;
    let cut = |length: i32| {
        let net = ipnet::Ipv6Net::new(address, u8::try_from(length).ok()?).ok()?;
        Some((net.network().to_string(), length))
    };
    let subnets: Vec<(String, i32)> = lengths.into_iter().filter_map(cut).collect();
    Ok(address_holder::of_ipv6(db, &subnets).await?)
}

/// The enabled zone of the smallest network that the address is in.
async fn zone_of(db: &impl Db, address: IpAddr) -> Result<Option<zone_entity::Model>, Error> {
    let zones = rdns_zone::all(db, ZONES_LIMIT).await?.into_iter().filter(|zone| zone.enabled);
    let of = zones.filter_map(|zone| {
        let network: IpNet = zone.network.parse().ok()?;
        network.contains(&address).then_some((network.prefix_len(), zone))
    });
    Ok(of.max_by_key(|(length, _)| *length).map(|(_, zone)| zone))
}

/// Writes the newest wish to the DNS server.
pub async fn enqueue(ctx: &Context, tx: &Tx, record: &entity::Model) -> Result<i64, Error> {
    let (kind, now) = (Kind::Ptr, ctx.now());
    let limit = i64::try_from(kind.time_limit().as_micros()).unwrap_or(i64::MAX / 4);
    let payload = PtrPayload { record_id: record.id, address: record.address.clone() };
    let new = job::NewJob {
        uuid: ctx.rng.uuid(),
        kind: kind.name(),
        action: "name_address".to_owned(),
        server_id: Some(record.server_id),
        hypervisor_id: None,
        lane: job::LANE_NAMES,
        exclusive: false,
        step: kind.first_step().to_owned(),
        payload: serde_json::to_value(payload).map_err(anyhow::Error::from)?,
        run_at: now,
        deadline_at: now.saturating_add(limit),
        now,
    };
    Ok(job::enqueue(tx, new).await?.id)
}

/// Clears names of addresses that their server no longer holds, so that the next holder does not answer to them.
pub async fn clear_stale(ctx: &Context) -> Result<(), Error> {
    const AT_ONCE: u64 = 500;
    let mut last = 0;
    loop {
        let records = ptr_record::after(ctx.store.read(), last, AT_ONCE).await?;
        let Some(newest) = records.last() else { return Ok(()) };
        last = newest.id;
        for record in records.into_iter().filter(|record| record.ptr.is_some()) {
            let Ok(address) = record.address.parse::<IpAddr>() else { continue };
            if holder(ctx.store.read(), address).await? != Some(record.server_id) {
                clear(ctx, address, &record).await?;
            }
        }
    }
}

async fn clear(ctx: &Context, address: IpAddr, record: &entity::Model) -> Result<(), Error> {
    let now = ctx.now();
    let cleared = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, record) = (ctx.clone(), record.clone());
        Box::pin(async move {
            // Named anew by its next holder meanwhile.
            let same = ptr_record::by_id(tx, record.id).await?.is_some_and(|row| row.revision == record.revision);
            if !same || holder(tx, address).await? == Some(record.server_id) {
                return Ok(());
            }
            let (zone_id, server_id) = (record.zone_id, record.server_id);
            let wish = Wish { zone_id, server_id, address: record.address.clone(), ptr: None, now };
            if let Some(row) = ptr_record::wish(tx, wish).await? {
                enqueue(&ctx, tx, &row).await?;
                let before = json!({ "address": record.address, "ptr": record.ptr });
                let subject = ("server", server_id);
                let written = entry(&Actor::system(), now, "clear_address_name", subject, Some(before), None);
                audit::record(tx, written).await?;
            }
            Ok(())
        })
    });
    cleared.await?;
    ctx.nudge.notify_one();
    Ok(())
}
