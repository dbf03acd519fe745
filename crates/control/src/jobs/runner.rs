//! The runner: claims jobs, takes their steps, keeps their leases, commits their ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use berth_store::{
    Micros, StoreError,
    entity::job,
    job::{CANCELLED, DONE, FAILED},
    job_lease::{self, After, Bounds, Claim},
};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Kind, Run, StepError, StepResult, Then, Write};
use crate::{Context, Error, actions::queue_items::reason as cancelled, clock::SECOND, trail::Trail};

/// A runner that says nothing for this long has lost its job.
pub const LEASE: Micros = 30 * SECOND;
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the queue is looked at without a nudge.
const LOOK: Duration = Duration::from_secs(1);
/// The pause before another attempt doubles from the first to the last of these.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Runs jobs until `shutdown`; those that run then are left to their leases.
pub async fn run(ctx: Context, owner: String, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(ctx.config.job_workers as usize));
    let mut running = JoinSet::new();
    loop {
        let claimed = match claim(&ctx, &owner, slots.available_permits()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "the queue can't be read");
                Vec::new()
            }
        };
        let got_any = !claimed.is_empty();
        for job in claimed {
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { break };
            let ctx = ctx.clone();
            running.spawn(async move {
                drive(&ctx, job).await;
                drop(slot);
                ctx.nudge.notify_one();
            });
        }
        while running.try_join_next().is_some() {}
        if got_any && slots.available_permits() > 0 {
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = ctx.nudge.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Takes up to `limit` jobs that may run now. They are this owner's for the lease's time.
pub async fn claim(ctx: &Context, owner: &str, limit: usize) -> Result<Vec<job::Model>, Error> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let config = &ctx.config;
    let bounds = [Bounds { kind: "build", per_node: config.builds_per_node.into(), total: config.builds_total.into() }];
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let owner = owner.to_owned();
            Box::pin(async move {
                let claim = Claim { owner: &owner, limit, now, lease: LEASE, bounds: &bounds };
                Ok(job_lease::claim(tx, &claim).await?)
            })
        })
        .await
}

/// Takes steps until the job waits or ends.
async fn drive(ctx: &Context, job: job::Model) {
    let request = Trail::of_job(&job).request;
    let span = tracing::info_span!("job", id = job.id, kind = %job.kind, server = job.server_id, request);
    let mut run = Run { ctx: ctx.clone(), job };
    async {
        while let Some(job) = take_step(&run).await {
            run.job = job;
        }
    }
    .instrument(span)
    .await;
}

/// Takes one step and commits it; the job as it goes on, or nothing when this claim is over.
pub async fn take_step(run: &Run) -> Option<job::Model> {
    let Some(kind) = Kind::from_name(&run.job.kind) else {
        let ended =
            end(FAILED, Some(format!("This release does not know work of the kind '{}'.", run.job.kind)), Value::Null);
        commit(run, &ended, None, (false, Value::Null)).await;
        return None;
    };
    if run.job.cancel_requested && kind.can_stop() {
        let ended = end(CANCELLED, Some(cancelled(&run.job).to_owned()), Value::Null);
        commit(run, &ended, kind.undone(run).as_ref(), (false, json!({ "cancelled": true }))).await;
        return None;
    }
    let begun = Instant::now();
    let outcome = tokio::select! {
        outcome = Trail::of_job(&run.job).follow(kind.step(run)) => outcome,
        () = lease_lost(run) => {
            tracing::warn!(step = %run.job.step, "another runner has this job now");
            return None;
        }
    };
    metrics::histogram!("berth_job_step_seconds", "kind" => kind.name()).record(begun.elapsed().as_secs_f64());
    let (after, write, log) = settle(run, kind, outcome);
    if !commit(run, &after, write.as_ref(), log).await {
        return None;
    }
    if let After::Ended { state, .. } = after {
        tracing::info!(state, "ended");
        run.ctx.ended.notify_waiters();
        metrics::counter!("berth_jobs_ended_total", "kind" => kind.name(), "state" => state).increment(1);
    }
    match after {
        After::Next { step, progress } => Some(job::Model { step, progress, attempt: 0, ..reload_flags(run).await }),
        After::Wait { .. } | After::Ended { .. } => None,
    }
}

