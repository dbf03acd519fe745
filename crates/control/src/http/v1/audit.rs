//! The audit log.

use axum::{Json, extract::State};
use berth_api::{
    page::Page,
    time,
    v1::audit::{AuditActor, AuditEntry, AuditSubject},
};
use berth_store::{
    audit::{self, Filter},
    entity::audit_entry as entity,
};

use crate::{
    Context, Error,
    actor::{Ability, Actor},
    http::{extract::Query, page::PageRequest},
};

/// Retrieve the audit log, newest first.
///
/// An addition of Berth's. Every change of anything is one entry; entries are never changed nor removed.
#[utoipa::path(get, path = "/audit", tag = "Audit",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1."),
        ("action" = Option<String>, Query, description = "Only this action, as in `create_server`."),
        ("subject" = Option<String>, Query, description = "Only what was done to this kind, as in `server`."),
        ("subjectId" = Option<i64>, Query, description = "Only what was done to the one with this id."),
        ("user" = Option<i64>, Query, description = "Only what this user's tokens did."),
        ("token" = Option<i64>, Query, description = "Only what this token did."),
        ("requestId" = Option<String>, Query, description = "Only what this request did."),
        ("since" = Option<String>, Query, description = "Only from this time on (RFC 3339)."),
        ("until" = Option<String>, Query, description = "Only up to this time (RFC 3339).")),
    responses((status = 200, description = "A page of entries.", body = Page<AuditEntry>)))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<AuditEntry>>, Error> {
    actor.require(Ability::Inspect)?;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let filter = Filter {
        action: text("action"),
        subject_kind: text("subject"),
        subject_id: query.number("subjectId")?,
        user_id: query.number("user")?,
        actor_id: query.number("token")?,
        request_id: text("requestId"),
        since: query.moment("since")?,
        until: query.moment("until")?,
    };
    let (rows, total) = audit::page(ctx.store.read(), &filter, page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

fn shown(row: entity::Model) -> AuditEntry {
    let entity::Model {
        id,
        at,
        actor_kind,
        actor_id,
        user_id,
        address,
        request_id,
        action,
        subject_kind,
        subject_id,
        before,
        after,
    } = row;
    AuditEntry {
        id,
        at: time::offset(at),
        actor: AuditActor { r#type: actor_kind, id: actor_id, user_id },
        address,
        request_id,
        action,
        subject: AuditSubject { r#type: subject_kind, id: subject_id },
        before,
        after,
    }
}
