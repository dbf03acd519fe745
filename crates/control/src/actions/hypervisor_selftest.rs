//! The self-test of a node: asked for by somebody, by the node's joining, or by its coming back without one.

use berth_store::{Tx, audit, hypervisor, job, selftest};
use serde_json::json;

use super::{
    entry,
    queue::{self, Subject},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    jobs::Kind,
};

pub const ACTION: &str = "selftest_hypervisor";

/// Queues the test; answers the queue item's id. One at a time on a node.
pub async fn start(ctx: &Context, actor: &Actor, id: i64) -> Result<i64, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row = hypervisor::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
            if let Some(running) = job::unfinished_on(tx, row.id, Kind::Selftest.name()).await? {
                let msg = format!("The hypervisor {} is being tested already.", row.name);
                return Err(Error::Locked { msg, queue_id: Some(running.id) });
            }
            let queue_id = enqueue(&ctx, tx, row.id).await?;
            let after = json!({ "name": row.name, "queue": queue_id });
            audit::record(tx, entry(&actor, now, ACTION, ("hypervisor", row.id), None, Some(after))).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(queue_id)
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
    let subject = Subject { server_id: None, hypervisor_id: Some(hypervisor_id) };
    let once = (ctx.rng.uuid(), ctx.now());
    queue::put(tx, queue::new_job(Kind::Selftest, ACTION, subject, false, json!({}), once)).await
}
