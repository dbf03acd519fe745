//! Durable work: the queue's rows as actions see them.
//!
//! A job is queued or running until it ends as done, failed or cancelled. Jobs of one server in one lane run one
//! after the other, in the order of their ids; a job that is `exclusive` owns its server, and no second one is taken.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{Micros, StoreError, Tx, entity::job};

pub const QUEUED: &str = "queued";
pub const RUNNING: &str = "running";
pub const DONE: &str = "done";
pub const FAILED: &str = "failed";
pub const CANCELLED: &str = "cancelled";
pub const STATES: [&str; 5] = [QUEUED, RUNNING, DONE, FAILED, CANCELLED];

/// Work of a server runs one after the other in this lane.
pub const LANE_MAIN: i32 = 0;
/// What a server's addresses are called is written beside its other work.
pub const LANE_NAMES: i32 = 2;
/// Discs are fetched beside the other work.
pub const LANE_MEDIA: i32 = 8;

#[derive(Clone, Debug)]
pub struct NewJob {
    pub uuid: Uuid,
    pub kind: &'static str,
    /// The operation's name in the Global API's queue.
    pub action: String,
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
        action: Set(action),
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

/// One of a server's.
pub async fn of_server(
    db: &impl ConnectionTrait,
    server_id: i64,
    uuid: Uuid,
) -> Result<Option<job::Model>, StoreError> {
    let query = job::Entity::find().filter(job::Column::ServerId.eq(server_id)).filter(job::Column::Uuid.eq(uuid));
    Ok(query.one(db).await?)
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

/// A job of this kind that waits for its turn on a server. No runner takes it before this transaction ends, so it will
/// see what this transaction writes.
pub async fn hold_queued(tx: &Tx, server_id: i64, kind: &str) -> Result<Option<i64>, StoreError> {
    // An update locks the rows in the same way on both databases.
    let held = job::Entity::update_many()
        .col_expr(job::Column::UpdatedAt, Expr::col(job::Column::UpdatedAt))
        .filter(job::Column::ServerId.eq(server_id))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::State.eq(QUEUED))
        .filter(job::Column::CancelRequested.eq(false))
        .exec_with_returning(tx)
        .await?;
    Ok(held.first().map(|job| job.id))
}

/// What is queued or running for a server, by the names of its actions, oldest first.
pub async fn unfinished_actions(db: &impl ConnectionTrait, server_id: i64) -> Result<Vec<String>, StoreError> {
    let actions = unfinished(server_id).select_only().column(job::Column::Action);
    Ok(actions.into_tuple().all(db).await?)
}

/// A job of this kind on a hypervisor that has not ended.
pub async fn unfinished_on(
    db: &impl ConnectionTrait,
    hypervisor_id: i64,
    kind: &str,
) -> Result<Option<job::Model>, StoreError> {
    let query = job::Entity::find()
        .filter(job::Column::HypervisorId.eq(hypervisor_id))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::State.is_in([QUEUED, RUNNING]));
    Ok(query.order_by_asc(job::Column::Id).one(db).await?)
}

/// The newest job of this kind on each of these hypervisors that has one; the kind is about no server.
pub async fn newest_on(
    db: &impl ConnectionTrait,
    hypervisor_ids: &[i64],
    kind: &str,
) -> Result<Vec<job::Model>, StoreError> {
    let newest = job::Entity::find()
        .select_only()
        .column_as(job::Column::Id.max(), "id")
        .filter(job::Column::ServerId.is_null())
        .filter(job::Column::HypervisorId.is_in(hypervisor_ids.iter().copied()))
        .filter(job::Column::Kind.eq(kind))
        .group_by(job::Column::HypervisorId)
        .into_query();
    Ok(job::Entity::find().filter(job::Column::Id.in_subquery(newest)).all(db).await?)
}

/// How many jobs have not ended: kind, state, number.
pub async fn unfinished_counts(db: &impl ConnectionTrait) -> Result<Vec<(String, String, i64)>, StoreError> {
    let query = job::Entity::find()
        .select_only()
        .column(job::Column::Kind)
        .column(job::Column::State)
        .column_as(job::Column::Id.count(), "number")
        .filter(job::Column::State.is_in([QUEUED, RUNNING]))
        .group_by(job::Column::Kind)
        .group_by(job::Column::State);
    Ok(query.into_tuple().all(db).await?)
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

/// What the queue is narrowed to; an empty filter is all of it.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub server_id: Option<i64>,
    pub hypervisor_id: Option<i64>,
    pub state: Option<String>,
    pub kind: Option<String>,
    pub action: Option<String>,
    /// Queued at this time or later.
    pub since: Option<Micros>,
}

