//! Backups of servers, and plans by which they are to be made.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        backup::{BackupPlan, CreateBackupPlan, ServerBackup, UpdateBackupPlan},
        confirm::Confirm,
    },
};
use berth_store::{backup_plan, entity::backup_plan as entity, server};

use crate::{
    Context, Error,
    actions::backup_plans::{self, PLAN},
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

/// Retrieve a server's backups, all of them.
///
/// None are made yet, so every server's list is empty.
#[utoipa::path(get, path = "/backups/server/{serverId}", tag = "Backups",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "The backups.", body = Data<Vec<ServerBackup>>),
        (status = 404, description = "There is no such server.")))]
pub async fn of_server(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<ServerBackup>>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(&id, "server")?;
    server::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("server"))?;
    Ok(Json(Data { data: Vec::new() }))
}

/// List backup plans.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/backups/plans", tag = "Backups",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of plans.", body = Page<BackupPlan>)))]
pub async fn plans(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<BackupPlan>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = backup_plan::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

/// Create a backup plan.
///
/// An addition of Berth's. Plans are given to servers and packages; no backups are made by them yet.
#[utoipa::path(post, path = "/backups/plans", tag = "Backups", request_body = CreateBackupPlan,
    responses((status = 201, description = "The plan.", body = Data<BackupPlan>),
        (status = 409, description = "The name is another plan's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create_plan(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateBackupPlan>,
) -> Result<(StatusCode, Json<Data<BackupPlan>>), Error> {
    let row = backup_plans::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Retrieve a backup plan.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/backups/plans/{planId}", tag = "Backups",
    params(("planId" = i64, Path, description = "A plan's id.")),
    responses((status = 200, description = "The plan.", body = Data<BackupPlan>),
        (status = 404, description = "There is no such plan.")))]
pub async fn plan(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<BackupPlan>>, Error> {
    actor.require(Ability::Read)?;
    let row = backup_plan::by_id(ctx.store.read(), extract::id(&id, PLAN)?).await?.ok_or(Error::NotFound(PLAN))?;
    Ok(Json(Data { data: shown(row) }))
}

/// Change a backup plan: what is named, nothing else. Servers that have it follow.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/backups/plans/{planId}", tag = "Backups", request_body = UpdateBackupPlan,
    params(("planId" = i64, Path, description = "A plan's id.")),
    responses((status = 200, description = "The plan as it is now.", body = Data<BackupPlan>),
        (status = 404, description = "There is no such plan."),
        (status = 409, description = "The name is another plan's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update_plan(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateBackupPlan>,
) -> Result<Json<Data<BackupPlan>>, Error> {
    let row = backup_plans::update(&ctx, &actor, extract::id(&id, PLAN)?, input).await?;
    Ok(Json(Data { data: shown(row) }))
}

/// Remove a backup plan that no server and no package has.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/backups/plans/{planId}", tag = "Backups", request_body = Confirm,
    params(("planId" = i64, Path, description = "A plan's id.")),
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such plan."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove_plan(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    backup_plans::remove(&ctx, &actor, extract::id(&id, PLAN)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> BackupPlan {
    let days = backup_plan::days(&row);
    let entity::Model { id, name, days: _, minute, keep, created_at, updated_at } = row;
    BackupPlan {
        id,
        name,
        days,
        time: backup_plans::time(minute),
        keep,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