/// Whether to stop is asked between steps; everything else of the row is this runner's.
async fn reload_flags(run: &Run) -> job::Model {
    let newer = berth_store::job::by_id(run.ctx.store.read(), run.job.id).await.ok().flatten();
    let cancel_requested = newer.is_some_and(|row| row.cancel_requested);
    job::Model { cancel_requested, ..run.job.clone() }
}

/// Extends the lease again and again; returns when it is another's.
async fn lease_lost(run: &Run) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let (id, token) = (run.job.id, run.job.lease_token);
        let held = run
            .ctx
            .store
            .write_tx::<_, StoreError>(|tx| Box::pin(async move { job_lease::extend(tx, id, token, LEASE).await }))
            .await;
        match held {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "a lease could not be extended"),
        }
    }
}

/// What a step's outcome means for its job.
fn settle(run: &Run, kind: Kind, outcome: Result<StepResult, StepError>) -> (After, Option<Write>, (bool, Value)) {
    let now = run.ctx.now();
    match outcome {
        Ok(StepResult { then, data, write, progress, result }) => {
            let progress = progress.unwrap_or(run.job.progress);
            match then {
                Then::Next(step) => (After::Next { step: step.to_owned(), progress }, write, (true, or_empty(data))),
                Then::Wait(pause) => (
                    After::Wait { step: run.job.step.clone(), run_at: now + micros(pause), again: false, error: None },
                    write,
                    (true, data),
                ),
                Then::Done => (end(DONE, None, or_empty(result)), write, (true, or_empty(data))),
                Then::Fail(reason) => {
                    let data = json!({ "error": reason });
                    (end(FAILED, Some(reason), Value::Null), kind.undone(run), (false, data))
                }
            }
        }
        Err(StepError::Retry(reason)) if now < run.job.deadline_at => {
            tracing::warn!(step = %run.job.step, reason, "a step is tried again");
            let run_at = now + micros(pause(run.job.attempt));
            let data = if run.job.error.as_ref() == Some(&reason) {
                Value::Null
            } else {
                json!({ "error": reason, "retry": true })
            };
            (After::Wait { step: run.job.step.clone(), run_at, again: true, error: Some(reason) }, None, (false, data))
        }
        Err(StepError::Retry(reason)) => {
            let reason = format!("It was tried until its time limit. Last: {reason}");
            (end(FAILED, Some(reason.clone()), Value::Null), kind.undone(run), (false, json!({ "error": reason })))
        }
        Err(StepError::Fatal(reason)) => {
            (end(FAILED, Some(reason.clone()), Value::Null), kind.undone(run), (false, json!({ "error": reason })))
        }
    }
}

fn or_empty(data: Value) -> Value {
    if data.is_null() { json!({}) } else { data }
}

fn end(state: &'static str, error: Option<String>, result: Value) -> After {
    if let Some(reason) = &error {
        tracing::warn!(state, reason, "a job ended");
    }
    After::Ended { state, error, result: or_empty(result) }
}

fn pause(attempt: i32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << attempt.clamp(0, 10)).min(LAST_PAUSE)
}

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX / 4)
}

/// Commits a step's end with what it changed. `false` when the lease was lost or the database is away; then the
/// step runs again.
async fn commit(run: &Run, after: &After, write: Option<&Write>, log: (bool, Value)) -> bool {
    let now = run.ctx.now();
    let committed = run
        .ctx
        .store
        .write_tx::<_, Error>(|tx| {
            let (job, after, (success, data)) = (run.job.clone(), after.clone(), log.clone());
            let write = write.map(|write| write(tx));
            Box::pin(async move {
                if !job_lease::commit(tx, &job, &after, now).await? {
                    return Ok(false);
                }
                if let Some(write) = write {
                    write.await?;
                }
                if !data.is_null() {
                    job_lease::log(tx, job.id, &job.step, success, data, now).await?;
                }
                Ok(true)
            })
        })
        .await;
    committed.unwrap_or_else(|error| {
        tracing::error!(%error, step = %run.job.step, "the end of a step could not be written");
        false
    })
}
