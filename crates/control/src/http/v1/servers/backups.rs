//! What is done with a server's backups, and what its owner may do with them.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::v1::server_change::ModifyBackupAccess;

use super::SERVER;
use crate::{
    Context, Error,
    actions::{
        backup_plans::{self, PLAN},
        server_name,
    },
    actor::Actor,
    http::extract::{self, Body},
};

/// Change what a server's owner may do with its backups.
#[utoipa::path(put, path = "/servers/{serverId}/backupManager/access", tag = "Servers",
    request_body = ModifyBackupAccess,
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses(
        (status = 201, description = "From now on they may do that."),
        (status = 404, description = "There is no such server."),
    ))]
pub async fn access(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<ModifyBackupAccess>,
) -> Result<StatusCode, Error> {
    server_name::set_backup_access(&ctx, &actor, extract::id(&id, SERVER)?, input.kind).await?;
    Ok(StatusCode::CREATED)
}

/// Give a server a backup plan, or take it away with 0.
///
/// It is kept and shown; no backups are made by it yet.
#[utoipa::path(put, path = "/servers/{serverId}/backups/plan/{planId}", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id."),
        ("planId" = i64, Path, description = "A backup plan's id; 0 for none.")),
    responses(
        (status = 201, description = "It has that plan, or none."),
        (status = 404, description = "There is no such server or plan."),
    ))]
pub async fn plan(
    State(ctx): State<Context>,
    actor: Actor,
    Path((id, plan)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let server_id = extract::id(&id, SERVER)?;
    let plan_id = if plan == "0" { 0 } else { extract::id(&plan, PLAN)? };
    backup_plans::assign(&ctx, &actor, server_id, plan_id).await?;
    Ok(StatusCode::CREATED)
}
