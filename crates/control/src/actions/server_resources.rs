//! How much a server has: memory, processors and their throttle, the size of its disks.

use berth_store::{
    Tx,
    entity::{server, server_disk},
    pending_action::{self, NewPending},
    server_change::{self, Changes, DiskLimits},
    server_disk::{self as disks, STATUS_LEAVING},
};
use serde_json::json;

use super::{rules, server_capacity, server_change::Changing, server_order};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    pending::POWER_ACTIONS,
    placement::Demand,
};

/// The Global API's.
const LEAST_MEMORY_MIB: i64 = 256;
/// A server that gets nothing at all would look broken.
const MOST_THROTTLE: i64 = 99;

pub async fn set_memory(ctx: &Context, actor: &Actor, server_id: i64, memory_mib: Option<i64>) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let memory_mib = required("memory", memory_mib, LEAST_MEMORY_MIB..=server_order::MEMORY_MIB.1)?;
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let more = Demand { memory_mib: memory_mib - row.memory_mib, ..Demand::default() };
            server_capacity::take(tx, row.hypervisor_id, more, None).await?;
            let changes = Changes { memory_mib: Some(memory_mib), ..Changes::default() };
            changing.write_for_node(tx, &row, changes).await?;
            let (before, after) = (json!({ "memory": row.memory_mib }), json!({ "memory": memory_mib }));
            changing.record(tx, "change_memory", &row, before, after).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

pub async fn set_cpu_cores(ctx: &Context, actor: &Actor, server_id: i64, cores: Option<i64>) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let (least, most) = server_order::CPU_CORES;
    let cpu_cores = required("cores", cores, least..=most)?;
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let more = Demand { cpu_cores: cpu_cores - row.cpu_cores, ..Demand::default() };
            server_capacity::take(tx, row.hypervisor_id, more, None).await?;
            let changes = Changes { cpu_cores: Some(cpu_cores), ..Changes::default() };
            changing.write_for_node(tx, &row, changes).await?;
            let (before, after) = (json!({ "cpuCores": row.cpu_cores }), json!({ "cpuCores": cpu_cores }));
            changing.record(tx, "change_cpu_cores", &row, before, after).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// At once where `sync` says so; otherwise at the next start.
pub async fn set_cpu_throttle(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    percent: Option<i64>,
    sync: bool,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let percent = i32::try_from(required("percent", percent, 0..=MOST_THROTTLE)?).unwrap_or(0);
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let changes = Changes { cpu_throttle: Some(percent), ..Changes::default() };
            if sync {
                changing.write_for_node(tx, &row, changes).await?;
            } else {
                let after = changing.write(tx, &row, changes, true).await?;
                throttle_waits(&changing, tx, &after).await?;
            }
            let before = json!({ "percent": row.cpu_throttle });
            changing.record(tx, "throttle_cpu", &row, before, json!({ "percent": percent, "sync": sync })).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// The newest wish is the one that is shown.
async fn throttle_waits(changing: &Changing, tx: &Tx, row: &server::Model) -> Result<(), Error> {
    let new = NewPending {
        action: "Change CPU throttle".to_owned(),
        waits_for: "throttle".to_owned(),
        generation: row.generation,
        payload: json!({ "percent": row.cpu_throttle }),
    };
    pending_action::remove(tx, row.id, &new.action).await?;
    // What is not built gets everything with its build.
    if row.built_at.is_some() {
        pending_action::insert(tx, row.id, new, &POWER_ACTIONS, changing.now).await?;
    }
    Ok(())
}

/// Disks only grow.
pub async fn set_storage(
    ctx: &Context,
    actor: &Actor,
    server_id: i64,
    drive: Option<String>,
    size_gib: Option<i64>,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let position = position(drive.as_deref())?;
    let (least, most) = server_order::DISK_GIB;
    let size_gib = required("size", size_gib, least..=most)?;
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let stays = |disk: &server_disk::Model| disk.position == position && disk.status != STATUS_LEAVING;
            let disk = disks::of_server(tx, row.id).await?.into_iter().find(stays);
            let disk =
                disk.ok_or_else(|| Error::invalid("The drive must be the letter of one of the server's disks."))?;
            if size_gib < disk.capacity_gib {
                return Err(Error::invalid(format!(
                    "The size must be at least the {} GB that the disk has: disks only grow.",
                    disk.capacity_gib
                )));
            }
            let more = Demand { storage_gib: size_gib - disk.capacity_gib, ..Demand::default() };
            server_capacity::take(tx, row.hypervisor_id, more, disk.storage_point_id).await?;
            server_change::change_disk(tx, disk.id, size_gib, limits(&disk), changing.now).await?;
            changing.write_for_node(tx, &row, Changes::default()).await?;
            let before = json!({ "disk": disk.id, "size": disk.capacity_gib });
            changing.record(tx, "change_storage", &row, before, json!({ "disk": disk.id, "size": size_gib })).await
        })
    });
    changed.await?;
    ctx.nudge.notify_one();
    Ok(())
}

pub(super) fn limits(disk: &server_disk::Model) -> DiskLimits {
    DiskLimits {
        read_bytes_s: disk.read_bytes_s,
        write_bytes_s: disk.write_bytes_s,
        read_iops: disk.read_iops,
        write_iops: disk.write_iops,
    }
}

fn required(field: &str, value: Option<i64>, range: std::ops::RangeInclusive<i64>) -> Result<i64, Error> {
    let value = value.ok_or_else(|| Error::invalid(format!("The {field} field is required.")))?;
    let mut errors = Vec::new();
    rules::within(&mut errors, field, value, range);
    rules::done(errors)?;
    Ok(value)
}

/// `a` is the first.
fn position(drive: Option<&str>) -> Result<i32, Error> {
    let drive = drive.unwrap_or_default().trim().to_ascii_lowercase();
    match drive.as_bytes() {
        [] => Err(Error::invalid("The drive field is required.")),
        [letter @ b'a'..=b'z'] => Ok(i32::from(letter - b'a') + 1),
        _ => Err(Error::invalid("The drive must be one letter, a for the primary disk.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_are_letters() {
        assert_eq!((position(Some("a")).unwrap(), position(Some(" B ")).unwrap()), (1, 2));
        for wrong in [None, Some(""), Some("ab"), Some("1"), Some("ä"), Some("/dev/vda")] {
            assert!(position(wrong).is_err(), "{wrong:?}");
        }
    }
}
