//! The filters of all servers of a node, to be written anew.

use super::node_work::NodeWork;
use crate::{Context, Error, actor::Actor, jobs::Kind};

const REGENERATION: NodeWork = NodeWork {
    kind: Kind::Filters,
    action: "regenerate_network_filters",
    busy: |name| format!("The filters of the hypervisor {name} are being written already."),
};

/// Queues the work; answers the queue item's id.
pub async fn regenerate(ctx: &Context, actor: &Actor, id: i64) -> Result<i64, Error> {
    REGENERATION.start(ctx, actor, id).await
}
