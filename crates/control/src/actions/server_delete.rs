//! Deleting a server: at once, or after a delay within which it can be called off.

use berth_store::{
    Micros, Tx, audit,
    entity::server,
    pending_action::{self, NewPending},
    server as servers,
};
use serde_json::json;

use super::entry;
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::MINUTE,
    scheduler,
};

/// Thirty days and ten hours.
pub const MOST_DELAY_MINUTES: i64 = 43_800;
/// How a delayed deletion shows among the pending actions.
pub const PENDING: &str = "Delete server";

/// With a delay the server stays as it is until then; a second call replaces the time.
pub async fn delete(ctx: &Context, actor: &Actor, server_id: i64, delay_minutes: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    if !(0..=MOST_DELAY_MINUTES).contains(&delay_minutes) {
        return Err(Error::invalid(format!("The delay must be between 0 and {MOST_DELAY_MINUTES}.")));
    }
    let now = ctx.now();
    let deleted = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            if row.protected {
                return Err(Error::Locked { msg: "The server is protected.".to_owned(), queue_id: None });
            }
            let after = if delay_minutes == 0 {
                let job = scheduler::begin_deletion(tx, &row, ctx.rng.uuid(), now).await?;
                json!({ "queue": job.id })
            } else {
                let at = now + delay_minutes * MINUTE;
                delay(tx, &row, at, now).await?;
                json!({ "deleteAt": at })
            };
            let before = json!({ "uuid": row.uuid, "name": row.name, "deleteAt": row.delete_at });
            let subject = ("server", row.id);
            Ok(audit::record(tx, entry(&actor, now, "delete_server", subject, Some(before), Some(after))).await?)
        })
    });
    deleted.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// Calls a delayed deletion off; nothing to call off is no mistake.
pub async fn cancel(ctx: &Context, actor: &Actor, server_id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let now = ctx.now();
    let cancelled = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            if row.delete_at.is_none() {
                return Ok(());
            }
            servers::set_delete_at(tx, row.id, None, now).await?;
            pending_action::remove(tx, row.id, PENDING).await?;
            let before = json!({ "deleteAt": row.delete_at });
            let subject = ("server", row.id);
            Ok(audit::record(tx, entry(&actor, now, "keep_server", subject, Some(before), None)).await?)
        })
    });
    cancelled.await
}

pub(super) async fn delay(tx: &Tx, row: &server::Model, at: Micros, now: Micros) -> Result<(), Error> {
    servers::set_delete_at(tx, row.id, Some(at), now).await?;
    pending_action::remove(tx, row.id, PENDING).await?;
    let payload = json!({ "deleteAt": berth_api::time::offset(at) });
    let new = NewPending { action: PENDING.to_owned(), waits_for: String::new(), generation: 0, payload };
    pending_action::insert(tx, row.id, new, &[], now).await?;
    Ok(())
}
