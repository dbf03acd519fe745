//! What a metered server has is written down as it changes, in the transaction that changes it: the meter may come much
//! later, and finds what each hour had.

use berth_store::{
    Micros, Tx,
    entity::{metered_server::Model as Metered, package, server},
    ipv4_address,
    self_service::{
        ledger::SERVER,
        meter::{self, Held, Included},
    },
    server as servers, server_disk, server_interface,
};

use crate::Error;

const MIB_IN_GIB: i64 = 1_024;
/// Addresses that come with a server.
const INCLUDED_IPV4: i64 = 1;

/// What a package brings along.
pub fn included(package: &package::Model) -> Included {
    Included { memory_mib: package.memory_mib, storage_gib: package.primary_storage_gib, cpu: package.cpu_cores }
}

/// Called after every change of a server; one that is not metered costs a look at an index.
pub async fn follow(tx: &Tx, server_id: i64, now: Micros) -> Result<(), Error> {
    let Some(metered) = meter::by_id(tx, server_id).await?.filter(|metered| metered.ended_at.is_none()) else {
        return Ok(());
    };
    let row = servers::by_id_even_deleting(tx, server_id).await?;
    let Some(row) = row.filter(|row| !row.deleting) else { return end(tx, server_id, false, now).await };
    if row.self_service == 0 {
        return end(tx, server_id, true, now).await;
    }
    if row.name != metered.name {
        meter::set_name(tx, server_id, &row.name).await?;
    }
    let held = held(tx, &metered, &row).await?;
    Ok(meter::set_held(tx, server_id, &held, now).await?)
}

/// Another package: what it brings along is no add-on.
pub async fn package(tx: &Tx, row: &server::Model, package: &package::Model) -> Result<(), Error> {
    if row.self_service != 0 {
        meter::set_included(tx, row.id, included(package)).await?;
    }
    Ok(())
}

async fn end(tx: &Tx, server_id: i64, leaves_pack: bool, now: Micros) -> Result<(), Error> {
    meter::set_held(tx, server_id, &[], now).await?;
    Ok(meter::end(tx, server_id, leaves_pack, now).await?)
}

/// The server itself, and what an hourly one has beyond its package.
async fn held(tx: &Tx, metered: &Metered, row: &server::Model) -> Result<Vec<Held>, Error> {
    let of = |item: &str, quantity| Held {
        item: item.to_owned(),
        user_id: row.owner_id,
        package_id: row.package_id,
        quantity,
    };
    let mut held = vec![of(SERVER, 1)];
    if row.self_service != 1 {
        return Ok(held);
    }
    let mut addresses = 0;
    for interface in server_interface::of_server(tx, row.id).await? {
        addresses += ipv4_address::of_interface(tx, interface.id).await?.len();
    }
    let storage_gib: i64 = server_disk::of_server(tx, row.id).await?.iter().map(|disk| disk.capacity_gib).sum();
    let memory_mib = (row.memory_mib - metered.included_memory_mib).max(0);
    for (item, quantity) in [
        ("ipv4", i64::try_from(addresses).unwrap_or(i64::MAX) - INCLUDED_IPV4),
        ("storage", storage_gib - metered.included_storage_gib),
        ("memory", memory_mib.unsigned_abs().div_ceil(MIB_IN_GIB.unsigned_abs()).try_into().unwrap_or(0)),
        ("cpu", row.cpu_cores - metered.included_cpu),
    ] {
        if quantity > 0 {
            held.push(of(item, quantity));
        }
    }
    Ok(held)
}
