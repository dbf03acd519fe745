//! Suspending a server and ending that: the flag at once, the power change behind what runs.

use berth_store::{
    Tx, console_token, entity::server, pending_action, self_service::run_out, server as servers,
    server_change::Changes, traffic_limit,
};
use serde_json::json;

use super::{
    queue::{self, Work},
    server_change::Changing,
    server_console::ConsoleKind,
    server_delete,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    jobs::{Kind, suspend::SuspendPayload},
};

/// A suspended server is off, locked and without console. Suspending it again changes nothing.
pub async fn suspend(ctx: &Context, actor: &Actor, server_id: i64) -> Result<(), Error> {
    set(ctx, actor, server_id, true).await
}

/// What ran before it was suspended boots again. Also calls a delayed deletion off, suspended or not.
pub async fn unsuspend(ctx: &Context, actor: &Actor, server_id: i64) -> Result<(), Error> {
    set(ctx, actor, server_id, false).await
}

async fn set(ctx: &Context, actor: &Actor, server_id: i64, suspend: bool) -> Result<(), Error> {
    actor.require(Ability::Operate)?;
    let changing = Changing::new(ctx, actor);
    let switched = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let keeps = !suspend && row.delete_at.is_some();
            if suspend {
                // Also one that is suspended for its traffic: more of that does not end this.
                traffic_limit::keep_suspended(tx, row.id).await?;
            }
            // Nor does credit that comes or goes change what somebody decides.
            run_out::decided(tx, row.id, suspend, changing.now).await?;
            if row.suspended == suspend && !keeps {
                return Ok(());
            }
            if keeps {
                servers::set_delete_at(tx, row.id, None, changing.now).await?;
                pending_action::remove(tx, row.id, server_delete::PENDING).await?;
            }
            let queued = if row.suspended == suspend { None } else { switch(&changing, tx, &row, suspend).await? };
            let before = json!({ "suspended": row.suspended, "deleteAt": row.delete_at });
            let after_delete_at = if keeps { None } else { row.delete_at };
            let after = json!({ "suspended": suspend, "deleteAt": after_delete_at, "queue": queued });
            let action = if suspend { "suspend_server" } else { "unsuspend_server" };
            changing.record(tx, action, &row, before, after).await
        })
    });
    switched.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// Answers the queue item of the power change; a server that was never built has none.
pub(crate) async fn switch(
    changing: &Changing,
    tx: &Tx,
    row: &server::Model,
    suspend: bool,
) -> Result<Option<i64>, Error> {
    let changes = Changes { suspended: Some(suspend), ..Changes::default() };
    let row = changing.write(tx, row, changes, true).await?;
    for kind in ConsoleKind::ALL {
        console_token::remove(tx, row.id, kind.name()).await?;
    }
    if row.commission_status == 0 {
        return Ok(None);
    }
    let action = if suspend { "suspend_server" } else { "unsuspend_server" };
    let payload = SuspendPayload { suspend };
    let work = Work { kind: Kind::Suspend, action, server: &row, exclusive: false, payload };
    Ok(Some(queue::enqueue(&changing.ctx, tx, work, changing.now).await?))
}
