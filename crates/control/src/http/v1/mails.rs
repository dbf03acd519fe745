//! Letters that were written to users.

use axum::{Json, extract::State};
use berth_api::{page::Page, time, v1::mail::Mail};
use berth_store::{entity::mail as entity, mail};

use crate::{
    Context, Error,
    actor::{Ability, Actor},
    http::page::PageRequest,
};

/// Retrieve what mail was written, the newest first.
///
/// An addition of Berth's. Who was written to, of what, and how it went; what is in a letter is not told.
#[utoipa::path(get, path = "/mails", tag = "Mail",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of letters.", body = Page<Mail>)))]
pub async fn list(State(ctx): State<Context>, actor: Actor, page: PageRequest) -> Result<Json<Page<Mail>>, Error> {
    actor.require(Ability::Inspect)?;
    let (rows, total) = mail::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

fn shown(row: entity::Model) -> Mail {
    let entity::Model {
        id,
        uuid: _,
        user_id,
        kind,
        recipient,
        // Subjects may name servers, and bodies hold passwords.
        subject: _,
        body_enc: _,
        attempts,
        due_at,
        sent_at,
        error,
        created_at,
    } = row;
    let state = match (sent_at, due_at) {
        (Some(_), _) => "sent",
        (None, Some(_)) => "waiting",
        (None, None) => "given_up",
    };
    Mail {
        id,
        user_id,
        recipient,
        kind,
        state: state.to_owned(),
        attempts,
        error,
        created: time::offset(created_at),
        due: due_at.map(time::offset),
        sent: sent_at.map(time::offset),
    }
}
