//! More memory, processors and storage for a server, under the lock of its node: as for a new server, nothing is given
//! twice.

use berth_store::{
    Tx,
    entity::{hypervisor, storage_point as point_entity},
    placement as nodes, selftest, server, storage_point,
};

use super::{disk_order::NO_POINT, server_placement::as_node};
use crate::{
    Error,
    placement::{self, Demand, DiskWanted, Pool},
};

/// A storage that takes one more disk, and what is known of it.
pub struct Placed {
    pub pool: Pool,
    pub node: hypervisor::Model,
    pub points: Vec<point_entity::Model>,
}

/// Finds room for one more disk of a server: on the storage that is named (0 is the node's own folder), or where
/// placement would put it.
pub async fn place(tx: &Tx, hypervisor_id: i64, disk: DiskWanted, asked: Option<i64>) -> Result<Placed, Error> {
    let (row, _) = nodes::lock(tx, hypervisor_id).await?.ok_or(Error::NotFound("hypervisor"))?;
    let sums = server::allocated(tx, &[hypervisor_id]).await?;
    let allocated = sums.into_iter().next().map(|(_, sum)| sum).unwrap_or_default();
    let points = storage_point::of_hypervisors(tx, &[hypervisor_id]).await?;
    let tested = selftest::tested(tx, row.id, selftest::DIRECTORY).await?;
    let mut pools = as_node(&row, true, allocated, &points, tested).pools;
    if let Some(id) = asked {
        pools.retain(|pool| pool.point.unwrap_or(0) == id);
        if pools.is_empty() {
            return Err(Error::invalid(NO_POINT));
        }
    }
    match placement::assign(&pools, &[disk]) {
        Ok(places) => Ok(Placed { pool: pools[places[0]], node: row, points }),
        Err(refusals) => Err(Error::Invalid(refusals.into_iter().map(|refusal| refusal.sentence(&row.name)).collect())),
    }
}

/// Takes what a server grows by, on the storage where the disk is that grows (`None` is the node's own folder); a part of it that shrinks is given back. The sums of the node change with what the
/// caller writes, so those that were taken before are stale from here on.
pub async fn take(tx: &Tx, hypervisor_id: i64, more: Demand, point: Option<i64>) -> Result<(), Error> {
    if more == Demand::default() {
        return Ok(());
    }
    let (row, _) = nodes::lock(tx, hypervisor_id).await?.ok_or(Error::NotFound("hypervisor"))?;
    let sums = server::allocated(tx, &[hypervisor_id]).await?;
    let allocated = sums.into_iter().next().map(|(_, sum)| sum).unwrap_or_default();
    let points = match point {
        Some(_) => storage_point::of_hypervisors(tx, &[hypervisor_id]).await?,
        None => Vec::new(),
    };
    // A disk that exists grows where it is, whatever is known of tests.
    let refusals = placement::refusals_to_grow(&as_node(&row, true, allocated, &points, None), more, point);
    if refusals.is_empty() { Ok(()) } else { Err(Error::Invalid(refusals)) }
}
