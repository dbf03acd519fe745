//! Storage points of nodes. What is changed of one locks its node, as a create does, so that no disk is put meanwhile
//! onto one that goes.

use berth_api::v1::storage_point::{CreateStoragePoint, UpdateStoragePoint};
use berth_proto::StorageKind;
use berth_store::{
    Tx, audit,
    entity::{hypervisor as node_entity, storage_point as entity},
    hypervisor, server,
    server::Allocated,
    storage_point::{self, ALERT_PERCENT, NewPoint},
};
use serde_json::{Value, json};

use super::{differences, entry, hypervisors::DISK_TYPES, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub const NODE: &str = "hypervisor";
pub const POINT: &str = "storage point";
/// On one node, its own folder not counted.
const MOST_POINTS: usize = 32;
/// An exbibyte.
const CAPACITY_GIB: std::ops::RangeInclusive<i64> = 0..=1 << 30;
const PERCENT: std::ops::RangeInclusive<i64> = 0..=100;
/// By which the API names the node's own folder.
pub const LOCAL_ID: i64 = 0;

/// A storage point with its node and what is allocated there.
#[derive(Clone, Debug)]
pub struct Found {
    pub node: node_entity::Model,
    pub allocated: Allocated,
    pub point: entity::Model,
}

/// All of a node, its own folder first.
pub async fn list(ctx: &Context, actor: &Actor, hypervisor_id: i64) -> Result<Vec<Found>, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let node = hypervisor::by_id(db, hypervisor_id).await?.ok_or(Error::NotFound(NODE))?;
    let ids = [hypervisor_id];
    let (points, sums) = tokio::try_join!(storage_point::of_hypervisors(db, &ids), server::allocated(db, &ids))?;
    let allocated = sums.into_iter().next().map(|(_, sum)| sum).unwrap_or_default();
    let found = |point| Found { node: node.clone(), allocated: allocated.clone(), point };
    Ok(points.into_iter().map(found).collect())
}

pub async fn create(
    ctx: &Context,
    actor: &Actor,
    hypervisor_id: i64,
    input: CreateStoragePoint,
) -> Result<Found, Error> {
    actor.require(Ability::Admin)?;
    let new = checked(hypervisor_id, input, ctx.now())?;
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, new) = (actor.clone(), new.clone());
        Box::pin(async move {
            let (node, now) = (lock(tx, hypervisor_id).await?, new.now);
            if storage_point::of_hypervisors(tx, &[hypervisor_id]).await?.len() > MOST_POINTS {
                return Err(Error::invalid(format!("A hypervisor has at most {MOST_POINTS} storage points.")));
            }
            let point = storage_point::insert(tx, new).await?;
            let subject = (NODE, hypervisor_id);
            audit::record(tx, entry(&actor, now, "create_storage_point", subject, None, Some(shown(&point)))).await?;
            found(tx, node, point).await
        })
    });
    made.await.map_err(taken)
}

/// Changes what is named. Disks that are there stay, whatever the new limit says.
pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (hypervisor_id, id): (i64, i64),
    input: UpdateStoragePoint,
) -> Result<Found, Error> {
    actor.require(Ability::Admin)?;
    check_change(id, &input)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, input) = (actor.clone(), input.clone());
        Box::pin(async move {
            let node = lock(tx, hypervisor_id).await?;
            let before = of_node(tx, hypervisor_id, id, now).await?;
            let after = apply(before.clone(), input);
            let Some((was, is)) = differences(shown(&before), shown(&after)) else {
                return found(tx, node, before).await;
            };
            let after = storage_point::update(tx, after, now).await?;
            let (subject, named) = ((NODE, hypervisor_id), |value: Value| with_name(value, &before.name));
            let (was, is) = (Some(named(was)), Some(named(is)));
            audit::record(tx, entry(&actor, now, "update_storage_point", subject, was, is)).await?;
            found(tx, node, after).await
        })
    });
    changed.await.map_err(taken)
}

/// Forgets a storage point without disks. What is on the node is left as it is.
pub async fn remove(ctx: &Context, actor: &Actor, (hypervisor_id, id): (i64, i64)) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    if id == LOCAL_ID {
        return Err(Error::invalid("The hypervisor's own folder can't be removed; it can be disabled."));
    }
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            lock(tx, hypervisor_id).await?;
            let point = of_node(tx, hypervisor_id, id, now).await?;
            let (disks, servers) = storage_point::disks(tx, point.id).await?;
            if disks > 0 {
                return Err(Error::invalid(format!(
                    "The storage point {} has {disks} disks of {servers} servers; delete or move them first.",
                    point.name
                )));
            }
            storage_point::remove(tx, point.id).await?;
            let (subject, before) = ((NODE, hypervisor_id), Some(shown(&point)));
            Ok(audit::record(tx, entry(&actor, now, "remove_storage_point", subject, before, None)).await?)
        })
    });
    removed.await
}

async fn lock(tx: &Tx, hypervisor_id: i64) -> Result<node_entity::Model, Error> {
    hypervisor::lock(tx, hypervisor_id).await?.ok_or(Error::NotFound(NODE))
}

