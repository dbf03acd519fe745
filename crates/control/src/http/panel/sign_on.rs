//! Logins and proofs by the provider that is configured: begun by a button of the login page, or where a dangerous operation
//! wants a proof, and where the provider sends browsers back to.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use berth_api::{
    data::Data,
    panel::account::{BeginSignOn, Identity, SignOn, SignOnBegun},
    time,
};
use berth_store::{entity::user_identity as identity_row, user_identity};

use super::session::{self, Person};
use crate::{
    Context, Error,
    actions::{
        logins::Visitor,
        oidc_logins::{self, ATTEMPT_LIFE, Answer, Leaving},
        oidc_proofs,
    },
    clock::SECOND,
    http::{
        auth,
        extract::{self, Body, Query},
    },
    oidc::Settings,
};

/// What ties a login to the browser that began it.
const COOKIE: &str = "__Host-berth-oidc";
/// The code is in the address: it is neither kept nor told to whoever comes next.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

pub fn router() -> Router<Context> {
    Router::new().route(Settings::CALLBACK, get(land))
}

/// Retrieve whether there is a provider by which staff log in.
#[utoipa::path(get, path = "/sign-on", tag = "Account", operation_id = "get_sign_on",
    responses((status = 200, description = "What stands on its button, if there is one.", body = Data<SignOn>)))]
pub async fn retrieve(State(ctx): State<Context>) -> Json<Data<SignOn>> {
    let label = ctx.oidc.as_ref().map(|provider| provider.settings().label.clone());
    Json(Data { data: SignOn { label } })
}

/// Begin a login by the provider.
///
/// The browser goes where the answer says, and is led back to `/oidc/callback` within ten minutes.
#[utoipa::path(post, path = "/sign-on", tag = "Account", operation_id = "begin_sign_on", request_body = BeginSignOn,
    responses((status = 200, description = "Where to go; a cookie is set.", body = Data<SignOnBegun>),
        (status = 404, description = "There is no provider."),
        (status = 422, description = "`next` is no path of the panel."),
        (status = 429, description = "Too many logins were begun; `Retry-After` says when to try again."),
        (status = 503, description = "The provider does not answer.")))]
pub async fn begin(
    State(ctx): State<Context>,
    visitor: Visitor,
    Body(input): Body<BeginSignOn>,
) -> Result<Response, Error> {
    auth::limit_stranger(&ctx, visitor.address)?;
    Ok(sent(oidc_logins::begin(&ctx, &visitor, input).await?))
}

/// Begin to prove by the provider that it is still oneself.
///
/// It is a way where `by` of a refusal has `provider`. The provider asks who it is, and leads the browser back to
/// `/oidc/callback` within ten minutes, in the session that asked; then this session is proved.
#[utoipa::path(post, path = "/session/proof/sign-on", tag = "Account", operation_id = "begin_proof",
    request_body = BeginSignOn,
    responses((status = 200, description = "Where to go; a cookie is set.", body = Data<SignOnBegun>),
        (status = 404, description = "There is no provider, or no account of yours is known there, or its second factor is here."),
        (status = 422, description = "`next` is no path of the panel."),
        (status = 429, description = "Too many were begun; `Retry-After` says when to try again."),
        (status = 503, description = "The provider does not answer.")))]
pub async fn begin_proof(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<BeginSignOn>,
) -> Result<Response, Error> {
    auth::limit_stranger(&ctx, person.visitor.address)?;
    Ok(sent(oidc_proofs::begin(&ctx, &person.visitor, (&person.session, &person.user), input).await?))
}

fn sent(leaving: Leaving) -> Response {
    let data = SignOnBegun { url: leaving.to.into() };
    ([(header::SET_COOKIE, cookie(&leaving.cookie, ATTEMPT_LIFE / SECOND))], Json(Data { data })).into_response()
}

/// List one's accounts at providers, the newest first.
#[utoipa::path(get, path = "/identities", tag = "Account", operation_id = "list_identities",
    responses((status = 200, description = "The accounts.", body = Data<Vec<Identity>>)))]
pub async fn identities(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<Identity>>>, Error> {
    let rows = user_identity::of_user(ctx.store.read(), person.user.id).await?;
    let shown = |row: identity_row::Model| Identity {
        id: row.id,
        issuer: row.issuer,
        created: time::offset(row.created_at),
        last_used: time::offset(row.used_at),
    };
    Ok(Json(Data { data: rows.into_iter().map(shown).collect() }))
}

/// Forget one of them. The next login there looks for one's address again.
#[utoipa::path(delete, path = "/identities/{id}", tag = "Account", operation_id = "forget_identity",
    params(("id" = i64, Path, description = "An identity's id.")),
    responses((status = 204, description = "It is forgotten."),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such account of yours.")))]
pub async fn forget(State(ctx): State<Context>, person: Person, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let id = extract::id(&id, "identity")?;
    oidc_logins::forget(&ctx, &person.actor(), person.user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn land(
    State(ctx): State<Context>,
    visitor: Visitor,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Error> {
    let address = visitor.address;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let answer = Answer { state: text("state").unwrap_or_default(), code: text("code"), issuer: text("iss") };
    let browser = session::held(&headers, COOKIE).unwrap_or_default();
    let (to, cookies) = match oidc_logins::finish(&ctx, &visitor, browser, &answer).await? {
        Ok(landed) => {
            let session = landed.begun.map(|begun| session::cookie(&begun.token));
            let cookies: Vec<HeaderValue> = session.into_iter().chain([cookie("", 0)]).collect();
            (landed.next.unwrap_or_else(|| "/".to_owned()), cookies)
        }
        Err(refused) => {
            auth::limit_stranger(&ctx, address)?;
            tracing::info!(?address, reason = refused.word(), "a login or a proof by OpenID Connect was refused");
            (format!("/login?reason={}", refused.word()), Vec::new())
        }
    };
    let to = HeaderValue::from_str(&to).map_err(anyhow::Error::from)?;
    let mut response = (StatusCode::SEE_OTHER, HEADERS, [(header::LOCATION, to)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// It comes along when the provider leads back here (`Lax`), and no script reads it.
fn cookie(value: &str, life_s: i64) -> HeaderValue {
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={life_s}; Secure; HttpOnly; SameSite=Lax");
    // Letters and digits.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}
