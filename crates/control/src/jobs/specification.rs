//! A server's specification as jobs send it to its node, and what they write of what the node then says.

use berth_proto as proto;
use berth_store::{Micros, Tx, pending_action, server_change, server_details::ServerDetails, server_outcome};

use super::{Run, StepError, build::load, leaving};
use crate::{
    Error,
    nodes::{Node, NodeError},
    pending::{self, POWER_ACTIONS, Settled},
    spec,
};

/// Sends the newest rows; answers them.
///
/// A specification also holds what changes without a new generation, such as the hash of the password. The node refuses
/// such a one that differs from what it knows, and gets it again as a new generation.
pub async fn send(run: &Run, node: &Node) -> Result<ServerDetails, StepError> {
    let details = load(run).await?;
    let sent = node.apply(run.fence(), spec::server_spec(&run.ctx, &details)?).await;
    match sent {
        Ok(()) => Ok(details),
        Err(NodeError::Changed { .. }) => {
            let id = details.server.id;
            let next = run
                .ctx
                .store
                .write_tx::<_, Error>(|tx| Box::pin(async move { Ok(server_outcome::next_generation(tx, id).await?) }));
            next.await?;
            let details = load(run).await?;
            node.apply(run.fence(), spec::server_spec(&run.ctx, &details)?).await?;
            Ok(details)
        }
        Err(error) => Err(error.into()),
    }
}

/// Looks at the node, and says what of the rows' changes its guest has and what it waits for. `None` until the node has
/// carried out the specification of these rows.
pub async fn look(node: &Node, details: &ServerDetails) -> Result<Option<Settled>, StepError> {
    let seen = node.observe(&details.server.uuid.to_string()).await?;
    Ok(seen.and_then(|seen| settled(details, &seen)))
}

pub fn settled(details: &ServerDetails, seen: &proto::ObservedServer) -> Option<Settled> {
    if seen.applied_generation < details.server.generation.unsigned_abs() {
        return None;
    }
    let mut words = seen.waits_for_start.clone();
    // Agents of before say only that something waits.
    if words.is_empty() && seen.needs_restart {
        words.push("definition".to_owned());
    }
    Some(pending::settle(details, details.server.generation, &words))
}

/// Writes it: which specification is in force; what was applied is forgotten, what waits is shown. Changes that were made since are left alone.
pub async fn write(tx: &Tx, server_id: i64, settled: &Settled, now: Micros) -> Result<(), Error> {
    let Settled { generation, waiting, made_disks, gone_disks, applied: _ } = settled;
    let rows = pending_action::of_server(tx, server_id).await?;
    for row in rows.iter().filter(|row| pending::is_settled(row, *generation)) {
        match waiting.iter().find(|new| new.waits_for == row.waits_for) {
            Some(new) => pending_action::still_waits(tx, row.id, new.clone(), now).await?,
            None => pending_action::remove_one(tx, row.id).await?,
        }
    }
    for new in waiting.iter().filter(|new| rows.iter().all(|row| row.waits_for != new.waits_for)) {
        pending_action::insert(tx, server_id, new.clone(), &POWER_ACTIONS, now).await?;
    }
    server_outcome::applied(tx, server_id, *generation).await?;
    if !made_disks.is_empty() {
        server_change::disks_made(tx, made_disks, now).await?;
    }
    leaving::forget(tx, server_id, gone_disks).await
}
