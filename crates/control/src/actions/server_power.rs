//! Boot, shut down, restart and power off.

use berth_store::{audit, entity::server, server as servers};
use serde_json::json;

use super::{
    entry,
    queue::{self, Work},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    jobs::{
        Kind,
        power::{PowerAction, PowerPayload},
    },
};

/// Queues the action behind what the server waits for already; answers the queue item's id.
pub async fn power(ctx: &Context, actor: &Actor, server_id: i64, action: PowerAction) -> Result<i64, Error> {
    actor.require(Ability::Operate)?;
    let now = ctx.now();
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row: server::Model = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            queue::require_free(tx, &row).await?;
            queue::require_built(&row)?;
            queue::require_place(tx, &row, Kind::Power).await?;
            let name = action.queue_name();
            let payload = PowerPayload { action };
            let work = Work { kind: Kind::Power, action: name, server: &row, exclusive: false, payload };
            let queue_id = queue::enqueue(&ctx, tx, work, now).await?;
            let after = json!({ "queue": queue_id });
            audit::record(tx, entry(&actor, now, name, ("server", row.id), None, Some(after))).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(queue_id)
}
