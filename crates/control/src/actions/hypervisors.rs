//! Nodes that have joined: what an administrator changes of them, and their removal.

use berth_api::v1::{confirm::Confirm, hypervisor::UpdateHypervisor};
use berth_store::{Micros, Tx, audit, entity::hypervisor as entity, hypervisor, hypervisor_group, server as servers};
use serde_json::{Value, json};

use super::{differences, disk_order::CACHES, entry, queue, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

const MOST_SERVERS: i64 = 9_999;
const MOST_CPU: i64 = 9_999;
/// A pebibyte.
const MOST_MEMORY_MIB: i64 = 1 << 30;
/// An exbibyte.
const MOST_STORAGE_GIB: i64 = 1 << 30;
/// From a tenth to a hundredfold.
const OVERCOMMIT_PERCENT: std::ops::RangeInclusive<i64> = 10..=10_000;
pub const DISK_TYPES: [&str; 3] = ["inherit", "qcow2", "raw"];
/// The Global API's code of where a node keeps backups: nowhere.
pub const BACKUP_STORAGE_TYPE: i32 = 0;

/// Changes what is named. Servers that are there stay where they are, whatever the new limits say, and follow another
/// cache mode.
pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdateHypervisor) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    check(&input)?;
    let now = ctx.now();
    let changed = ctx
        .store
        .write_tx::<_, Error>(|tx| {
            let (ctx, actor, input) = (ctx.clone(), actor.clone(), input.clone());
            Box::pin(async move {
                let row = hypervisor::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
                require_group(tx, input.group_id).await?;
                let changed = apply(row.clone(), input);
                let Some((before, after)) = differences(shown(&row), shown(&changed)) else { return Ok(row) };
                let changed = hypervisor::update(tx, changed, now).await?;
                if row.default_disk_cache_type != changed.default_disk_cache_type {
                    follow_disk_caches(&ctx, tx, id, now).await?;
                }
                let subject = ("hypervisor", id);
                audit::record(tx, entry(&actor, now, "update_hypervisor", subject, Some(before), Some(after))).await?;
                Ok(changed)
            })
        })
        .await
        .map_err(taken)?;
    ctx.nudge.notify_one();
    Ok(changed)
}

/// Servers whose disks take the node's cache mode are defined anew; those that run have it from their next start on.
async fn follow_disk_caches(ctx: &Context, tx: &Tx, id: i64, now: Micros) -> Result<(), Error> {
    for server in hypervisor::renew_disk_caches(tx, id).await? {
        if let Some(server) = servers::by_id(tx, server).await? {
            queue::enqueue_apply(ctx, tx, &server, now).await?;
        }
    }
    Ok(())
}

/// Forgets a node. Refused while servers are on it. The node itself is not asked: it may be gone for good.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    hypervisor::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("hypervisor"))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            // With the lock no create can put a server there meanwhile.
            let row = hypervisor::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
            let (servers, deleting) = hypervisor::servers(tx, id).await?;
            if servers > 0 {
                return Err(Error::invalid(format!(
                    "Hypervisor {} has {servers} servers, {deleting} of them being deleted; delete or move them first.",
                    row.name
                )));
            }
            hypervisor::remove(tx, id).await?;
            let before = Some(shown(&row));
            audit::record(tx, entry(&actor, now, "remove_hypervisor", ("hypervisor", id), before, None)).await?;
            Ok(row)
        })
    });
    ctx.live.node_gone(removed.await?.uuid);
    Ok(())
}

async fn require_group(tx: &Tx, group_id: Option<i64>) -> Result<(), Error> {
    let Some(id) = group_id else { return Ok(()) };
    match hypervisor_group::by_id(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(format!("The groupId {id} is not a hypervisor group."))),
    }
}

