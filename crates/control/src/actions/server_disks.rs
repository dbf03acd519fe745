//! Reading and changing the disks of a server that exists.

use berth_api::v1::server_disk::UpdateDisk;
use berth_store::{
    Micros, Tx, audit,
    entity::{server, server_disk},
    hypervisor, pending_action, server as servers,
    server_change::{self, Changes},
    server_details::{self, ServerDetails},
    server_disk::{self as disks, STATUS_LEAVING},
};
use serde_json::{Value, json};

use super::{
    disk_order::Settings, entry, queue, rules, server_capacity, server_change::Changing, server_disk_parts::agent_lacks,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    pending::{self, POWER_ACTIONS},
    placement::Demand,
    self_service::follow,
};

pub const DISK: &str = "disk";

/// The server with its disks.
pub async fn all(ctx: &Context, actor: &Actor, server_id: i64) -> Result<ServerDetails, Error> {
    actor.require(Ability::Read)?;
    server_details::by_id(ctx.store.read(), server_id).await?.ok_or(Error::NotFound("server"))
}

/// The disk by its id in the server, 1 for the primary one, or its letter.
pub fn find<'a>(disks: &'a [server_disk::Model], reference: &str) -> Result<&'a server_disk::Model, Error> {
    let position = match reference.to_ascii_lowercase().as_bytes() {
        [letter @ b'a'..=b'z'] => Some(i32::from(letter - b'a') + 1),
        digits if digits.iter().all(u8::is_ascii_digit) => reference.parse().ok(),
        _ => None,
    };
    disks.iter().find(|disk| Some(disk.position) == position).ok_or(Error::NotFound(DISK))
}

/// At once where `apply` says so; otherwise at the next start.
pub async fn update(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    input: UpdateDisk,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (changing, reference, input) = (changing.clone(), reference.to_owned(), input.clone());
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let all = disks::of_server(tx, row.id).await?;
            change(tx, &changing, &row, find(&all, &reference)?, input).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

async fn change(
    tx: &Tx,
    changing: &Changing,
    row: &server::Model,
    disk: &server_disk::Model,
    input: UpdateDisk,
) -> Result<(), Error> {
    let apply = input.apply == Some(true);
    let before = Settings::of(disk);
    let wanted = before.changed_by(input)?;
    if disk.status == STATUS_LEAVING {
        return Err(Error::invalid("The disk is being removed."));
    }
    if wanted.hardware != before.hardware {
        let node = hypervisor::by_id(tx, row.hypervisor_id).await?;
        rules::done(node.and_then(|node| agent_lacks(&node, &wanted)).into_iter().collect())?;
    }
    if wanted != before {
        let more = Demand { storage_gib: wanted.size_gib - before.size_gib, ..Demand::default() };
        server_capacity::take(tx, row.hypervisor_id, more, disk.storage_point_id).await?;
        server_change::change_disk(tx, disk.id, wanted.size_gib, wanted.limits, changing.now).await?;
        disks::set_hardware(tx, disk.id, wanted.hardware.clone(), changing.now).await?;
    } else if !apply {
        return Ok(());
    }
    let new = server_disk::Model { capacity_gib: wanted.size_gib, ..disk.clone() };
    follow(tx, changing, row, &new, apply).await?;
    record(tx, changing, "update_disk", disk, (Some(before.shown()), Some(wanted.shown()))).await
}

/// The node follows now, by a job, or at the next start. Until it has, the change shows as one that waits. A server that
/// is not built gets all of it with its build, which makes a disk that is new.
pub(super) async fn follow(
    tx: &Tx,
    changing: &Changing,
    row: &server::Model,
    disk: &server_disk::Model,
    apply: bool,
) -> Result<(), Error> {
    let after = if apply {
        changing.write_for_node(tx, row, Changes::default()).await?
    } else {
        changing.write(tx, row, Changes::default(), true).await?
    };
    if row.built_at.is_none() && disk.status != disks::STATUS_PLANNED {
        return Ok(());
    }
    let new = pending::of_disk(disk, after.generation);
    no_longer_waits(tx, row.id, disk).await?;
    pending_action::insert(tx, row.id, new, &POWER_ACTIONS, changing.now).await?;
    Ok(())
}

/// A guest that went off holds no disk: what waits of its disks is carried out.
pub async fn follow_when_off(ctx: &Context, tx: &Tx, server_id: i64, now: Micros) -> Result<(), Error> {
    let waiting = pending_action::of_server(tx, server_id).await?;
    if !waiting.iter().any(|row| row.waits_for.starts_with(pending::DISK_WORD)) {
        return Ok(());
    }
    match servers::by_id(tx, server_id).await? {
        Some(row) => queue::enqueue_apply(ctx, tx, &row, now).await,
        None => Ok(()),
    }
}

/// Forgets what waits of a disk.
pub(super) async fn no_longer_waits(tx: &Tx, server_id: i64, disk: &server_disk::Model) -> Result<(), Error> {
    let word = pending::disk_word(disk.position);
    for waiting in pending_action::of_server(tx, server_id).await?.iter().filter(|row| row.waits_for == word) {
        pending_action::remove_one(tx, waiting.id).await?;
    }
    Ok(())
}

pub(super) async fn record(
    tx: &Tx,
    changing: &Changing,
    action: &str,
    disk: &server_disk::Model,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<(), Error> {
    let named = |value: Option<Value>| {
        value.map(|mut value| {
            value["disk"] = json!(disk.id);
            value["drive"] = json!(pending::letter(disk.position).to_string());
            value
        })
    };
    // What a metered server has now counts from here.
    follow::follow(tx, disk.server_id, changing.now).await?;
    let subject = ("server", disk.server_id);
    let written = entry(&changing.actor, changing.now, action, subject, named(before), named(after));
    Ok(audit::record(tx, written).await?)
}