impl Filter {
    fn condition(&self) -> Condition {
        let Filter { server_id, hypervisor_id, state, kind, action, since } = self;
        Condition::all()
            .add_option(server_id.map(|id| job::Column::ServerId.eq(id)))
            .add_option(hypervisor_id.map(|id| job::Column::HypervisorId.eq(id)))
            .add_option(state.as_deref().map(|state| job::Column::State.eq(state)))
            .add_option(kind.as_deref().map(|kind| job::Column::Kind.eq(kind)))
            .add_option(action.as_deref().map(|action| job::Column::Action.eq(action)))
            .add_option(since.map(|since| job::Column::CreatedAt.gte(since)))
    }
}

/// Newest first, and how many there are.
pub async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<job::Model>, u64), StoreError> {
    let query = job::Entity::find().filter(filter.condition());
    let total = query.clone().count(db).await?;
    Ok((query.order_by_desc(job::Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// Rows of the filter that changed at `since` or later, those that changed first before the others.
pub async fn changed(
    db: &impl ConnectionTrait,
    filter: &Filter,
    since: Micros,
    limit: u64,
) -> Result<Vec<job::Model>, StoreError> {
    let changed = filter.condition().add(job::Column::UpdatedAt.gte(since));
    let query = job::Entity::find().filter(changed).order_by_asc(job::Column::UpdatedAt).order_by_asc(job::Column::Id);
    Ok(query.limit(limit).all(db).await?)
}

/// Locks the row until the transaction ends.
pub async fn lock(tx: &Tx, id: i64) -> Result<Option<job::Model>, StoreError> {
    let locked = job::Entity::update_many()
        .col_expr(job::Column::UpdatedAt, Expr::col(job::Column::UpdatedAt))
        .filter(job::Column::Id.eq(id))
        .exec_with_returning(tx)
        .await?;
    Ok(locked.into_iter().next())
}

/// The newest job of this one's kind for its server, or where it has none for its hypervisor.
pub async fn newest_like(db: &impl ConnectionTrait, row: &job::Model) -> Result<Option<job::Model>, StoreError> {
    let subject = match row.server_id {
        Some(server_id) => job::Column::ServerId.eq(server_id),
        None => job::Column::ServerId.is_null().and(job::Column::HypervisorId.eq(row.hypervisor_id)),
    };
    let like = job::Entity::find().filter(subject).filter(job::Column::Kind.eq(row.kind.as_str()));
    Ok(like.order_by_desc(job::Column::Id).one(db).await?)
}

/// Ends a job that no runner has. `false` when one has it, or it has ended.
pub async fn cancel(tx: &Tx, id: i64, reason: &str, now: Micros) -> Result<bool, StoreError> {
    let done = end_queued(reason, now).filter(job::Column::Id.eq(id)).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

/// Those that are queued, ended without having come to their end.
fn end_queued(reason: &str, now: Micros) -> sea_orm::UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(CANCELLED))
        .col_expr(job::Column::Error, Expr::value(reason))
        .col_expr(job::Column::FinishedAt, Expr::value(now))
        .col_expr(job::Column::UpdatedAt, Expr::value(now))
        .filter(job::Column::State.eq(QUEUED))
}

/// Ends the server's jobs that have not begun, and asks those that run to stop at their next step.
pub async fn cancel_all(tx: &Tx, server_id: i64, reason: &str, now: Micros) -> Result<(), StoreError> {
    end_queued(reason, now).filter(job::Column::ServerId.eq(server_id)).exec(tx).await?;
    job::Entity::update_many()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .col_expr(job::Column::UpdatedAt, Expr::value(now))
        .filter(job::Column::ServerId.eq(server_id))
        .filter(job::Column::State.eq(RUNNING))
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends the server's jobs of a kind that have not begun.
pub async fn cancel_queued(tx: &Tx, server_id: i64, kind: &str, reason: &str, now: Micros) -> Result<(), StoreError> {
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(CANCELLED))
        .col_expr(job::Column::Error, Expr::value(reason))
        .col_expr(job::Column::FinishedAt, Expr::value(now))
        .col_expr(job::Column::UpdatedAt, Expr::value(now))
        .filter(job::Column::ServerId.eq(server_id))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::State.eq(QUEUED))
        .exec(tx)
        .await?;
    Ok(())
}

/// Asks one job to stop at its next step.
pub async fn request_cancel(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    job::Entity::update_many()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .col_expr(job::Column::UpdatedAt, Expr::value(now))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::State.is_in([QUEUED, RUNNING]))
        .exec(tx)
        .await?;
    Ok(())
}