fn check(input: &UpdateHypervisor) -> Result<(), Error> {
    let mut errors = Vec::new();
    if let Some(name) = &input.name {
        rules::text(&mut errors, "name", name, 3, 150);
    }
    let numbers = [
        ("maxServers", input.max_servers, 0..=MOST_SERVERS),
        ("maxCpu", input.max_cpu, 0..=MOST_CPU),
        ("maxMemory", input.max_memory, 0..=MOST_MEMORY_MIB),
        ("maxStorage", input.max_storage, 0..=MOST_STORAGE_GIB),
        ("cpuOvercommitPercent", input.cpu_overcommit_percent, OVERCOMMIT_PERCENT),
        ("memoryOvercommitPercent", input.memory_overcommit_percent, OVERCOMMIT_PERCENT),
        ("storageOvercommitPercent", input.storage_overcommit_percent, OVERCOMMIT_PERCENT),
    ];
    for (field, value, range) in numbers {
        if let Some(value) = value {
            rules::within(&mut errors, field, value, range);
        }
    }
    if input.disk_type.as_ref().is_some_and(|kind| !DISK_TYPES.contains(&kind.as_str())) {
        errors.push("The diskType must be inherit, qcow2 or raw.".to_owned());
    }
    let is_cache = |mode: &String| mode == hypervisor::INHERIT || CACHES.contains(&mode.as_str());
    if input.disk_cache_type.as_ref().is_some_and(|mode| !is_cache(mode)) {
        errors.push(format!("The diskCacheType must be one of {}, {}.", hypervisor::INHERIT, CACHES.join(", ")));
    }
    let fixed = [
        ("nfType", input.nf_type, hypervisor::NF_TYPE, "nodes filter with nftables, for IPv4 and IPv6"),
        ("backupStorageType", input.backup_storage_type, BACKUP_STORAGE_TYPE, "nodes keep no backups"),
    ];
    for (field, asked, only, why) in fixed {
        if asked.is_some_and(|asked| asked != i64::from(only)) {
            errors.push(format!("The {field} must be {only}: {why}."));
        }
    }
    rules::done(errors)
}

fn apply(mut row: entity::Model, input: UpdateHypervisor) -> entity::Model {
    let UpdateHypervisor {
        name,
        maintenance,
        enabled,
        prohibit,
        group_id,
        max_servers,
        max_cpu,
        max_memory,
        max_storage,
        cpu_overcommit_percent,
        memory_overcommit_percent,
        storage_overcommit_percent,
        disk_type,
        disk_cache_type,
        nf_type,
        // There is one.
        backup_storage_type: _,
    } = input;
    let set = |field: &mut i64, value: Option<i64>| *field = value.unwrap_or(*field);
    set(&mut row.group_id, group_id);
    set(&mut row.max_servers, max_servers);
    set(&mut row.max_cpu, max_cpu);
    set(&mut row.max_memory_mib, max_memory);
    set(&mut row.max_storage_gib, max_storage);
    set(&mut row.cpu_overcommit_percent, cpu_overcommit_percent);
    set(&mut row.memory_overcommit_percent, memory_overcommit_percent);
    set(&mut row.storage_overcommit_percent, storage_overcommit_percent);
    row.maintenance = maintenance.unwrap_or(row.maintenance);
    row.enabled = enabled.unwrap_or(row.enabled);
    row.prohibit = prohibit.unwrap_or(row.prohibit);
    row.name = name.map_or(row.name, |name| name.trim().to_owned());
    row.default_disk_type = disk_type.unwrap_or(row.default_disk_type);
    row.default_disk_cache_type = disk_cache_type.unwrap_or(row.default_disk_cache_type);
    row.nf_type = nf_type.and_then(|kind| i32::try_from(kind).ok()).unwrap_or(row.nf_type);
    row
}

fn shown(row: &entity::Model) -> Value {
    json!({
        "name": row.name, "groupId": row.group_id, "maintenance": row.maintenance, "enabled": row.enabled,
        "prohibit": row.prohibit, "maxServers": row.max_servers, "maxCpu": row.max_cpu,
        "maxMemory": row.max_memory_mib, "maxStorage": row.max_storage_gib,
        "cpuOvercommitPercent": row.cpu_overcommit_percent,
        "memoryOvercommitPercent": row.memory_overcommit_percent,
        "storageOvercommitPercent": row.storage_overcommit_percent, "diskType": row.default_disk_type,
        "diskCacheType": row.default_disk_cache_type, "nfType": row.nf_type,
    })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("hypervisors", &["name"]) => {
            Error::Conflict("A hypervisor of that name exists already.".to_owned())
        }
        other => other,
    }
}
