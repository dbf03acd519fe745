//! Periodic work. There is no leader: whoever claims a task's due time does it, and the others find it claimed.
//!
//! A due time that passed while nothing ran is not caught up on: each task looks at the whole state when it runs, so
//! one run does the work of all that were missed.

use std::time::Duration;

use berth_store::{
    audit,
    entity::{job as job_entity, server as server_entity},
    job, mail, periodic, server,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    Context, Error,
    actions::{address_names, cpu_fairness, login_tokens, server_traffic, traffic_limit},
    clock::{DAY, MINUTE, SECOND},
    compare,
    jobs::Kind,
    node_isos, node_metrics,
    self_service::{follow, meter, run_out},
};

const LOOK: Duration = Duration::from_secs(1);
/// Delayed deletions that are begun in one run.
const DELETIONS: u64 = 200;
/// How long ended claims and used console tokens are kept.
const KEEP: i64 = 7 * DAY;
/// How long it is known what was mailed.
const LETTERS_KEPT: i64 = 90 * DAY;

/// A run of the meter that has much to catch up on is not joined by the next one.
static METERING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[derive(Clone, Copy)]
enum Task {
    DueDeletions,
    StaleNames,
    CompareNodes,
    Trim,
    TrafficLimits,
    CpuFairness,
    NodeMetrics,
    NodeIsos,
    Meter,
    RunOut,
}

impl Task {
    const ALL: [Task; 10] = [
        Task::DueDeletions,
        Task::StaleNames,
        Task::CompareNodes,
        Task::Trim,
        Task::TrafficLimits,
        Task::CpuFairness,
        Task::NodeMetrics,
        Task::NodeIsos,
        Task::Meter,
        Task::RunOut,
    ];

    fn name(self) -> &'static str {
        match self {
            Task::DueDeletions => "due_deletions",
            Task::StaleNames => "stale_names",
            Task::CompareNodes => "compare_nodes",
            Task::Trim => "trim",
            Task::TrafficLimits => "traffic_limits",
            Task::CpuFairness => "cpu_fairness",
            Task::NodeMetrics => "node_metrics",
            Task::NodeIsos => "node_isos",
            Task::Meter => "meter",
            Task::RunOut => "run_out",
        }
    }

    fn every(self) -> i64 {
        match self {
            Task::DueDeletions => 5 * SECOND,
            Task::StaleNames => MINUTE,
            Task::CompareNodes => MINUTE,
            Task::Trim => 60 * MINUTE,
            Task::TrafficLimits => MINUTE,
            Task::CpuFairness => MINUTE,
            Task::NodeMetrics => node_metrics::TIDY_EVERY,
            Task::NodeIsos => 60 * MINUTE,
            Task::Meter | Task::RunOut => MINUTE,
        }
    }
}

/// Names of all tasks, and how often each is due.
pub fn tasks() -> impl Iterator<Item = (&'static str, i64)> {
    Task::ALL.into_iter().map(|task| (task.name(), task.every()))
}

