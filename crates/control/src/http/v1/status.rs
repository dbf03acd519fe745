//! How the installation is, in one answer for those who watch it.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    time,
    v1::status::{
        CacheStatus, DatabaseStatus, HypervisorAlert, HypervisorsStatus, QueueStatus, Status, TaskStatus, TasksStatus,
    },
};
use berth_store::{entity::hypervisor as entity, hypervisor, job, periodic};
use tokio::time::Instant;

use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::SECOND,
    scheduler,
};

/// A database that takes longer is not healthy.
const DATABASE_LIMIT: Duration = Duration::from_secs(2);
/// Nodes send a sample every two seconds.
const SAMPLE_LIMIT: i64 = 30 * SECOND;
/// What a control server is given to hear of its nodes, and a task to be taken up, before that is told as a fault.
const GRACE: i64 = 60 * SECOND;

/// Retrieve how this installation is.
///
/// 503, with the same body, when one of the checks fails. Hypervisors that are disabled or in maintenance are not missed.
#[utoipa::path(get, path = "/status", tag = "General", operation_id = "status",
    responses((status = 200, description = "All is well.", body = Data<Status>)))]
pub async fn status(State(ctx): State<Context>, actor: Actor) -> Result<Response, Error> {
    actor.require(Ability::Read)?;
    let database = database(&ctx).await;
    let scheduled_tasks = tasks(&ctx).await?;
    let hypervisors = hypervisors(&ctx).await?;
    let cache = CacheStatus {
        healthy: ctx.live.oldest_sample().is_none_or(|at| ctx.now() - at <= SAMPLE_LIMIT),
        hypervisors: ctx.live.heard() as u64,
        running: ctx.live.running(ctx.now()) as u64,
    };
    let healthy = database.healthy && cache.healthy && scheduled_tasks.healthy && hypervisors.healthy;
    let data = Status {
        healthy,
        version: berth_api::VERSION.to_owned(),
        started: time::offset(ctx.started_at),
        database,
        cache,
        scheduled_tasks,
        queue: queue(&ctx).await?,
        hypervisors,
    };
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(Data { data })).into_response())
}

async fn database(ctx: &Context) -> DatabaseStatus {
    let begun = Instant::now();
    let asked = berth_store::setting::get(ctx.store.read(), "cluster_uuid");
    let answered = tokio::time::timeout(DATABASE_LIMIT, asked).await;
    let kind = if ctx.store.is_postgres() { "postgresql" } else { "sqlite" };
    DatabaseStatus {
        healthy: matches!(answered, Ok(Ok(Some(_)))),
        kind: kind.to_owned(),
        answered_ms: begun.elapsed().as_secs_f64() * 1e3,
    }
}

async fn tasks(ctx: &Context) -> Result<TasksStatus, Error> {
    let due = periodic::last_due(ctx.store.read()).await?;
    let tasks = scheduler::tasks().map(|(name, every)| {
        let last = due.iter().find(|(of, _)| of == name).map(|(_, at)| *at);
        // Nothing was missed while no control server ran.
        let waited = ctx.now() - last.unwrap_or(0).max(ctx.started_at);
        TaskStatus {
            name: name.to_owned(),
            healthy: waited <= 2 * every + GRACE,
            every_s: every / SECOND,
            last_due: last.map(time::offset),
        }
    });
    let tasks: Vec<TaskStatus> = tasks.collect();
    Ok(TasksStatus { healthy: tasks.iter().all(|task| task.healthy), tasks })
}

async fn queue(ctx: &Context) -> Result<QueueStatus, Error> {
    let counts = job::unfinished_counts(ctx.store.read()).await?;
    let of = |wanted: &str| counts.iter().filter(|(_, state, _)| state == wanted).map(|(_, _, number)| number).sum();
    Ok(QueueStatus { queued: of(job::QUEUED), running: of(job::RUNNING) })
}

async fn hypervisors(ctx: &Context) -> Result<HypervisorsStatus, Error> {
    let rows = hypervisor::commissioned(ctx.store.read()).await?;
    let is_missed = |row: &&entity::Model| row.enabled && !row.maintenance && !ctx.live.hears(row.uuid);
    let alerts: Vec<HypervisorAlert> = match ctx.now() - ctx.started_at {
        // Just started: nodes are being called.
        ..=GRACE => Vec::new(),
        _ => rows.iter().filter(is_missed).map(away).collect(),
    };
    Ok(HypervisorsStatus { healthy: alerts.is_empty(), total: rows.len() as u64, alerts })
}

fn away(row: &entity::Model) -> HypervisorAlert {
    let alert = format!("Nothing is heard of the hypervisor {}; the control server's log says why.", row.name);
    HypervisorAlert { hypervisor_id: row.id, name: row.name.clone(), alert }
}