async fn of_node(tx: &Tx, hypervisor_id: i64, id: i64, now: i64) -> Result<entity::Model, Error> {
    let row = if id == LOCAL_ID {
        storage_point::ensure_local(tx, hypervisor_id, now).await?;
        storage_point::local(tx, hypervisor_id).await?
    } else {
        // Its own folder is known by the other name.
        storage_point::by_id(tx, hypervisor_id, id).await?.filter(|point| !point.is_local)
    };
    row.ok_or(Error::NotFound(POINT))
}

async fn found(tx: &Tx, node: node_entity::Model, point: entity::Model) -> Result<Found, Error> {
    let sums = server::allocated(tx, &[node.id]).await?;
    Ok(Found { node, allocated: sums.into_iter().next().map(|(_, sum)| sum).unwrap_or_default(), point })
}

fn checked(hypervisor_id: i64, input: CreateStoragePoint, now: i64) -> Result<NewPoint, Error> {
    let CreateStoragePoint { name, kind, path, pool, capacity, alert_percent, enabled, disk_type } = input;
    let mut errors = Vec::new();
    rules::text(&mut errors, "name", &name, 3, 100);
    let (capacity_gib, alert_percent) = (capacity.unwrap_or(0), alert_percent.unwrap_or(ALERT_PERCENT));
    rules::within(&mut errors, "capacity", capacity_gib, CAPACITY_GIB);
    rules::within(&mut errors, "alertPercent", alert_percent, PERCENT);
    let disk_format = disk_type.unwrap_or_else(|| DISK_TYPES[0].to_owned());
    disk_type_is_known(&mut errors, &disk_format);
    let location = match kind.parse::<StorageKind>() {
        Err(error) => {
            errors.push(format!("The type is unknown: {error}."));
            String::new()
        }
        Ok(kind) => location(&mut errors, kind, path, pool),
    };
    rules::done(errors)?;
    Ok(NewPoint {
        hypervisor_id,
        name: name.trim().to_owned(),
        kind,
        location,
        capacity_gib,
        alert_percent,
        enabled: enabled.unwrap_or(true),
        disk_format,
        now,
    })
}

fn location(errors: &mut Vec<String>, kind: StorageKind, path: Option<String>, pool: Option<String>) -> String {
    let (field, given, other, unwanted) =
        if kind.keeps_files() { ("path", path, "pool", pool) } else { ("pool", pool, "path", path) };
    if unwanted.is_some() {
        errors.push(format!("The {other} is not for the type {kind}, which takes a {field}."));
    }
    let given = given.unwrap_or_default();
    if !kind.accepts(&given) {
        errors.push(format!("The {field} must be {}.", kind.form()));
    }
    given
}

fn check_change(id: i64, input: &UpdateStoragePoint) -> Result<(), Error> {
    let UpdateStoragePoint { name, capacity, alert_percent, enabled: _, disk_type } = input;
    let mut errors = Vec::new();
    if let Some(name) = name {
        rules::text(&mut errors, "name", name, 3, 100);
    }
    for (field, value, range) in [("capacity", capacity, CAPACITY_GIB), ("alertPercent", alert_percent, PERCENT)] {
        if let Some(value) = value {
            rules::within(&mut errors, field, *value, range);
        }
    }
    if let Some(kind) = disk_type {
        disk_type_is_known(&mut errors, kind);
    }
    if id == LOCAL_ID {
        let of_node = [("name", name.is_some()), ("capacity", capacity.is_some()), ("diskType", disk_type.is_some())];
        for (field, _) in of_node.into_iter().filter(|(_, is_named)| *is_named) {
            errors.push(format!(
                "The {field} of the hypervisor's own folder can't be changed here; maxStorage and diskType are the \
                 hypervisor's."
            ));
        }
    }
    rules::done(errors)
}

fn disk_type_is_known(errors: &mut Vec<String>, kind: &str) {
    if !DISK_TYPES.contains(&kind) {
        errors.push("The diskType must be inherit, qcow2 or raw.".to_owned());
    }
}

fn apply(mut row: entity::Model, input: UpdateStoragePoint) -> entity::Model {
    let UpdateStoragePoint { name, capacity, alert_percent, enabled, disk_type } = input;
    row.name = name.map_or(row.name, |name| name.trim().to_owned());
    row.capacity_gib = capacity.unwrap_or(row.capacity_gib);
    row.alert_percent = alert_percent.unwrap_or(row.alert_percent);
    row.enabled = enabled.unwrap_or(row.enabled);
    row.disk_format = disk_type.unwrap_or(row.disk_format);
    row
}

fn shown(row: &entity::Model) -> Value {
    json!({
        "name": row.name, "type": row.kind, "location": row.location, "capacity": row.capacity_gib,
        "alertPercent": row.alert_percent, "enabled": row.enabled, "diskType": row.disk_format,
    })
}

/// Which one it was, where the name did not change.
fn with_name(mut value: Value, name: &str) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.entry("name").or_insert_with(|| json!(name));
    }
    value
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("storage_points", &["hypervisor_id", "name"]) => {
            Error::Conflict("The hypervisor has a storage point of that name already.".to_owned())
        }
        Error::Store(store) if store.violates("storage_points", &["hypervisor_id", "kind", "location"]) => {
            Error::Conflict("The hypervisor has that storage point already.".to_owned())
        }
        other => other,
    }
}
