//! Work on servers, from its order to its end.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    customer::task::{OrderedTask, Step, Task, TaskWithSteps},
    data::Data,
    page::Page,
    time,
};
use berth_store::{
    entity::{job as entity, job_log},
    job, job_lease,
};
use uuid::Uuid;

use super::{caller::Caller, refusal::Refusal};
use crate::{Context, Error, http::page::PageRequest, jobs, rights::Right};

const TASK: &str = "task";
/// Steps that an answer shows, the newest of them.
const STEPS: u64 = 200;

/// List the tasks of a server, the newest first. Takes `servers:read`.
#[utoipa::path(get, path = "/server/{serverId}/tasks", tag = "Tasks",
    params(("serverId" = String, Path, description = "A server's UUID."),
        ("results" = Option<u64>, Query, description = "Rows of a page, 1 to 200; 20 by default."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of tasks.", body = Page<Task>),
        (status = 404, description = "There is no such server that you own or share.")))]
pub async fn list(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
    page: PageRequest,
) -> Result<Json<Page<Task>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::View).await?;
    let filter = job::Filter { server_id: Some(at.id()), ..job::Filter::default() };
    let (rows, total) = job::page(ctx.store.read(), &filter, page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

/// Retrieve a task of a server: how far it is, and its steps. Takes `servers:read`.
#[utoipa::path(get, path = "/server/{serverId}/tasks/{taskId}", tag = "Tasks",
    params(("serverId" = String, Path, description = "A server's UUID."),
        ("taskId" = String, Path, description = "A task's UUID, as its order was answered.")),
    responses((status = 200, description = "The task.", body = Data<TaskWithSteps>),
        (status = 404, description = "There is no such server that you own or share, or no such task of it.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    caller: Caller,
    Path((uuid, task)): Path<(String, String)>,
) -> Result<Json<Data<TaskWithSteps>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::View).await?;
    let task = Uuid::try_parse(&task).map_err(|_| Error::NotFound(TASK))?;
    let row = job::of_server(ctx.store.read(), at.id(), task).await?.ok_or(Error::NotFound(TASK))?;
    let steps = job_lease::log_of(ctx.store.read(), row.id, STEPS).await?;
    let data = TaskWithSteps { task: shown(row), steps: steps.into_iter().map(step).collect() };
    Ok(Json(Data { data }))
}

/// What was just queued, as its order is answered.
pub async fn ordered(ctx: &Context, queue_id: i64) -> Result<OrderedTask, Error> {
    let row = job::by_id(ctx.store.read(), queue_id).await?.ok_or(Error::NotFound(TASK))?;
    Ok(OrderedTask { id: row.uuid.to_string(), status: status(&row.state).to_owned() })
}

/// The newest of an action.
pub async fn newest(ctx: &Context, server_id: i64, action: &str) -> Result<OrderedTask, Error> {
    let filter = job::Filter { server_id: Some(server_id), action: Some(action.to_owned()), ..job::Filter::default() };
    let (rows, _) = job::page(ctx.store.read(), &filter, 0, 1).await?;
    let row = rows.into_iter().next().ok_or(Error::NotFound(TASK))?;
    Ok(OrderedTask { id: row.uuid.to_string(), status: status(&row.state).to_owned() })
}

fn status(state: &str) -> &str {
    if state == job::DONE { "complete" } else { state }
}

fn shown(row: entity::Model) -> Task {
    let message = jobs::told(&row);
    let entity::Model {
        id: _,
        uuid,
        kind: _,
        action,
        server_id: _,
        hypervisor_id: _,
        lane: _,
        exclusive: _,
        state,
        step,
        // May hold what is sealed.
        payload: _,
        result: _,
        attempt: _,
        run_at: _,
        deadline_at: _,
        lease_until: _,
        lease_token: _,
        lease_owner: _,
        progress,
        error: _,
        cancel_requested: _,
        started_at,
        finished_at,
        created_at,
        updated_at,
    } = row;
    Task {
        id: uuid.to_string(),
        action,
        status: status(&state).to_owned(),
        progress,
        step,
        completed: ![job::QUEUED, job::RUNNING].contains(&state.as_str()),
        success: state == job::DONE,
        message,
        created: time::offset(created_at),
        started: time::offset(started_at.unwrap_or(created_at)),
        updated: time::offset(updated_at),
        finished: finished_at.map(time::offset),
    }
}

fn step(row: job_log::Model) -> Step {
    let job_log::Model { id: _, job_id: _, step, success, data: _, created_at } = row;
    Step { step, success, at: time::offset(created_at) }
}
