//! Zones of names of addresses.

use berth_api::v1::dns::{CreateRdnsZone, ModifyRdnsZone};
use berth_store::{
    audit, dns_service,
    entity::rdns_zone as entity,
    ptr_record,
    rdns_zone::{self, NewZone},
};
use ipnet::IpNet;
use serde_json::{Value, json};

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    dns::{names, powerdns::PowerDns},
};

const TTL_S: std::ops::RangeInclusive<i64> = 60..=604_800;
const TTL_DEFAULT_S: i64 = 3_600;
/// All of them are read to find an address's zone.
pub const ZONES_LIMIT: u64 = 10_000;

/// The server must have the zone already: who delegates it is not ours to decide.
pub async fn create(ctx: &Context, actor: &Actor, input: CreateRdnsZone) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let (network, name) = place(&input)?;
    let ttl_s = input.ttl.unwrap_or(TTL_DEFAULT_S);
    let service = dns_service::by_id(ctx.store.read(), input.service_id).await?;
    let service = service.ok_or_else(|| Error::invalid("The serviceId names no DNS service."))?;
    match PowerDns::open(ctx, &service)?.has_zone(&name).await {
        Ok(true) => {}
        Ok(false) => {
            return Err(Error::invalid(format!(
                "The DNS service '{}' has no zone {name}; make it there first.",
                service.name
            )));
        }
        Err(error) => return Err(Error::invalid(format!("The zone {name} can't be looked up: {error}."))),
    }
    let now = ctx.now();
    let new = NewZone {
        service_id: service.id,
        name,
        network: network.to_string(),
        ttl_s: i32::try_from(ttl_s).unwrap_or(i32::MAX),
        now,
    };
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            if rdns_zone::page(tx, 0, 1).await?.1 >= ZONES_LIMIT {
                return Err(Error::invalid(format!("There are {ZONES_LIMIT} zones, the most there can be.")));
            }
            let row = rdns_zone::insert(tx, new).await?;
            let subject = ("rdns_zone", row.id);
            audit::record(tx, entry(&actor, now, "create_rdns_zone", subject, None, Some(shown(&row)))).await?;
            Ok(row)
        })
    });
    made.await.map_err(|error| match error {
        Error::Store(store)
            if store.violates("rdns_zones", &["name"]) || store.violates("rdns_zones", &["network"]) =>
        {
            Error::Conflict("There is a zone of that name or network already.".to_owned())
        }
        other => other,
    })
}

/// The network, and the zone's name, which holds all of it.
fn place(input: &CreateRdnsZone) -> Result<(IpNet, String), Error> {
    let mut errors = Vec::new();
    rules::within(&mut errors, "ttl", input.ttl.unwrap_or(TTL_DEFAULT_S), TTL_S);
    let network = input.network.trim().parse::<IpNet>().ok().filter(|network| network.trunc() == *network);
    let network = network.filter(|network| network.prefix_len() > 0);
    if network.is_none() {
        errors.push("The network must be an IPv4 or IPv6 network such as 192.0.2.0/24, without host bits.".to_owned());
    }
    let name = match (&input.name, network) {
        (Some(name), _) => {
            let name = names::zone_name(name);
            if name.is_none() {
                errors.push("The name must be a zone below in-addr.arpa or ip6.arpa.".to_owned());
            }
            name
        }
        (None, Some(network)) => {
            let name = names::own_zone(network);
            if name.is_none() {
                errors.push("The name is needed: a network of this length is no zone by itself.".to_owned());
            }
            name
        }
        (None, None) => None,
    };
    if let (Some(network), Some(name)) = (network, &name)
        && !names::zone_holds(name, network)
    {
        errors.push(format!("The name {name} is no zone that holds the names of all of {network}."));
    }
    rules::done(errors)?;
    match (network, name) {
        (Some(network), Some(name)) => Ok((network, name)),
        _ => Err(Error::invalid("The network is needed.")),
    }
}

pub async fn modify(ctx: &Context, actor: &Actor, id: i64, input: ModifyRdnsZone) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let mut errors = Vec::new();
    if let Some(ttl) = input.ttl {
        rules::within(&mut errors, "ttl", ttl, TTL_S);
    }
    rules::done(errors)?;
    let (now, ttl_s) = (ctx.now(), input.ttl.and_then(|ttl| i32::try_from(ttl).ok()));
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let before = rdns_zone::by_id(tx, id).await?.ok_or(Error::NotFound("rdns zone"))?;
            let after = rdns_zone::change(tx, before.clone(), ttl_s, input.enabled, now).await?;
            let (before, shown_after) = (Some(shown(&before)), Some(shown(&after)));
            let subject = ("rdns_zone", id);
            audit::record(tx, entry(&actor, now, "modify_rdns_zone", subject, before, shown_after)).await?;
            Ok(after)
        })
    });
    changed.await
}

/// Refused while there are names in it, with their number. The zone on the DNS server stays.
pub async fn delete(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let deleted = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = rdns_zone::by_id(tx, id).await?.ok_or(Error::NotFound("rdns zone"))?;
            let records = ptr_record::count_of_zone(tx, id).await?;
            if records > 0 {
                return Err(Error::invalid(format!("The zone has {records} names; clear those first.")));
            }
            let before = Some(shown(&row));
            rdns_zone::delete(tx, row).await?;
            let subject = ("rdns_zone", id);
            Ok(audit::record(tx, entry(&actor, now, "delete_rdns_zone", subject, before, None)).await?)
        })
    });
    deleted.await
}

fn shown(row: &entity::Model) -> Value {
    json!({ "name": row.name, "network": row.network, "ttl": row.ttl_s, "enabled": row.enabled })
}
