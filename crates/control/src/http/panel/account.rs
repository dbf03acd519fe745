//! Logging in and out, and one's own account.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    panel::account::{
        Account, ChangePassword, ChooseLanguage, ChosenPassword, ForgottenPassword, LogIn, LoggedIn, Session,
    },
    time,
};
use berth_store::{
    entity::{session as session_row, user},
    session as sessions,
};

use super::session::{self, Person};
use crate::{
    Context, Error,
    actions::{
        forgotten_passwords,
        logins::{self, Begun, Visitor},
        users,
    },
    http::{
        auth,
        extract::{self, Body},
    },
};

/// Log in.
#[utoipa::path(post, path = "/session", tag = "Account", operation_id = "log_in", request_body = LogIn,
    responses((status = 200, description = "The session; its cookie is set.", body = Data<LoggedIn>),
        (status = 401, description = "The address and the password belong to no account that may log in; with `secondFactor` they do, and its code is wrong or lacks."),
        (status = 429, description = "Too many logins failed; `Retry-After` says when to try again.")))]
pub async fn log_in(State(ctx): State<Context>, visitor: Visitor, Body(input): Body<LogIn>) -> Result<Response, Error> {
    Ok(begun(logins::log_in(&ctx, &visitor, input).await?))
}

/// The answer to a login: the session, and its cookie.
pub(super) fn begun(begun: Begun) -> Response {
    let cookie = [(header::SET_COOKIE, session::cookie(&begun.token))];
    (cookie, Json(Data { data: logged_in(begun.user, begun.session) })).into_response()
}

/// Ask for a link by which a forgotten password is set anew.
///
/// It is mailed to whoever has the address; whether anybody has is not told. An account gets one in five minutes, and it
/// holds for an hour.
#[utoipa::path(post, path = "/forgotten-password", tag = "Account", operation_id = "forgot_password",
    request_body = ForgottenPassword,
    responses((status = 204, description = "It is mailed, if there is such an account."),
        (status = 422, description = "No mail is sent from here.")))]
pub async fn forgot_password(
    State(ctx): State<Context>,
    visitor: Visitor,
    Body(input): Body<ForgottenPassword>,
) -> Result<StatusCode, Error> {
    auth::limit_stranger(&ctx, visitor.address)?;
    forgotten_passwords::ask(&ctx, &visitor, input)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set a new password by a mailed link. All of one's sessions end.
#[utoipa::path(put, path = "/forgotten-password", tag = "Account", operation_id = "set_forgotten_password",
    request_body = ChosenPassword,
    responses((status = 204, description = "It is set."),
        (status = 422, description = "The token leads nowhere any more, or the password is too short or too long.")))]
pub async fn set_forgotten_password(
    State(ctx): State<Context>,
    visitor: Visitor,
    Body(input): Body<ChosenPassword>,
) -> Result<StatusCode, Error> {
    auth::limit_stranger(&ctx, visitor.address)?;
    forgotten_passwords::set(&ctx, &visitor, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve who is logged in.
#[utoipa::path(get, path = "/session", tag = "Account", operation_id = "get_session",
    responses((status = 200, description = "The session.", body = Data<LoggedIn>),
        (status = 401, description = "Nobody is logged in.")))]
pub async fn retrieve(person: Person) -> Json<Data<LoggedIn>> {
    Json(Data { data: logged_in(person.user, person.session) })
}

/// Log out.
#[utoipa::path(delete, path = "/session", tag = "Account", operation_id = "log_out",
    responses((status = 204, description = "The session has ended.")))]
pub async fn log_out(State(ctx): State<Context>, person: Person) -> Result<Response, Error> {
    logins::end(&ctx, &person.actor(), person.user.id, person.session.id).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, session::no_cookie())]).into_response())
}

/// List one's sessions, the newest first.
#[utoipa::path(get, path = "/sessions", tag = "Account", operation_id = "list_sessions",
    responses((status = 200, description = "The sessions.", body = Data<Vec<Session>>)))]
pub async fn sessions(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<Session>>>, Error> {
    let rows = sessions::of_user(ctx.store.read(), person.user.id, ctx.now()).await?;
    let shown = |row: session_row::Model| Session {
        id: row.id,
        current: row.id == person.session.id,
        address: row.address,
        user_agent: row.user_agent,
        created: time::offset(row.created_at),
        last_seen: time::offset(row.seen_at),
    };
    Ok(Json(Data { data: rows.into_iter().map(shown).collect() }))
}

/// End one of one's sessions.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "Account", operation_id = "end_session",
    params(("id" = i64, Path, description = "A session's id.")),
    responses((status = 204, description = "It has ended."),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such session of yours.")))]
pub async fn end_session(
    State(ctx): State<Context>,
    person: Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    logins::end(&ctx, &person.actor(), person.user.id, extract::id(&id, "session")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's password. One's other sessions end.
#[utoipa::path(put, path = "/password", tag = "Account", operation_id = "change_password", request_body = ChangePassword,
    responses((status = 204, description = "It is changed."),
        (status = 422, description = "The present password is wrong, or the new one too short or too long."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn change_password(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<ChangePassword>,
) -> Result<StatusCode, Error> {
    let of = (&person.session, &person.user);
    logins::change_password(&ctx, &person.actor(), of, &person.visitor, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Choose one's language.
#[utoipa::path(put, path = "/language", tag = "Account", operation_id = "choose_language", request_body = ChooseLanguage,
    responses((status = 204, description = "It is chosen."),
        (status = 422, description = "It is no tag of a language.")))]
pub async fn choose_language(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<ChooseLanguage>,
) -> Result<StatusCode, Error> {
    users::choose_language(&ctx, &person.actor(), person.user.id, &input.language).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn logged_in(user: user::Model, session: session_row::Model) -> LoggedIn {
    LoggedIn { user: shown(user), csrf: session.csrf }
}

fn shown(row: user::Model) -> Account {
    Account {
        name: row.name,
        email: row.email,
        timezone: row.timezone,
        language: row.language,
        admin: row.admin,
        two_factor: row.two_factor_auth,
        self_service: row.self_service != 0,
    }
}
