//! The self-test of a node: asked for by somebody, by the node's joining, or by its coming back without one.

use berth_store::{Tx, hypervisor, job, selftest};

use super::node_work::NodeWork;
use crate::{Context, Error, actor::Actor, jobs::Kind};

const TEST: NodeWork = NodeWork {
    kind: Kind::Selftest,
    action: "selftest_hypervisor",
    busy: |name| format!("The hypervisor {name} is being tested already."),
};

/// Queues the test; answers the queue item's id.
pub async fn start(ctx: &Context, actor: &Actor, id: i64) -> Result<i64, Error> {
    TEST.start(ctx, actor, id).await
}

/// Queues a test of a node that never had one that came to its end: no server is placed there before one has passed,
/// and the one that its joining queued may have waited for the node in vain, or been called off.
pub async fn ensure_tested(ctx: &Context, id: i64) -> Result<(), Error> {
    if selftest::tested(ctx.store.read(), id, selftest::DIRECTORY).await?.is_some() {
        return Ok(());
    }
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let ctx = ctx.clone();
        Box::pin(async move {
            let Some(row) = hypervisor::lock(tx, id).await? else { return Ok(false) };
            if job::unfinished_on(tx, row.id, Kind::Selftest.name()).await?.is_some() {
                return Ok(false);
            }
            enqueue(&ctx, tx, row.id).await?;
            Ok(true)
        })
    });
    if queued.await? {
        ctx.nudge.notify_one();
    }
    Ok(())
}

pub async fn enqueue(ctx: &Context, tx: &Tx, hypervisor_id: i64) -> Result<i64, Error> {
    TEST.enqueue(ctx, tx, hypervisor_id).await
}
