//! Resource packs as they are sold: those that customers have several of, and those that bound hourly servers.

use berth_api::v1::{
    confirm::Confirm,
    self_service_pack::{CreateResourcePack, PackLimits, UpdateResourcePack},
};
use berth_store::{
    audit,
    entity::resource_pack::Model,
    self_service::pack::{self, Limits, NewPack},
};
use serde_json::{Value, json};

use crate::{
    Context, Error,
    actions::{differences, entry, rules},
    actor::{Ability, Actor},
};

/// The two have collections of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Resource,
    Hourly,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Resource => pack::RESOURCE,
            Kind::Hourly => pack::HOURLY,
        }
    }

    /// As a 404 calls it.
    pub fn thing(self) -> &'static str {
        match self {
            Kind::Resource => "resource pack",
            Kind::Hourly => "hourly resource pack",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Kind::Resource => "resource_pack",
            Kind::Hourly => "hourly_resource_pack",
        }
    }
}

/// MiB, GiB, GB or a number of them.
const MOST: i64 = 1_000_000_000;

pub async fn create(ctx: &Context, actor: &Actor, kind: Kind, input: CreateResourcePack) -> Result<Model, Error> {
    actor.require(Ability::Admin)?;
    let CreateResourcePack { name, enabled, limits } = input;
    let limits = read(limits);
    check(&name, &limits)?;
    let now = ctx.now();
    let new =
        NewPack { kind: kind.word(), name: name.trim().to_owned(), enabled: enabled.unwrap_or(true), limits, now };
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            let row = pack::insert(tx, new).await?;
            let (subject, after) = ((kind.subject(), row.id), Some(told(&row)));
            audit::record(tx, entry(&actor, now, "create_resource_pack", subject, None, after)).await?;
            Ok(row)
        })
    });
    made.await.map_err(taken)
}

/// Resource packs that customers have keep their limits; an hourly pack bounds all who have it as it is then.
pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (kind, id): (Kind, i64),
    input: UpdateResourcePack,
) -> Result<Model, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let row = pack::by_id(tx, kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
            let UpdateResourcePack { name, enabled, limits } = input;
            let mut to = row.clone();
            to.name = name.map_or(to.name, |name| name.trim().to_owned());
            to.enabled = enabled.unwrap_or(to.enabled);
            if let Some(limits) = limits {
                write(&mut to, &read(limits));
            }
            check(&to.name, &Limits::of(&to))?;
            let Some((before, after)) = differences(told(&row), told(&to)) else { return Ok(row) };
            let to = pack::update(tx, to, now).await?;
            let subject = (kind.subject(), id);
            let written = entry(&actor, now, "update_resource_pack", subject, Some(before), Some(after));
            audit::record(tx, written).await?;
            Ok(to)
        })
    });
    changed.await.map_err(taken)
}

/// Refused while customers have it.
pub async fn remove(ctx: &Context, actor: &Actor, (kind, id): (Kind, i64), confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    pack::by_id(ctx.store.read(), kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = pack::by_id(tx, kind.word(), id).await?.ok_or(Error::NotFound(kind.thing()))?;
            let uses = pack::uses(tx, id).await?;
            if uses > 0 {
                return Err(Error::invalid(format!("The resource pack {} was given {uses} times.", row.name)));
            }
            pack::remove(tx, id).await?;
            let (subject, before) = ((kind.subject(), id), Some(told(&row)));
            Ok(audit::record(tx, entry(&actor, now, "remove_resource_pack", subject, before, None)).await?)
        })
    });
    removed.await
}

fn read(limits: PackLimits) -> Limits {
    let PackLimits {
        total_servers,
        total_memory,
        total_storage,
        total_cpu,
        total_traffic,
        max_memory,
        max_storage,
        max_cpu,
        max_traffic,
    } = limits;
    Limits {
        total_servers,
        total_memory_mib: total_memory,
        total_storage_gib: total_storage,
        total_cpu,
        total_traffic_gb: total_traffic,
        max_memory_mib: max_memory,
        max_storage_gib: max_storage,
        max_cpu,
        max_traffic_gb: max_traffic,
    }
}

/// As the API writes them.
pub fn shown(limits: &Limits) -> PackLimits {
    PackLimits {
        total_servers: limits.total_servers,
        total_memory: limits.total_memory_mib,
        total_storage: limits.total_storage_gib,
        total_cpu: limits.total_cpu,
        total_traffic: limits.total_traffic_gb,
        max_memory: limits.max_memory_mib,
        max_storage: limits.max_storage_gib,
        max_cpu: limits.max_cpu,
        max_traffic: limits.max_traffic_gb,
    }
}

fn write(row: &mut Model, limits: &Limits) {
    row.total_servers = limits.total_servers;
    row.total_memory_mib = limits.total_memory_mib;
    row.total_storage_gib = limits.total_storage_gib;
    row.total_cpu = limits.total_cpu;
    row.total_traffic_gb = limits.total_traffic_gb;
    row.max_memory_mib = limits.max_memory_mib;
    row.max_storage_gib = limits.max_storage_gib;
    row.max_cpu = limits.max_cpu;
    row.max_traffic_gb = limits.max_traffic_gb;
}

fn check(name: &str, limits: &Limits) -> Result<(), Error> {
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", name, 1, 100);
    for (field, limit) in [
        ("total_servers", limits.total_servers),
        ("total_memory", limits.total_memory_mib),
        ("total_storage", limits.total_storage_gib),
        ("total_cpu", limits.total_cpu),
        ("total_traffic", limits.total_traffic_gb),
        ("max_memory", limits.max_memory_mib),
        ("max_storage", limits.max_storage_gib),
        ("max_cpu", limits.max_cpu),
        ("max_traffic", limits.max_traffic_gb),
    ] {
        rules::within(&mut errors, &format!("limits.{field}"), limit, 0..=MOST);
    }
    rules::done(errors)
}

fn told(row: &Model) -> Value {
    json!({ "name": row.name, "enabled": row.enabled, "limits": shown(&Limits::of(row)) })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("resource_packs", &["kind", "name"]) => {
            Error::Conflict("A resource pack of that name exists already.".to_owned())
        }
        other => other,
    }
}
