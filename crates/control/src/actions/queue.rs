//! Work on a server: who may be queued behind what is there, and who is told to come back later.

use berth_store::{Micros, Tx, entity::server, job};
use serde::Serialize;

use crate::{Context, Error, jobs::Kind};

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
    let limit = i64::try_from(kind.time_limit().as_micros()).unwrap_or(i64::MAX / 2);
    let new = job::NewJob {
        uuid: ctx.rng.uuid(),
        kind: kind.name(),
        action,
        server_id: Some(server.id),
        hypervisor_id: Some(server.hypervisor_id),
        lane: job::LANE_MAIN,
        exclusive,
        step: kind.first_step().to_owned(),
        payload: serde_json::to_value(payload).map_err(anyhow::Error::from)?,
        run_at: now,
        deadline_at: now.saturating_add(limit),
        now,
    };
    match job::enqueue(tx, new).await {
        Ok(queued) => Ok(queued.id),
        Err(error) if job::locked(&error) => {
            let msg = "The server is locked: other work on it has not ended.".to_owned();
            Err(Error::Locked { msg, queue_id: None })
        }
        Err(error) => Err(error.into()),
    }
}
