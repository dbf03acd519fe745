//! The queue.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::queue::{QueueAction, QueueErrors, QueueException, QueueItem},
};
use berth_store::{
    entity::{job as entity, job_log},
    job, job_lease,
};

use crate::{
    Context, Error,
    actor::{Ability, Actor},
    http::{
        extract::{self, Query},
        page::PageRequest,
    },
};

const ITEM: &str = "queue item";
/// Steps that an answer shows, the newest of them.
const STEPS: u64 = 200;

/// Retrieve a queue item.
#[utoipa::path(get, path = "/queue/{queueId}", tag = "Queue",
    params(("queueId" = i64, Path, description = "As an operation answered it.")),
    responses((status = 200, description = "The item with its steps.", body = Data<QueueItem>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such item.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<QueueItem>>, Error> {
    actor.require(Ability::Read)?;
    let row = job::by_id(ctx.store.read(), extract::id(&id, ITEM)?).await?.ok_or(Error::NotFound(ITEM))?;
    let steps = job_lease::log_of(ctx.store.read(), row.id, STEPS).await?;
    Ok(Json(Data { data: item(row, steps) }))
}

/// List queue items, newest first, without their steps.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/queue", tag = "Queue",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1."),
        ("serverId" = Option<i64>, Query, description = "Only this server's."),
        ("state" = Option<String>, Query, description = "queued, running, done, failed or cancelled.")),
    responses((status = 200, description = "A page of items.", body = Page<QueueItem>), (status = 401, description = "The token is missing or wrong.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<QueueItem>>, Error> {
    actor.require(Ability::Read)?;
    let filter = job::Filter { server_id: query.number("serverId")?, state: query.text("state").map(str::to_owned) };
    let (rows, total) = job::page(ctx.store.read(), &filter, page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(|row| item(row, Vec::new())).collect(), total)))
}

fn item(row: entity::Model, steps: Vec<job_log::Model>) -> QueueItem {
    let failed = row.state == job::FAILED || row.state == job::CANCELLED;
    QueueItem {
        id: row.id,
        job_id: row.uuid.to_string(),
        job: row.kind,
        hypervisor_id: row.hypervisor_id,
        server_id: row.server_id,
        action: row.action,
        queue: row.state.clone(),
        started: row.started_at.map(time::offset),
        updated: time::offset(row.updated_at),
        finished: row.finished_at.map(time::offset),
        failed,
        progress: row.progress,
        errors: QueueErrors {
            exception: QueueException {
                stringable: row.error.is_some(),
                errors: row.error.iter().cloned().collect(),
                r#type: failed.then_some(row.state),
                trace: None,
                message: row.error,
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
