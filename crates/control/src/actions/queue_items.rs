//! Items of the queue: called off, and taken up again.

use berth_store::{Tx, audit, entity::job as entity, job, job_lease, server as servers};
use serde_json::json;

use super::{
    entry,
    queue::{self, Subject},
    server_build,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    jobs::{Again, Kind, Run},
    scheduler,
};

const ITEM: &str = "queue item";

/// Ends what has not begun; what runs stops after the step that it is at. Asking twice is no mistake.
pub async fn cancel(ctx: &Context, actor: &Actor, id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let now = ctx.now();
    let cancelled = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row = job::lock(tx, id).await?.ok_or(Error::NotFound(ITEM))?;
            let kind = unfinished(&row)?;
            let before = json!({ "state": row.state });
            let after = json!({ "action": row.action, "server": row.server_id });
            if job::cancel(tx, id, reason(&row), now).await? {
                job_lease::log(tx, id, &row.step, false, json!({ "cancelled": true }), now).await?;
                if let Some(write) = kind.undone(&Run { ctx: ctx.clone(), job: row }) {
                    write(tx).await?;
                }
            } else {
                job::request_cancel(tx, id, now).await?;
            }
            Ok(audit::record(tx, entry(&actor, now, "cancel_job", ("job", id), Some(before), Some(after))).await?)
        })
    });
    cancelled.await?;
    ctx.nudge.notify_one();
    Ok(())
}

/// What a cancelled job says of itself.
pub fn reason(row: &entity::Model) -> &'static str {
    match row.started_at {
        None => "It was cancelled before it began.",
        Some(_) => "It was cancelled. What its node was told before that stays as it is.",
    }
}

fn unfinished(row: &entity::Model) -> Result<Kind, Error> {
    if row.finished_at.is_some() {
        return Err(Error::invalid(format!("The queue item has ended already: it is {}.", row.state)));
    }
    let kind = kind_of(row)?;
    if kind.can_stop() {
        return Ok(kind);
    }
    Err(Error::invalid("A deletion that has begun can't be called off."))
}

fn kind_of(row: &entity::Model) -> Result<Kind, Error> {
    let unknown = || Error::invalid(format!("This release does not know work of the kind '{}'.", row.kind));
    Kind::from_name(&row.kind).ok_or_else(unknown)
}

/// Queues the work of an item that failed or was cancelled anew; answers the new item's id.
pub async fn retry(ctx: &Context, actor: &Actor, id: i64) -> Result<i64, Error> {
    actor.require(Ability::Write)?;
    let now = ctx.now();
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row = job::lock(tx, id).await?.ok_or(Error::NotFound(ITEM))?;
            require_failed(tx, &row).await?;
            let queue_id = begin(&ctx, tx, &row).await?;
            let after = json!({ "action": row.action, "server": row.server_id, "queue": queue_id });
            audit::record(tx, entry(&actor, now, "retry_job", ("job", id), None, Some(after))).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(queue_id)
}

/// Only the newest of its kind: what a later one did must not be undone by an older one.
async fn require_failed(tx: &Tx, row: &entity::Model) -> Result<(), Error> {
    if row.state != job::FAILED && row.state != job::CANCELLED {
        return Err(Error::invalid(format!(
            "Only a queue item that failed or was cancelled can be retried; this one is {}.",
            row.state
        )));
    }
    match job::newest_like(tx, row).await?.filter(|newest| newest.id != row.id) {
        None => Ok(()),
        Some(newest) => Err(Error::invalid(format!(
            "Queue item {} of the same kind came after this one; retry that, or ask for the operation anew.",
            newest.id
        ))),
    }
}

async fn begin(ctx: &Context, tx: &Tx, row: &entity::Model) -> Result<i64, Error> {
    let (kind, now) = (kind_of(row)?, ctx.now());
    let gone = || Error::invalid("The server of this queue item is gone or being deleted.");
    let Some(server_id) = row.server_id else {
        let subject = Subject { server_id: None, hypervisor_id: row.hypervisor_id };
        return put_again(ctx, tx, kind, row, subject).await;
    };
    if kind.again() == Again::Deletion {
        let server = servers::by_id_even_deleting(tx, server_id).await?.ok_or_else(gone)?;
        return Ok(scheduler::begin_deletion(tx, &server, ctx.rng.uuid(), now).await?.id);
    }
    let server = servers::lock(tx, server_id).await?.ok_or_else(gone)?;
    queue::require_free(tx, &server).await?;
    if kind.again() == Again::Build {
        if server.protected {
            return Err(Error::Locked { msg: "The server is protected.".to_owned(), queue_id: None });
        }
        let payload = serde_json::from_value(row.payload.clone()).map_err(anyhow::Error::from)?;
        return server_build::again(ctx, tx, &server, payload).await;
    }
    queue::require_built(&server)?;
    queue::require_place(tx, &server, kind).await?;
    let subject = Subject { server_id: Some(server.id), hypervisor_id: Some(server.hypervisor_id) };
    put_again(ctx, tx, kind, row, subject).await
}

async fn put_again(ctx: &Context, tx: &Tx, kind: Kind, row: &entity::Model, of: Subject) -> Result<i64, Error> {
    let (payload, once) = (row.payload.clone(), (ctx.rng.uuid(), ctx.now()));
    queue::put(tx, queue::new_job(kind, &row.action, of, row.exclusive, payload, once)).await
}
