//! The power change that goes with a server's suspension, behind what runs for the server when it is asked for.
//!
//! ```text
//!   look → switch → (done)
//! ```
//!
//! Whether a server is suspended is in its row already; the steps make its guest match the row as it is when they run,
//! so that of a suspension and its end that follow each other quickly only the last takes effect. What ran before is
//! remembered before the guest is powered off, and forgotten once it was booted again.

use berth_proto as proto;
use berth_store::server_change::{self, Changes};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Run, StepError, StepResult, build::load, power, specification};
use crate::nodes::op;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Look,
    Switch,
}

impl Step {
    pub const fn name(self) -> &'static str {
        match self {
            Step::Look => "server.suspend.look",
            Step::Switch => "server.suspend.switch",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct SuspendPayload {
    pub suspend: bool,
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let payload: SuspendPayload = run.payload()?;
    let details = load(run).await?;
    if details.server.suspended != payload.suspend {
        return Ok(StepResult::done().data(json!({ "detail": "It was called off." })));
    }
    match (run.job.step == Step::Switch.name(), payload.suspend) {
        (false, true) => look(run).await,
        (false, false) if details.server.ran_when_suspended => Ok(StepResult::next(Step::Switch.name())),
        (false, false) => Ok(StepResult::done().data(json!({ "detail": "The guest was off." }))),
        (true, true) => power_off(run).await,
        (true, false) => boot(run).await,
    }
}

/// A guest that runs now is to run again. One that is off may be so because of a suspension before this one.
async fn look(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let seen = run.node().await?.observe(&details.server.uuid.to_string()).await?;
    let Some(seen) = seen.filter(|seen| seen.power() != proto::Power::Absent) else {
        return Ok(StepResult::done().data(json!({ "detail": "The server is not on its node." })));
    };
    let runs = matches!(seen.power(), proto::Power::Running | proto::Power::Paused);
    let (server_id, now) = (details.server.id, run.ctx.now());
    Ok(StepResult::next(Step::Switch.name()).progress(20).data(json!({ "ran": runs })).write(move |tx| {
        Box::pin(async move {
            if runs {
                let changes = Changes { ran_when_suspended: Some(true), ..Changes::default() };
                server_change::change(tx, server_id, changes, false, now).await?;
            }
            Ok(())
        })
    }))
}

async fn power_off(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let node = run.node().await?;
    let operation = op::Op::PowerOff(proto::PowerOff {});
    let done = op::wait_done(run, &node, &details.server.uuid.to_string(), "suspend", operation).await?;
    let settled = specification::look(&node, &details).await?;
    let data = json!({ "detail": done.detail });
    Ok(StepResult::done().data(data).write(power::ended(details.server.id, Some("off"), settled, run.ctx.now())))
}

async fn boot(run: &Run) -> Result<StepResult, StepError> {
    let node = run.node().await?;
    let details = specification::send(run, &node).await?;
    let operation = op::Op::Boot(proto::Boot { wait_guest_s: 0 });
    let done = op::wait_done(run, &node, &details.server.uuid.to_string(), "unsuspend", operation).await?;
    let settled = specification::look(&node, &details).await?;
    let (server_id, now) = (details.server.id, run.ctx.now());
    let ended = power::ended(server_id, Some("running"), settled, now);
    Ok(StepResult::done().data(json!({ "detail": done.detail })).write(move |tx| {
        let ended = ended(tx);
        Box::pin(async move {
            ended.await?;
            let changes = Changes { ran_when_suspended: Some(false), ..Changes::default() };
            server_change::change(tx, server_id, changes, false, now).await?;
            Ok(())
        })
    }))
}
