//! Durable work: the queue's rows as actions see them.
//!
//! A job is queued or running until it ends as done, failed or cancelled. Jobs of one server in one lane run one
//! after the other, in the order of their ids; a job that is `exclusive` owns its server, and no second one is taken.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{Micros, StoreError, Tx, entity::job};

pub const QUEUED: &str = "queued";
pub const RUNNING: &str = "running";
pub const DONE: &str = "done";
pub const FAILED: &str = "failed";
pub const CANCELLED: &str = "cancelled";

/// Work of a server runs one after the other in this lane.
pub const LANE_MAIN: i32 = 0;

#[derive(Clone, Debug)]
pub struct NewJob {
    pub uuid: Uuid,
    pub kind: &'static str,
    /// The operation's name in the Global API's queue.
    pub action: &'static str,
    pub server_id: Option<i64>,
    pub hypervisor_id: Option<i64>,
    pub lane: i32,
    pub exclusive: bool,
    pub step: String,
    /// Without secrets.
    pub payload: Value,
    pub run_at: Micros,
    pub deadline_at: Micros,
    pub now: Micros,
}

/// Queues a job. [`locked`] tells whether the error means that another job owns the server.
pub async fn enqueue(tx: &Tx, new: NewJob) -> Result<job::Model, StoreError> {
    let NewJob {
        uuid,
        kind,
        action,
        server_id,
        hypervisor_id,
        lane,
        exclusive,
        step,
        payload,
        run_at,
        deadline_at,
        now,
    } = new;
    let row = job::ActiveModel {
        uuid: Set(uuid),
        kind: Set(kind.to_owned()),
        action: Set(action.to_owned()),
        server_id: Set(server_id),
        hypervisor_id: Set(hypervisor_id),
        lane: Set(lane),
        exclusive: Set(exclusive),
        state: Set(QUEUED.to_owned()),
        step: Set(step),
        payload: Set(payload),
        result: Set(Value::Object(serde_json::Map::new())),
        attempt: Set(0),
        run_at: Set(run_at),
        deadline_at: Set(deadline_at),
        lease_until: Set(None),
        lease_token: Set(0),
        lease_owner: Set(None),
        progress: Set(0),
        error: Set(None),
        cancel_requested: Set(false),
        started_at: Set(None),
        finished_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(job::Entity::insert(row).exec_with_returning(tx).await?)
}

/// Whether [`enqueue`] failed because a job owns the server.
pub fn locked(error: &StoreError) -> bool {
    error.violates("jobs", &["server_id"])
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<job::Model>, StoreError> {
    Ok(job::Entity::find_by_id(id).one(db).await?)
}

/// The job that owns the server now, if one does.
pub async fn blocking(db: &impl ConnectionTrait, server_id: i64) -> Result<Option<job::Model>, StoreError> {
    let query = unfinished(server_id).filter(job::Column::Exclusive.eq(true));
    Ok(query.one(db).await?)
}

/// How many jobs of a kind wait for their turn on a server.
pub async fn waiting(db: &impl ConnectionTrait, server_id: i64, kind: &str) -> Result<u64, StoreError> {
    let query = unfinished(server_id).filter(job::Column::Kind.eq(kind)).filter(job::Column::State.eq(QUEUED));
    Ok(query.count(db).await?)
}

/// Whether any job of the server has not ended.
pub async fn any_unfinished(db: &impl ConnectionTrait, server_id: i64) -> Result<bool, StoreError> {
    Ok(unfinished(server_id).one(db).await?.is_some())
}

fn unfinished(server_id: i64) -> sea_orm::Select<job::Entity> {
    job::Entity::find()
        .filter(job::Column::ServerId.eq(server_id))
        .filter(job::Column::State.is_in([QUEUED, RUNNING]))
        .order_by_asc(job::Column::Id)
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub server_id: Option<i64>,
    pub state: Option<String>,
}

/// Newest first, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<job::Model>, u64), StoreError> {
    let mut condition = Condition::all();
    if let Some(server_id) = filter.server_id {
        condition = condition.add(job::Column::ServerId.eq(server_id));
    }
    if let Some(state) = &filter.state {
        condition = condition.add(job::Column::State.eq(state.as_str()));
    }
    let query = job::Entity::find().filter(condition);
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(job::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Ends the server's jobs that have not begun, and asks those that run to stop at their next step.
pub async fn cancel_all(tx: &Tx, server_id: i64, reason: &str, now: Micros) -> Result<(), StoreError> {
    let of_server = Condition::all().add(job::Column::ServerId.eq(server_id));
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(CANCELLED))
        .col_expr(job::Column::Error, Expr::value(reason))
        .col_expr(job::Column::FinishedAt, Expr::value(now))
        .col_expr(job::Column::UpdatedAt, Expr::value(now))
        .filter(of_server.clone().add(job::Column::State.eq(QUEUED)))
        .exec(tx)
        .await?;
    job::Entity::update_many()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(of_server.add(job::Column::State.eq(RUNNING)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Asks one job to stop at its next step.
pub async fn request_cancel(tx: &Tx, id: i64) -> Result<(), StoreError> {
    job::Entity::update_many()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::State.is_in([QUEUED, RUNNING]))
        .exec(tx)
        .await?;
    Ok(())
}
