//! The disc in a server's drive: fetched by the node beside the server's other work, then put in by an apply.
//!
//! ```text
//!   fetch → follow → await → (done)
//! ```
//!
//! A server's rows name the disc from the start, also when it can't be had; its specification does so once the node has
//! it.

use std::time::Duration;

use berth_proto as proto;
use berth_store::{iso, server as servers, server_details::ServerDetails};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Run, StepError, StepResult, build::load};
use crate::{actions::queue, nodes::Poll};

/// Looks within one step, some hundred milliseconds: the apply may have its turn only after other work.
const LOOKS: u32 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Fetch,
    Follow,
    Await,
}

impl Step {
    const ALL: [Step; 3] = [Step::Fetch, Step::Follow, Step::Await];

    pub const fn name(self) -> &'static str {
        match self {
            Step::Fetch => "server.media.fetch",
            Step::Follow => "server.media.apply",
            Step::Await => "server.media.await",
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MediaPayload {
    /// 0: the drive is to be empty.
    pub iso_id: i64,
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let Some(step) = Step::ALL.into_iter().find(|step| step.name() == run.job.step) else {
        return Err(StepError::Fatal(format!("Mounting has no step '{}'.", run.job.step)));
    };
    let MediaPayload { iso_id } = run.payload()?;
    let details = load(run).await?;
    if details.server.iso_id.unwrap_or(0) != iso_id {
        return Ok(StepResult::done().data(json!({ "detail": "Something else was wanted meanwhile." })));
    }
    match step {
        Step::Fetch => fetch(run, details).await,
        Step::Follow => Ok(follow(run, &details)),
        Step::Await => await_applied(run, &details).await,
    }
}

async fn fetch(run: &Run, details: ServerDetails) -> Result<StepResult, StepError> {
    let Some(row) = details.iso else { return Ok(StepResult::next(Step::Follow.name())) };
    let node = run.node().await?;
    let mut status = node.ensure_iso(&run.ctx, &row).await?;
    if status.state() == proto::image_status::State::Missing {
        status = node.put_iso(&run.ctx, &row).await?;
    }
    match status.state() {
        proto::image_status::State::Ready => {
            let (server_id, iso_id, node_id) = (details.server.id, row.id, node.row.id);
            let bytes = i64::try_from(status.total_bytes).unwrap_or(i64::MAX);
            let digest = status.digest;
            let data = json!({ "iso": row.name, "digest": digest, "bytes": bytes });
            Ok(StepResult::next(Step::Follow.name()).progress(80).data(data).write(move |tx| {
                let digest = digest.clone();
                Box::pin(async move {
                    iso::pin(tx, iso_id, &digest, bytes).await?;
                    iso::ready(tx, server_id, iso_id, node_id).await?;
                    Ok(())
                })
            }))
        }
        proto::image_status::State::Failed if status.retry => Err(StepError::Retry(status.error)),
        proto::image_status::State::Failed => Ok(StepResult::fail(status.error)),
        _ => {
            let percent = status.got_bytes.saturating_mul(75).checked_div(status.total_bytes).unwrap_or(0);
            run.note_progress(5 + i32::try_from(percent.min(75)).unwrap_or(0)).await?;
            Ok(StepResult::wait(Duration::from_secs(1)))
        }
    }
}

/// The server's own work applies it in its turn.
fn follow(run: &Run, details: &ServerDetails) -> StepResult {
    let (ctx, server_id, now) = (run.ctx.clone(), details.server.id, run.ctx.now());
    StepResult::next(Step::Await.name()).progress(85).write(move |tx| {
        let ctx = ctx.clone();
        Box::pin(async move {
            let Some(row) = servers::lock(tx, server_id).await? else { return Ok(()) };
            queue::enqueue_apply(&ctx, tx, &row, now).await?;
            ctx.nudge.notify_one();
            Ok(())
        })
    })
}

async fn await_applied(run: &Run, details: &ServerDetails) -> Result<StepResult, StepError> {
    if details.server.commission_status == 0 || details.server.build_failed {
        return Ok(StepResult::done().data(json!({ "detail": "The next build has it." })));
    }
    let node = run.node().await?;
    let (uuid, wanted) = (details.server.uuid.to_string(), details.server.generation.unsigned_abs());
    let mut poll = Poll::default();
    for _ in 0..LOOKS {
        let seen = node.observe(&uuid).await?;
        if seen.is_some_and(|seen| seen.applied_generation >= wanted) {
            return Ok(StepResult::done().data(json!({ "generation": wanted })));
        }
        poll.pause().await;
    }
    Ok(StepResult::wait(Duration::from_secs(1)))
}
