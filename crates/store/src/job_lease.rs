//! Who runs a job: claims, leases and fenced commits.
//!
//! A claim gives a lease that ends at a time of the database's clock, and a token. Every write of a runner names the
//! token and does nothing when another has claimed since; the same token goes to the node, which refuses lower ones.
//! Tokens grow within a job with each claim, and from one job of a server to its next because ids do.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
    sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType, Query},
};
use serde_json::Value;

use crate::{
    Micros, StoreError, Tx,
    entity::{job, job_log},
    job::{QUEUED, RUNNING},
};

/// Claims of one job that its tokens have room for.
const CLAIMS_BITS: u32 = 24;
/// How many rows a claim looks at; those that may not run yet are passed over.
const LOOK_AHEAD: u64 = 64;

/// Bounds on jobs of a kind that run at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub kind: &'static str,
    pub per_node: u64,
    pub total: u64,
}

#[derive(Clone, Debug)]
pub struct Claim<'a> {
    pub owner: &'a str,
    pub limit: usize,
    /// The caller's clock, by which jobs are due.
    pub now: Micros,
    pub lease: Micros,
    pub bounds: &'a [Bounds],
}

/// Microseconds of the database's clock, which leases are measured by.
pub async fn database_now(db: &impl ConnectionTrait) -> Result<Micros, StoreError> {
    let sql = match db.get_database_backend() {
        DatabaseBackend::Sqlite => "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) AS now",
        _ => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now",
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt("the database told no time".to_owned()))?;
    Ok(row.try_get("", "now")?)
}

/// Takes up to `limit` jobs that may run: due, first of their server and lane, within the bounds; those whose runner
/// let its lease end first.
pub async fn claim(tx: &Tx, claim: &Claim<'_>) -> Result<Vec<job::Model>, StoreError> {
    let clock = database_now(tx).await?;
    let mut candidates = runnable(claim.now, clock);
    if tx.get_database_backend() == DatabaseBackend::Postgres {
        candidates = candidates.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let mut taken = Vec::new();
    for row in candidates.all(tx).await? {
        if taken.len() == claim.limit {
            break;
        }
        if row.state == QUEUED && !within_bounds(tx, claim.bounds, &row).await? {
            continue;
        }
        let token = if row.lease_token == 0 { (row.id << CLAIMS_BITS) + 1 } else { row.lease_token + 1 };
        let updated = job::ActiveModel {
            id: Set(row.id),
            state: Set(RUNNING.to_owned()),
            lease_token: Set(token),
            lease_owner: Set(Some(claim.owner.to_owned())),
            lease_until: Set(Some(clock + claim.lease)),
            started_at: Set(row.started_at.or(Some(claim.now))),
            updated_at: Set(claim.now),
            ..Default::default()
        };
        taken.push(job::Entity::update(updated).exec(tx).await?);
    }
    Ok(taken)
}

fn runnable(now: Micros, clock: Micros) -> sea_orm::Select<job::Entity> {
    let older = Alias::new("older");
    let column = |name: &str| Expr::col((older.clone(), Alias::new(name)));
    let earlier_work = Query::select()
        .expr(Expr::val(1))
        .from_as(job::Entity, older.clone())
        .and_where(column("server_id").equals((job::Entity, job::Column::ServerId)))
        .and_where(column("lane").equals((job::Entity, job::Column::Lane)))
        .and_where(column("id").lt(Expr::col((job::Entity, job::Column::Id))))
        .and_where(column("state").is_in([QUEUED, RUNNING]))
        .take();
    let due = Condition::all()
        .add(job::Column::State.eq(QUEUED))
        .add(job::Column::RunAt.lte(now))
        .add(Expr::exists(earlier_work).not());
    let abandoned = Condition::all().add(job::Column::State.eq(RUNNING)).add(job::Column::LeaseUntil.lt(clock));
    job::Entity::find()
        .filter(Condition::any().add(due).add(abandoned))
        .order_by_desc(job::Column::State)
        .order_by_asc(job::Column::RunAt)
        .order_by_asc(job::Column::Id)
        .limit(LOOK_AHEAD)
}

/// A job that has begun keeps its place while it waits between steps, so that no two share one.
async fn within_bounds(tx: &Tx, bounds: &[Bounds], row: &job::Model) -> Result<bool, StoreError> {
    let Some(bound) = bounds.iter().find(|bound| bound.kind == row.kind) else { return Ok(true) };
    if row.started_at.is_some() {
        return Ok(true);
    }
    let begun = job::Entity::find()
        .filter(job::Column::Kind.eq(bound.kind))
        .filter(job::Column::State.is_in([QUEUED, RUNNING]))
        .filter(job::Column::StartedAt.is_not_null());
    if begun.clone().count(tx).await? >= bound.total {
        return Ok(false);
    }
    Ok(begun.filter(job::Column::HypervisorId.eq(row.hypervisor_id)).count(tx).await? < bound.per_node)
}

/// Whether the lease still is this token's; it then lasts `lease` from now.
pub async fn extend(tx: &Tx, id: i64, token: i64, lease: Micros) -> Result<bool, StoreError> {
    let until = database_now(tx).await? + lease;
    update(tx, id, token, &[(job::Column::LeaseUntil, until)]).await
}

/// Progress within a step, 0 to 100.
pub async fn progress(tx: &Tx, id: i64, token: i64, percent: i32, now: Micros) -> Result<bool, StoreError> {
    update(tx, id, token, &[(job::Column::Progress, i64::from(percent)), (job::Column::UpdatedAt, now)]).await
}

async fn update(tx: &Tx, id: i64, token: i64, set: &[(job::Column, i64)]) -> Result<bool, StoreError> {
    let mut query = job::Entity::update_many();
    for (column, value) in set {
        query = query.col_expr(*column, Expr::value(*value));
    }
    let done = query.filter(held(id, token)).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

fn held(id: i64, token: i64) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(id))
        .add(job::Column::LeaseToken.eq(token))
        .add(job::Column::State.eq(RUNNING))
}

