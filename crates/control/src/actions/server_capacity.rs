//! More memory, processors and storage for a server, under the lock of its node: as for a new server, nothing is given
//! twice.

use berth_store::{Tx, placement as nodes, server, storage_point};

use super::server_placement::as_node;
use crate::{
    Error,
    placement::{self, Demand},
};

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
    let refusals = placement::refusals_to_grow(&as_node(&row, true, allocated, &points, false), more, point);
    if refusals.is_empty() { Ok(()) } else { Err(Error::Invalid(refusals)) }
}
