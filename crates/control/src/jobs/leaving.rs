//! Disks that a server is to have no longer: their volumes are removed once its guest has given them up, and then their
//! rows go.

use berth_proto as proto;
use berth_store::{Tx, placement, server, server_details::ServerDetails, server_disk};

use super::{Run, StepError};
use crate::{
    Error,
    nodes::{Node, op},
};

/// What a look for volumes that nobody wants came to.
pub struct Pruned {
    pub detail: String,
    /// Rows of disks that are on the node no longer.
    pub gone: Vec<i64>,
}

/// Removes the volumes that the specification of these rows does not have. Its node must have been sent that or a newer
/// one. What the running guest holds stays, and with it all rows.
pub async fn prune(run: &Run, node: &Node, details: &ServerDetails) -> Result<Pruned, StepError> {
    let operation = op::Op::PruneVolumes(proto::PruneVolumes {});
    // Another one for each generation: what left since an earlier one was not looked at by it.
    let name = format!("prune {}", details.server.generation);
    let done = op::wait_done(run, node, &details.server.uuid.to_string(), &name, operation).await?;
    let is_held = done.result.get("held").is_some_and(|held| held != "0");
    Ok(Pruned { detail: done.detail, gone: if is_held { Vec::new() } else { leaving(details) } })
}

/// The same where disks leave; otherwise its node is not asked.
pub async fn gone(run: &Run, node: &Node, details: &ServerDetails) -> Result<Vec<i64>, StepError> {
    if leaving(details).is_empty() { Ok(Vec::new()) } else { Ok(prune(run, node, details).await?.gone) }
}

fn leaving(details: &ServerDetails) -> Vec<i64> {
    let leaving = details.disks.iter().filter(|disk| disk.status == server_disk::STATUS_LEAVING);
    leaving.map(|disk| disk.id).collect()
}

/// Their room is there for others.
pub async fn forget(tx: &Tx, server_id: i64, disks: &[i64]) -> Result<(), Error> {
    if disks.is_empty() {
        return Ok(());
    }
    if let Some(row) = server::by_id(tx, server_id).await? {
        // The sums of what is allocated on its node change.
        placement::lock(tx, row.hypervisor_id).await?;
    }
    Ok(server_disk::remove(tx, disks).await?)
}