/// What a runner says when a step has ended.
#[derive(Clone, Debug)]
pub enum After {
    /// Goes on with the next step at once, under the same lease.
    Next {
        step: String,
        progress: i32,
    },
    /// Gives the job back until a time; `again` counts as another attempt at the same step.
    Wait {
        step: String,
        run_at: Micros,
        again: bool,
        error: Option<String>,
    },
    Ended {
        state: &'static str,
        error: Option<String>,
        result: Value,
    },
}

/// Writes the end of a step. `false` when another has claimed the job since: then nothing may be kept.
pub async fn commit(tx: &Tx, job: &job::Model, after: &After, now: Micros) -> Result<bool, StoreError> {
    let mut query = job::Entity::update_many().col_expr(job::Column::UpdatedAt, Expr::value(now));
    query = match after {
        After::Next { step, progress } => query
            .col_expr(job::Column::Step, Expr::value(step.as_str()))
            .col_expr(job::Column::Attempt, Expr::value(0))
            .col_expr(job::Column::Error, Expr::value(None::<String>))
            .col_expr(job::Column::Progress, Expr::value(*progress)),
        After::Wait { step, run_at, again, error } => query
            .col_expr(job::Column::State, Expr::value(QUEUED))
            .col_expr(job::Column::Step, Expr::value(step.as_str()))
            .col_expr(job::Column::RunAt, Expr::value(*run_at))
            .col_expr(job::Column::Attempt, Expr::value(if *again { job.attempt + 1 } else { job.attempt }))
            .col_expr(job::Column::Error, Expr::value(error.clone()))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<i64>)),
        After::Ended { state, error, result } => query
            .col_expr(job::Column::State, Expr::value(*state))
            .col_expr(job::Column::Error, Expr::value(error.clone()))
            .col_expr(job::Column::Result, Expr::value(result.clone()))
            .col_expr(job::Column::Progress, Expr::value(100))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<i64>))
            .col_expr(job::Column::FinishedAt, Expr::value(now)),
    };
    let done = query.filter(held(job.id, job.lease_token)).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

/// Adds to the job's log, which the queue shows as its primary actions. `data` holds no secrets.
pub async fn log(tx: &Tx, job_id: i64, step: &str, success: bool, data: Value, now: Micros) -> Result<(), StoreError> {
    let row = job_log::ActiveModel {
        job_id: Set(job_id),
        step: Set(step.to_owned()),
        success: Set(success),
        data: Set(data),
        created_at: Set(now),
        ..Default::default()
    };
    job_log::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The log of a job, oldest first, the newest `limit` entries of it.
pub async fn log_of(db: &impl ConnectionTrait, job_id: i64, limit: u64) -> Result<Vec<job_log::Model>, StoreError> {
    let query = job_log::Entity::find().filter(job_log::Column::JobId.eq(job_id));
    let mut rows = query.order_by_desc(job_log::Column::Id).limit(limit).all(db).await?;
    rows.reverse();
    Ok(rows)
}
