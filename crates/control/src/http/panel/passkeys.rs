//! Logins with a passkey, and one's own passkeys.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    panel::{
        account::LoggedIn,
        passkey::{
            AddPasskey, Passkey, PasskeyAnswer, PasskeyChallenge, PasskeyLogin, PasskeyProposal, Passkeys,
            ProposePasskey, RenamePasskey,
        },
    },
    time,
};
use berth_store::entity::passkey as entity;

use super::{
    account,
    session::{self, Person},
};
use crate::{
    Context, Error,
    actions::{
        logins::Visitor,
        passkeys::{self, CHALLENGE_LIFE},
    },
    clock::SECOND,
    http::{
        auth,
        extract::{self, Body},
    },
};

/// Tells the browser apart that was challenged. No other site's page makes it come along.
const COOKIE: &str = "__Host-berth-passkey";

/// Retrieve whether one may log in with a passkey.
#[utoipa::path(get, path = "/session/passkey", tag = "Account", operation_id = "get_passkey_login",
    responses((status = 200, description = "Whether.", body = Data<PasskeyLogin>)))]
pub async fn login(State(ctx): State<Context>) -> Json<Data<PasskeyLogin>> {
    Json(Data { data: PasskeyLogin { on: passkeys::off(&ctx.config).is_none() } })
}

/// Ask for a challenge to log in with a passkey. It may be answered once, by this browser, within five minutes.
#[utoipa::path(post, path = "/session/passkey", tag = "Account", operation_id = "challenge_passkey",
    responses((status = 200, description = "The challenge; a cookie is set that goes with the answer.", body = Data<PasskeyChallenge>),
        (status = 422, description = "There are no passkeys here."),
        (status = 429, description = "Too many challenges; `Retry-After` says when to try again.")))]
pub async fn challenge(State(ctx): State<Context>, visitor: Visitor) -> Result<Response, Error> {
    auth::limit_stranger(&ctx, visitor.address)?;
    let (options, secret) = passkeys::challenge(&ctx, &visitor).await?;
    let cookie = cookie(&secret, CHALLENGE_LIFE / SECOND)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(Data { data: PasskeyChallenge { options } })).into_response())
}

/// Log in with a passkey. It stands for password and second factor.
#[utoipa::path(put, path = "/session/passkey", tag = "Account", operation_id = "log_in_with_passkey",
    request_body = PasskeyAnswer,
    responses((status = 200, description = "The session; its cookie is set.", body = Data<LoggedIn>),
        (status = 401, description = "The answer is of no passkey that may log in, or the challenge does not hold any more."),
        (status = 422, description = "There are no passkeys here, or that is no answer."),
        (status = 429, description = "Too many logins failed; `Retry-After` says when to try again.")))]
pub async fn log_in(
    State(ctx): State<Context>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(input): Body<PasskeyAnswer>,
) -> Result<Response, Error> {
    let begun = passkeys::log_in(&ctx, &visitor, session::held(&headers, COOKIE), input).await?;
    let mut response = account::begun(begun);
    response.headers_mut().append(header::SET_COOKIE, cookie("", 0)?);
    Ok(response)
}

fn cookie(secret: &str, life_s: i64) -> Result<HeaderValue, Error> {
    let text = format!("{COOKIE}={secret}; Path=/; Max-Age={life_s}; Secure; HttpOnly; SameSite=Strict");
    Ok(HeaderValue::from_str(&text).map_err(anyhow::Error::from)?)
}

/// List one's passkeys, the newest first.
#[utoipa::path(get, path = "/passkeys", tag = "Passkeys", operation_id = "list_passkeys",
    responses((status = 200, description = "At most 10, and whether they log in.", body = Data<Passkeys>)))]
pub async fn list(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Passkeys>>, Error> {
    let rows = passkeys::of_user(&ctx, person.user.id).await?;
    let reason = passkeys::off(&ctx.config);
    let data = Passkeys { on: reason.is_none(), reason, passkeys: rows.into_iter().map(shown).collect() };
    Ok(Json(Data { data }))
}

/// Ask for what a browser makes a passkey by. It may be made once, in this session, within five minutes.
#[utoipa::path(post, path = "/passkeys", tag = "Passkeys", operation_id = "propose_passkey",
    request_body = ProposePasskey,
    responses((status = 200, description = "What the browser takes.", body = Data<PasskeyProposal>),
        (status = 422, description = "The password or the code is wrong, there are 10 already, or there are no passkeys here."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn propose(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<ProposePasskey>,
) -> Result<Json<Data<PasskeyProposal>>, Error> {
    let options = passkeys::propose(&ctx, &person.visitor, (&person.session, &person.user), input).await?;
    Ok(Json(Data { data: PasskeyProposal { options } }))
}

/// Add the passkey that the browser made.
#[utoipa::path(put, path = "/passkeys", tag = "Passkeys", operation_id = "add_passkey", request_body = AddPasskey,
    responses((status = 201, description = "The passkey.", body = Data<Passkey>),
        (status = 422, description = "Which fields are wrong, or that nothing was asked for in this session.")))]
pub async fn add(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<AddPasskey>,
) -> Result<(StatusCode, Json<Data<Passkey>>), Error> {
    let row = passkeys::add(&ctx, &person.actor(), (&person.session, &person.user), input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Rename a passkey.
#[utoipa::path(put, path = "/passkeys/{id}", tag = "Passkeys", operation_id = "rename_passkey",
    params(("id" = i64, Path, description = "A passkey's id.")), request_body = RenamePasskey,
    responses((status = 204, description = "It is called that."),
        (status = 404, description = "There is no such passkey of yours."),
        (status = 422, description = "The name is too long, or none.")))]
pub async fn rename(
    State(ctx): State<Context>,
    person: Person,
    Path(id): Path<String>,
    Body(input): Body<RenamePasskey>,
) -> Result<StatusCode, Error> {
    passkeys::rename(&ctx, &person.actor(), person.user.id, extract::id(&id, "passkey")?, &input.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a passkey: from now on it logs nobody in.
#[utoipa::path(delete, path = "/passkeys/{id}", tag = "Passkeys", operation_id = "remove_passkey",
    params(("id" = i64, Path, description = "A passkey's id.")),
    responses((status = 204, description = "It is gone."),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such passkey of yours.")))]
pub async fn remove(State(ctx): State<Context>, person: Person, Path(id): Path<String>) -> Result<StatusCode, Error> {
    passkeys::remove(&ctx, &person.actor(), person.user.id, extract::id(&id, "passkey")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> Passkey {
    let entity::Model { id, user_id: _, credential_id: _, credential: _, counter: _, name, used_at, created_at } = row;
    Passkey { id, name, created: time::offset(created_at), last_used: used_at.map(time::offset) }
}
