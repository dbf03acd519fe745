//! Further disks of a server: made on a storage of its node that has the room, and removed with what is on them.

use berth_api::v1::{
    confirm::Confirm,
    server_disk::{CreateDisk, RemoveDisk},
};
use berth_store::{
    Tx,
    entity::{hypervisor, server, server_disk},
    package as packages,
    server_disk::{self as disks, NewDisk, STATUS_LEAVING, STATUS_PLANNED},
};

use super::{
    disk_order::{DiskOrder, Settings},
    rules,
    server_capacity::{self, Placed},
    server_change::Changing,
    server_disks::{find, follow, no_longer_waits, record},
    server_order::format_on,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    placement::{Demand, DiskWanted},
};

/// Disks of one server.
pub const MOST: i32 = 16;
/// What an agent must know of to attach a disk otherwise than agents always did, or to put a file system on it.
const FEATURE: &str = "disks.v1";

/// Answers the new disk's id in the server.
pub async fn create(ctx: &Context, actor: &Actor, server_id: i64, input: CreateDisk) -> Result<i32, Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (changing, input) = (changing.clone(), input.clone());
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            insert(tx, &changing, &row, input).await
        })
    });
    let position = made.await?;
    ctx.nudge.notify_one();
    Ok(position)
}

async fn insert(tx: &Tx, changing: &Changing, row: &server::Model, input: CreateDisk) -> Result<i32, Error> {
    let apply = input.apply == Some(true);
    let package = packages::by_id(tx, row.package_id).await?.ok_or(Error::NotFound("package"))?;
    let order = DiskOrder::check(input, &package)?;
    let all = disks::of_server(tx, row.id).await?;
    let free = (2..=MOST).find(|position| all.iter().all(|disk| disk.position != *position));
    let position = free.ok_or_else(|| Error::invalid(format!("A server has at most {MOST} disks.")))?;
    // A disk whose place is named may be of any kind of storage.
    let profile = if order.storage_point.is_some() { berth_proto::ANY_STORAGE } else { row.storage_profile };
    let wanted = DiskWanted { gib: order.settings.size_gib, profile };
    let placed = server_capacity::place(tx, row.hypervisor_id, wanted, order.storage_point).await?;
    node_can(&placed.node, &order)?;
    let new = NewDisk {
        position,
        volume_uuid: changing.ctx.rng.uuid(),
        capacity_gib: order.settings.size_gib,
        profile,
        format: format(&order, &package.disk_type, &placed)?,
        status: STATUS_PLANNED,
        enabled: false,
        read_bytes_s: order.settings.limits.read_bytes_s,
        write_bytes_s: order.settings.limits.write_bytes_s,
        read_iops: order.settings.limits.read_iops,
        write_iops: order.settings.limits.write_iops,
        storage_point_id: placed.pool.point,
        hardware: order.settings.hardware.clone(),
        filesystem: order.filesystem.clone(),
    };
    let made = disks::insert(tx, row.id, &[new], changing.now).await?.remove(0);
    follow(tx, changing, row, &made, apply).await?;
    record(tx, changing, "create_disk", &made, (None, Some(shown(&made)))).await?;
    Ok(position)
}

/// Refused here: a specification that its node can't carry out would keep the server from starting.
fn node_can(node: &hypervisor::Model, order: &DiskOrder) -> Result<(), Error> {
    let told = |fact: &str| node.facts.get(fact).and_then(serde_json::Value::as_array);
    let has = |fact: &str, word: &str| told(fact).is_some_and(|all| all.iter().any(|one| one == word));
    let mut errors = Vec::new();
    if let Some(filesystem) = order.filesystem.as_deref().filter(|name| !has("filesystems", name)) {
        errors.push(format!(
            "The filesystem can't be {filesystem}: hypervisor {} does not have the program that makes it.",
            node.name
        ));
    }
    errors.extend(agent_lacks(node, &order.settings));
    rules::done(errors)
}

/// A sentence where the node's agent is of a release that knows neither buses nor ways of input and output.
pub(super) fn agent_lacks(node: &hypervisor::Model, settings: &Settings) -> Option<String> {
    let is_special = settings.hardware.bus.is_some() || settings.hardware.io.is_some();
    let features = node.facts.get("features").and_then(serde_json::Value::as_array)?;
    let knows = features.iter().any(|feature| feature == FEATURE);
    (is_special && !knows)
        .then(|| format!("The bus and the io can't be set before the agent of hypervisor {} is upgraded.", node.name))
}

fn format(order: &DiskOrder, of_package: &str, placed: &Placed) -> Result<String, Error> {
    let format = format_on(order.format.as_deref().unwrap_or(of_package), &placed.pool, &placed.points, &placed.node);
    match &order.format {
        Some(asked) if *asked != format => Err(Error::invalid(format!(
            "The format must be {format}: the storage of kind {} keeps no others.",
            placed.pool.kind
        ))),
        _ => Ok(format),
    }
}

fn shown(disk: &server_disk::Model) -> serde_json::Value {
    let mut shown = Settings::of(disk).shown();
    shown["format"] = disk.format.clone().into();
    shown["filesystem"] = disk.filesystem.clone().into();
    shown["storagePointId"] = disk.storage_point_id.unwrap_or(0).into();
    shown
}

/// Its row stays, with its room, until its node has removed it.
pub async fn remove(
    ctx: &Context,
    actor: &Actor,
    (server_id, reference): (i64, &str),
    input: RemoveDisk,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let (changing, reference) = (changing.clone(), reference.to_owned());
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let all = disks::of_server(tx, row.id).await?;
            let disk = find(&all, &reference)?;
            rules::confirmed(Confirm { confirm: input.confirm })?;
            if disk.is_primary {
                return Err(Error::invalid("The primary disk of a server can't be removed."));
            }
            if row.protected {
                return Err(Error::Locked { msg: "The server is protected.".to_owned(), queue_id: None });
            }
            leave(tx, &changing, &row, disk, input.apply == Some(true)).await
        })
    });
    removed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

async fn leave(
    tx: &Tx,
    changing: &Changing,
    row: &server::Model,
    disk: &server_disk::Model,
    apply: bool,
) -> Result<(), Error> {
    let is_known = disk.status == STATUS_LEAVING;
    if is_known && !apply {
        return Ok(());
    }
    if row.commission_status == 0 {
        // No node has heard of it.
        let less = Demand { storage_gib: -disk.capacity_gib, ..Demand::default() };
        server_capacity::take(tx, row.hypervisor_id, less, disk.storage_point_id).await?;
        disks::remove(tx, &[disk.id]).await?;
        no_longer_waits(tx, row.id, disk).await?;
    } else {
        disks::leave(tx, disk.id, changing.now).await?;
        let leaving = server_disk::Model { status: STATUS_LEAVING, enabled: false, ..disk.clone() };
        follow(tx, changing, row, &leaving, apply).await?;
    }
    record(tx, changing, "remove_disk", disk, (Some(shown(disk)), None)).await
}
