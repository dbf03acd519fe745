//! Deleting a server: off its node first, then its rows. Works from every state that anything else can leave.

use std::time::Duration;

use berth_store::{server, server_outcome};
use serde_json::json;

use super::{Run, StepError, StepResult};
use crate::nodes::Poll;

/// Looks at whether all is gone within one step, some ten seconds.
const LOOKS: u32 = 45;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Evict,
    Remove,
}

impl Step {
    pub const fn name(self) -> &'static str {
        match self {
            Step::Evict => "server.delete.evict",
            Step::Remove => "server.delete.remove",
        }
    }
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    if run.job.step == Step::Remove.name() { remove(run).await } else { evict(run).await }
}

async fn evict(run: &Run) -> Result<StepResult, StepError> {
    let Some(row) = server::by_id_even_deleting(run.ctx.store.read(), run.server_id()?).await? else {
        return Ok(StepResult::done().data(json!({ "alreadyGone": true })));
    };
    let node = run.node().await?;
    // The tombstone is newer than any specification, so a late one raises nobody from the dead.
    let generation = row.generation.unsigned_abs() + 1;
    let mut poll = Poll::default();
    for _ in 0..LOOKS {
        let reply = node.evict(run.fence(), &row.uuid.to_string(), run.ctx.cluster.epoch, generation).await?;
        if reply.evicted {
            return Ok(StepResult::next(Step::Remove.name()).progress(80).data(json!({ "evicted": true })));
        }
        if !reply.error.is_empty() {
            return Err(StepError::Retry(reply.error));
        }
        poll.pause().await;
    }
    Ok(StepResult::wait(Duration::from_secs(2)))
}

async fn remove(run: &Run) -> Result<StepResult, StepError> {
    let (server_id, now) = (run.server_id()?, run.ctx.now());
    Ok(StepResult::done()
        .data(json!({ "removed": true }))
        .write(move |tx| Box::pin(async move { Ok(server_outcome::remove(tx, server_id, now).await?) })))
}
