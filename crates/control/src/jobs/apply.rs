//! Changes of a server's rows, followed by its node: the newest of them, however many calls wrote them.
//!
//! ```text
//!   send ⇄ await → (done)
//! ```
//!
//! Volumes of disks that left the server are removed at the end. What the guest that runs can't take while it runs waits for its next start, and is shown so.

use std::time::Duration;

use serde_json::json;

use super::{Run, StepError, StepResult, build::load, leaving, specification};
use crate::nodes::Poll;

/// Looks within one step, some ten seconds.
const LOOKS: u32 = 45;
/// A node that can't carry out a change is asked again this often, with pauses that double from two seconds, and then
/// the server's other work goes on.
const TRIES: i32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send,
    Await,
}

impl Step {
    pub const ALL: [Step; 2] = [Step::Send, Step::Await];

    pub const fn name(self) -> &'static str {
        match self {
            Step::Send => "server.apply.send",
            Step::Await => "server.apply.await",
        }
    }
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    if run.job.step == Step::Await.name() { await_applied(run).await } else { send(run).await }
}

async fn send(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    if details.server.commission_status != 3 {
        return Ok(StepResult::done().data(json!({ "built": false, "detail": "The next build has the changes." })));
    }
    let details = specification::send(run, &run.node().await?).await?;
    let data = json!({ "generation": details.server.generation });
    Ok(StepResult::next(Step::Await.name()).progress(30).data(data))
}

async fn await_applied(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let node = run.node().await?;
    let (uuid, wanted) = (details.server.uuid.to_string(), details.server.generation.unsigned_abs());
    let mut poll = Poll::default();
    for _ in 0..LOOKS {
        let seen = node.observe(&uuid).await?.filter(|seen| seen.desired_generation >= wanted);
        // Changed again since, or the node lost it.
        let Some(seen) = seen else { return Ok(StepResult::next(Step::Send.name())) };
        if let Some(mut settled) = specification::settled(&details, &seen) {
            settled.gone_disks = leaving::gone(run, &node, &details).await?;
            let (server_id, now) = (details.server.id, run.ctx.now());
            let waiting = settled.waiting.iter().map(|new| new.action.clone()).collect::<Vec<_>>();
            let data = json!({ "applied": settled.applied, "waiting": waiting });
            return Ok(StepResult::done().data(data).write(move |tx| {
                let settled = settled.clone();
                Box::pin(async move { specification::write(tx, server_id, &settled, now).await })
            }));
        }
        if !seen.error.is_empty() {
            return if run.job.attempt < TRIES {
                Err(StepError::Retry(seen.error))
            } else {
                Ok(StepResult::fail(format!("The node can't carry out the change: {}", seen.error)))
            };
        }
        poll.pause().await;
    }
    Ok(StepResult::wait(Duration::from_secs(1)))
}