pub async fn run(ctx: Context, owner: String, shutdown: CancellationToken) {
    let mut last = [0; Task::ALL.len()];
    loop {
        for (task, last) in Task::ALL.into_iter().zip(&mut last) {
            let due = ctx.now() / task.every() * task.every();
            if *last == due {
                continue;
            }
            match run_once(&ctx, &owner, task, due).await {
                Ok(()) => *last = due,
                Err(error) => tracing::warn!(task = task.name(), %error, "periodic work failed; it is tried again"),
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn run_once(ctx: &Context, owner: &str, task: Task, due: i64) -> Result<(), Error> {
    let now = ctx.now();
    let claimed = ctx
        .store
        .write_tx::<_, Error>(|tx| {
            let owner = owner.to_owned();
            Box::pin(async move { Ok(periodic::claim(tx, task.name(), due, &owner, now).await?) })
        })
        .await?;
    if !claimed {
        return Ok(());
    }
    match task {
        Task::DueDeletions => due_deletions(ctx).await,
        Task::StaleNames => address_names::clear_stale(ctx).await,
        Task::CompareNodes => {
            // Nodes that are away take their time, and other tasks have theirs.
            let ctx = ctx.clone();
            tokio::spawn(async move {
                if let Err(error) = compare::all(&ctx).await {
                    tracing::warn!(%error, "nodes were not compared with the database");
                }
            });
            Ok(())
        }
        Task::Trim => trim(ctx).await,
        Task::TrafficLimits => traffic_limit::look_at_all(ctx).await,
        Task::CpuFairness => cpu_fairness::look_at_all(ctx).await,
        Task::NodeMetrics => node_metrics::tidy(ctx).await,
        // It may have months to catch up on, and other tasks are not to wait.
        Task::Meter => {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                let Ok(_turn) = METERING.try_lock() else { return };
                if let Err(error) = meter::run(&ctx).await {
                    tracing::warn!(%error, "hours were not metered; the next run does it");
                }
            });
            Ok(())
        }
        Task::RunOut => run_out::look_at_all(ctx).await,
        Task::NodeIsos => {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                if let Err(error) = node_isos::prune(&ctx).await {
                    tracing::warn!(%error, "nodes were not told which ISO images they may forget");
                }
            });
            Ok(())
        }
    }
}

/// Begins the deletions whose delay has passed.
pub async fn due_deletions(ctx: &Context) -> Result<(), Error> {
    for row in server::due_for_deletion(ctx.store.read(), ctx.now(), DELETIONS).await? {
        let (id, now, uuid) = (row.id, ctx.now(), ctx.rng.uuid());
        ctx.store
            .write_tx::<_, Error>(|tx| {
                Box::pin(async move {
                    // Cancelled meanwhile, or begun by another.
                    let Some(row) = server::lock(tx, id).await?.filter(|row| row.delete_at.is_some_and(|at| at <= now))
                    else {
                        return Ok(());
                    };
                    begin_deletion(tx, &row, uuid, now).await?;
                    let entry = audit::NewEntry {
                        after: Some(json!({ "delayed": true })),
                        ..audit::NewEntry::system(now, "delete_server", "server", id)
                    };
                    Ok(audit::record(tx, entry).await?)
                })
            })
            .await?;
        ctx.nudge.notify_one();
    }
    Ok(())
}

/// Hides the server, ends its other work and queues its deletion. A build that runs is told to stop, and the
/// deletion waits for its end.
pub async fn begin_deletion(
    tx: &berth_store::Tx,
    row: &server_entity::Model,
    job_uuid: uuid::Uuid,
    now: i64,
) -> Result<job_entity::Model, Error> {
    server::set_deleting(tx, row.id, now).await?;
    follow::follow(tx, row.id, now).await?;
    job::cancel_all(tx, row.id, "The server is being deleted.", now).await?;
    let limit = i64::try_from(Kind::Delete.time_limit().as_micros()).unwrap_or(i64::MAX / 4);
    let new = job::NewJob {
        uuid: job_uuid,
        kind: Kind::Delete.name(),
        action: "delete_server".to_owned(),
        server_id: Some(row.id),
        hypervisor_id: Some(row.hypervisor_id),
        lane: job::LANE_MAIN,
        exclusive: false,
        step: Kind::Delete.first_step().to_owned(),
        payload: json!({}),
        run_at: now,
        deadline_at: now.saturating_add(limit),
        now,
    };
    Ok(job::enqueue(tx, new).await?)
}

async fn trim(ctx: &Context) -> Result<(), Error> {
    let before = ctx.now() - KEEP;
    let letters_before = ctx.now() - LETTERS_KEPT;
    let trimmed = ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            periodic::trim(tx, before).await?;
            mail::trim(tx, letters_before).await?;
            Ok(())
        })
    });
    trimmed.await?;
    server_traffic::trim(ctx).await?;
    login_tokens::trim(ctx).await
}
