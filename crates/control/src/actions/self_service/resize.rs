//! What a customer's own right says to another size for a server: the profile, packs and credit as for a new one.

use berth_store::{
    Micros, Tx,
    entity::{package, server, server_disk, user},
    self_service::{
        account, meter,
        pack::{self, Limits, Used},
        profile,
    },
};

use super::purchase::{PACK, Taken, affordable, fits, kind_of};
use crate::Error;

/// In the transaction that changes the package, under the lock of the customer's account.
pub(crate) async fn check_in(
    tx: &Tx,
    owner: &user::Model,
    row: &server::Model,
    package: &package::Model,
    disks: &[server_disk::Model],
    now: Micros,
) -> Result<(), Error> {
    if row.self_service == 0 {
        return Err(Error::Forbidden("only servers that were created by self service may be resized here"));
    }
    if row.suspended {
        return Err(Error::Locked { msg: "The server is suspended.".to_owned(), queue_id: None });
    }
    let primary_gib = disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib);
    if package.primary_storage_gib < primary_gib {
        let (name, has) = (&package.name, package.primary_storage_gib);
        return Err(Error::invalid(format!(
            "The package {name} has a disk of {has} GiB, and the server's of {primary_gib} GiB can't shrink."
        )));
    }
    let account = account::lock(tx, owner.id, now).await?;
    let metered = meter::by_id(tx, row.id).await?.filter(|metered| metered.ended_at.is_none());
    let Some(metered) = metered else { return Err(Error::NotFound("server")) };
    allows(tx, owner, row, metered.profile_id, package.id).await?;
    let held_gib: i64 = disks.iter().map(|disk| disk.capacity_gib).sum();
    let taken = Taken {
        memory_mib: package.memory_mib,
        storage_gib: held_gib - primary_gib + package.primary_storage_gib,
        cpu: package.cpu_cores,
        traffic_gb: package.traffic_gb,
    };
    if row.self_service == PACK {
        let pack = match metered.pack_id {
            Some(id) => pack::lock_of_user(tx, id).await?,
            None => None,
        };
        let pack = pack.ok_or_else(|| Error::invalid("The resource pack is not there any more."))?;
        if !pack.enabled {
            return Err(Error::invalid(format!("The resource pack {} is disabled.", pack.name)));
        }
        let used = without(pack::used(tx, pack.id).await?, row, held_gib);
        return fits(&pack.name, &Limits::of_user(&pack), &used, &taken);
    }
    if let Some(id) = account.hourly_pack_id
        && let Some(pack) = pack::by_id(tx, pack::HOURLY, id).await?.filter(|pack| pack.enabled)
    {
        let used = without(pack::used_hourly(tx, owner.id).await?, row, held_gib);
        fits(&pack.name, &Limits::of(&pack), &used, &taken)?;
    }
    affordable(tx, owner, package, now).await
}

/// The profile by which it was created, as long as the customer has it.
async fn allows(
    tx: &Tx,
    owner: &user::Model,
    row: &server::Model,
    profile_id: Option<i64>,
    package_id: i64,
) -> Result<(), Error> {
    let no = || Error::invalid("The server's group profile does not allow this package.");
    if owner.self_service & row.self_service == 0 {
        return Err(no());
    }
    let profiles = profile::of_users(tx, kind_of(row.self_service), &[owner.id]).await?;
    let own = profiles.into_iter().map(|(_, row)| row).find(|row| row.enabled && Some(row.id) == profile_id);
    let own = own.ok_or_else(no)?;
    let allowed = profile::allowed(tx, &[own.id]).await?.pop().unwrap_or_default();
    if allowed.packages.contains(&package_id) { Ok(()) } else { Err(no()) }
}

/// What the others have.
fn without(used: Used, row: &server::Model, storage_gib: i64) -> Used {
    Used {
        servers: used.servers - 1,
        memory_mib: used.memory_mib - row.memory_mib,
        storage_gib: used.storage_gib - storage_gib,
        cpu: used.cpu - row.cpu_cores,
        traffic_gb: used.traffic_gb - row.traffic_gb,
    }
}
