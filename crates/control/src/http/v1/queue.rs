//! The queue.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        queue::{QueueAction, QueueErrors, QueueException, QueueItem},
        server_input::Queued,
    },
};
use berth_store::{
    entity::{job as entity, job_log},
    job, job_lease,
};

use crate::{
    Context, Error,
    actions::queue_items,
    actor::{Ability, Actor},
    http::{
        extract::{self, Query},
        page::PageRequest,
    },
    jobs::{self, Kind},
};

pub(super) const ITEM: &str = "queue item";
/// Steps that an answer shows, the newest of them.
const STEPS: u64 = 200;

/// Retrieve a queue item.
#[utoipa::path(get, path = "/queue/{queueId}", tag = "Queue",
    params(("queueId" = i64, Path, description = "As an operation answered it.")),
    responses((status = 200, description = "The item with its steps.", body = Data<QueueItem>),
        (status = 404, description = "There is no such item.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<QueueItem>>, Error> {
    actor.require(Ability::Read)?;
    Ok(Json(Data { data: with_steps(&ctx, extract::id(&id, ITEM)?).await? }))
}

/// List queue items, newest first, without their steps.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/queue", tag = "Queue",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1."),
        ("serverId" = Option<i64>, Query, description = "Only this server's."),
        ("hypervisorId" = Option<i64>, Query, description = "Only this hypervisor's."),
        ("state" = Option<String>, Query, description = "queued, running, done, failed or cancelled."),
        ("kind" = Option<String>, Query, description = "Only this kind of work, as `job` names it."),
        ("action" = Option<String>, Query, description = "Only this action, as in `build_server`."),
        ("since" = Option<String>, Query, description = "Only what was queued from this time on (RFC 3339).")),
    responses((status = 200, description = "A page of items.", body = Page<QueueItem>)))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<QueueItem>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = job::page(ctx.store.read(), &filter(&query)?, page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(|row| item(row, Vec::new())).collect(), total)))
}

fn filter(query: &Query) -> Result<job::Filter, Error> {
    let one_of = |name: &str, known: &[&str]| match query.text(name) {
        Some(text) if !known.contains(&text) => {
            Err(Error::invalid(format!("The {name} must be one of {}.", known.join(", "))))
        }
        text => Ok(text.map(str::to_owned)),
    };
    Ok(job::Filter {
        server_id: query.number("serverId")?,
        hypervisor_id: query.number("hypervisorId")?,
        state: one_of("state", &job::STATES)?,
        kind: one_of("kind", &Kind::ALL.map(Kind::name))?,
        action: query.text("action").map(str::to_owned),
        since: query.moment("since")?,
    })
}

/// Call a queue item off.
///
/// An addition of Berth's. What has not begun ends at once; what runs stops after the step that it is at, unless that
/// was its last. What its node did by then stays done. A deletion can't be called off.
#[utoipa::path(post, path = "/queue/{queueId}/cancel", tag = "Queue",
    params(("queueId" = i64, Path, description = "As an operation answered it.")),
    responses((status = 200, description = "The item as it is now.", body = Data<QueueItem>),
        (status = 404, description = "There is no such item."),
        (status = 422, description = "It has ended, or is of a kind that can't be called off.")))]
pub async fn cancel(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<QueueItem>>, Error> {
    let id = extract::id(&id, ITEM)?;
    queue_items::cancel(&ctx, &actor, id).await?;
    Ok(Json(Data { data: with_steps(&ctx, id).await? }))
}

/// Take up the work of a queue item that failed or was cancelled.
///
/// An addition of Berth's. It becomes a new item with the same meaning; a build gets a new disk. Only the newest item of
/// its kind of a server can be retried.
#[utoipa::path(post, path = "/queue/{queueId}/retry", tag = "Queue",
    params(("queueId" = i64, Path, description = "As an operation answered it.")),
    responses((status = 200, description = "The new item's id.", body = Data<Queued>),
        (status = 404, description = "There is no such item."),
        (status = 422, description = "Why it can't be retried."),
        (status = 423, description = "Other work owns the server, or it is suspended or protected.")))]
pub async fn retry(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Queued>>, Error> {
    let queue_id = queue_items::retry(&ctx, &actor, extract::id(&id, ITEM)?).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

async fn with_steps(ctx: &Context, id: i64) -> Result<QueueItem, Error> {
    with_steps_of(ctx, job::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound(ITEM))?).await
}

pub(super) async fn with_steps_of(ctx: &Context, row: entity::Model) -> Result<QueueItem, Error> {
    let steps = job_lease::log_of(ctx.store.read(), row.id, STEPS).await?;
    Ok(item(row, steps))
}

pub(super) fn item(row: entity::Model, steps: Vec<job_log::Model>) -> QueueItem {
    let failed = row.state == job::FAILED || row.state == job::CANCELLED;
    let message = jobs::told(&row);
    let waits = row.state == job::QUEUED && (row.started_at.is_some() || row.attempt > 0);
    let entity::Model {
        id,
        uuid,
        kind,
        action,
        server_id,
        hypervisor_id,
        lane: _,
        exclusive: _,
        state,
        step: at,
        // May hold what is sealed.
        payload: _,
        result: _,
        attempt,
        run_at,
        deadline_at: _,
        lease_until: _,
        lease_token: _,
        lease_owner: _,
        progress,
        error,
        cancel_requested,
        started_at,
        finished_at,
        created_at,
        updated_at,
    } = row;
    QueueItem {
        id,
        job_id: uuid.to_string(),
        job: kind,
        hypervisor_id,
        server_id,
        action,
        queue: state.clone(),
        step: at,
        attempt,
        next_attempt: waits.then(|| time::offset(run_at)),
        cancel_requested,
        created: time::offset(created_at),
        started: time::offset(started_at.unwrap_or(created_at)),
        updated: time::offset(updated_at),
        finished: finished_at.map(time::offset),
        failed,
        progress,
        errors: QueueErrors {
            exception: QueueException {
                stringable: error.is_some(),
                errors: error.into_iter().collect(),
                r#type: failed.then_some(state),
                trace: None,
                message,
            },
        },
        primary_actions: steps.into_iter().map(step).collect(),
        sub_actions: Vec::new(),
    }
}

fn step(row: job_log::Model) -> QueueAction {
    let job_log::Model { id: _, job_id: _, step, success, mut data, created_at } = row;
    if let Some(fields) = data.as_object_mut() {
        fields.insert("success".to_owned(), success.into());
    }
    let at = time::offset(created_at);
    QueueAction { r#type: step, data_type: "object".to_owned(), data, created: at.clone(), updated: at }
}
