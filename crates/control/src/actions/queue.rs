//! Work on a server: who may be queued behind what is there, and who is told to come back later.

use berth_store::{Micros, Tx, entity::server, job};
use serde::Serialize;
use serde_json::json;

use crate::{Context, Error, jobs::Kind, trail::Trail};

/// Power actions and password resets that may wait for a server at once.
pub const MOST_WAITING: u64 = 8;

/// Refuses what another job's ownership of the server excludes, and what a suspended server does not take.
pub async fn require_free(tx: &Tx, row: &server::Model) -> Result<(), Error> {
    if let Some(owner) = job::blocking(tx, row.id).await? {
        let msg = "The server is locked: other work on it has not ended.".to_owned();
        return Err(Error::Locked { msg, queue_id: Some(owner.id) });
    }
    if row.suspended {
        return Err(Error::Locked { msg: "The server is suspended.".to_owned(), queue_id: None });
    }
    Ok(())
}

pub fn require_built(row: &server::Model) -> Result<(), Error> {
    if row.commission_status == 3 { Ok(()) } else { Err(Error::invalid("The server is not built.")) }
}

pub async fn require_place(tx: &Tx, row: &server::Model, kind: Kind) -> Result<(), Error> {
    if job::waiting(tx, row.id, kind.name()).await? < MOST_WAITING {
        return Ok(());
    }
    let msg = format!("The server is locked: {MOST_WAITING} actions wait for it already.");
    Err(Error::Locked { msg, queue_id: None })
}

/// Queues that the server's node follows what was written, unless a job that does so waits for its turn already: a job
/// that begins later reads what is written now. A server that is not on a node, or only with what a failed build left,
/// gets everything with its next build.
pub async fn enqueue_apply(ctx: &Context, tx: &Tx, row: &server::Model, now: Micros) -> Result<(), Error> {
    if row.commission_status == 0 || row.build_failed {
        return Ok(());
    }
    if job::hold_queued(tx, row.id, Kind::Apply.name()).await?.is_some() {
        return Ok(());
    }
    let work = Work { kind: Kind::Apply, action: "modify_server", server: row, exclusive: false, payload: json!({}) };
    enqueue(ctx, tx, work, now).await?;
    Ok(())
}

/// What is put into the queue.
pub struct Work<'a, P> {
    pub kind: Kind,
    /// The operation's name in `GET /queue/{queueId}`.
    pub action: &'static str,
    pub server: &'a server::Model,
    /// Owns the server until it ends.
    pub exclusive: bool,
    /// Without secrets.
    pub payload: P,
}

/// Queues work; answers its id. Wake the runner after the transaction.
pub async fn enqueue<P: Serialize>(ctx: &Context, tx: &Tx, work: Work<'_, P>, now: Micros) -> Result<i64, Error> {
    let Work { kind, action, server, exclusive, payload } = work;
    let payload = serde_json::to_value(payload).map_err(anyhow::Error::from)?;
    let subject = Subject { server_id: Some(server.id), hypervisor_id: Some(server.hypervisor_id) };
    put(tx, new_job(kind, action, subject, exclusive, payload, (ctx.rng.uuid(), now))).await
}

/// What a job is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    pub server_id: Option<i64>,
    pub hypervisor_id: Option<i64>,
}

/// A job at its first step, due now.
pub fn new_job(
    kind: Kind,
    action: &str,
    subject: Subject,
    exclusive: bool,
    payload: serde_json::Value,
    (uuid, now): (uuid::Uuid, Micros),
) -> job::NewJob {
    let limit = i64::try_from(kind.time_limit().as_micros()).unwrap_or(i64::MAX / 2);
    job::NewJob {
        uuid,
        kind: kind.name(),
        action: action.to_owned(),
        server_id: subject.server_id,
        hypervisor_id: subject.hypervisor_id,
        lane: kind.lane(),
        exclusive,
        step: kind.first_step().to_owned(),
        payload,
        run_at: now,
        deadline_at: now.saturating_add(limit),
        now,
    }
}

/// Queues a job; 423 where another owns its server.
pub async fn put(tx: &Tx, mut new: job::NewJob) -> Result<i64, Error> {
    Trail::here().mark(&mut new.payload);
    let (action, server) = (new.action.clone(), new.server_id);
    match job::enqueue(tx, new).await {
        Ok(queued) => {
            // Ties the request's id to the job's, in whose lines the request no longer appears.
            tracing::info!(job = queued.id, action, server, "queued");
            Ok(queued.id)
        }
        Err(error) if job::locked(&error) => {
            let msg = "The server is locked: other work on it has not ended.".to_owned();
            Err(Error::Locked { msg, queue_id: None })
        }
        Err(error) => Err(error.into()),
    }
}
