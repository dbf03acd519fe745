//! The filters of all servers of a node, to be written anew.

use berth_store::{audit, hypervisor, job};
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

const ACTION: &str = "regenerate_network_filters";

/// Queues the work; answers the queue item's id. One at a time on a node.
pub async fn regenerate(ctx: &Context, actor: &Actor, id: i64) -> Result<i64, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row = hypervisor::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
            if let Some(running) = job::unfinished_on(tx, row.id, Kind::Filters.name()).await? {
                let msg = format!("The filters of the hypervisor {} are being written already.", row.name);
                return Err(Error::Locked { msg, queue_id: Some(running.id) });
            }
            let subject = Subject { server_id: None, hypervisor_id: Some(row.id) };
            let once = (ctx.rng.uuid(), now);
            let work = queue::new_job(Kind::Filters, ACTION, subject, false, json!({}), once);
            let queue_id = queue::put(tx, work).await?;
            let after = json!({ "name": row.name, "queue": queue_id });
            audit::record(tx, entry(&actor, now, ACTION, ("hypervisor", row.id), None, Some(after))).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(queue_id)
}
