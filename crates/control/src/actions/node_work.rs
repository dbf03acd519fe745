//! Work on a node that somebody asks for: one of a kind at a time.

use berth_store::{Tx, audit, hypervisor, job};
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

/// What is done, and how the queue and the audit log name it.
#[derive(Clone, Copy, Debug)]
pub struct NodeWork {
    pub kind: Kind,
    pub action: &'static str,
    /// What is said of a node, by its name, where it is done already.
    pub busy: fn(&str) -> String,
}

impl NodeWork {
    /// Queues the work; answers the queue item's id.
    pub async fn start(self, ctx: &Context, actor: &Actor, id: i64) -> Result<i64, Error> {
        actor.require(Ability::Admin)?;
        let now = ctx.now();
        let queued = ctx.store.write_tx::<_, Error>(|tx| {
            let (ctx, actor) = (ctx.clone(), actor.clone());
            Box::pin(async move {
                let row = hypervisor::lock(tx, id).await?.ok_or(Error::NotFound("hypervisor"))?;
                if let Some(running) = job::unfinished_on(tx, row.id, self.kind.name()).await? {
                    return Err(Error::Locked { msg: (self.busy)(&row.name), queue_id: Some(running.id) });
                }
                let queue_id = self.enqueue(&ctx, tx, row.id).await?;
                let after = json!({ "name": row.name, "queue": queue_id });
                audit::record(tx, entry(&actor, now, self.action, ("hypervisor", row.id), None, Some(after))).await?;
                Ok(queue_id)
            })
        });
        let queue_id = queued.await?;
        ctx.nudge.notify_one();
        Ok(queue_id)
    }

    pub async fn enqueue(self, ctx: &Context, tx: &Tx, hypervisor_id: i64) -> Result<i64, Error> {
        let subject = Subject { server_id: None, hypervisor_id: Some(hypervisor_id) };
        let once = (ctx.rng.uuid(), ctx.now());
        queue::put(tx, queue::new_job(self.kind, self.action, subject, false, json!({}), once)).await
    }
}
