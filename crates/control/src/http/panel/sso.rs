//! `/token_authenticate/?1=…&2=…`: where a billing system sends its customer's browser, which lands logged in,
//! or where the account's second factor is asked for.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    routing::get,
};
use berth_api::{
    data::Data,
    panel::account::{LoggedIn, ShowCode},
};

use super::{account, session};
use crate::{
    Context, Error,
    actions::{
        arrivals::{self, Arrived, Refused},
        logins::Visitor,
    },
    http::{
        auth,
        extract::{Body, Query},
    },
};

pub const PATH: &str = "/token_authenticate";
pub const PATH_WITH_SLASH: &str = "/token_authenticate/";
/// Tokens are in the address: it is neither kept nor told to whoever comes next.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

pub fn router() -> Router<Context> {
    Router::new().route(PATH, get(land))
}

async fn land(State(ctx): State<Context>, visitor: Visitor, query: Query) -> Result<Response, Error> {
    let address = visitor.address;
    let arrived = match (query.text("1"), query.text("2")) {
        (Some(first), Some(second)) => arrivals::redeem(&ctx, &visitor, first, second).await?,
        _ => Err(Refused::Unknown),
    };
    let page = |server: Option<uuid::Uuid>| server.map_or("/".to_owned(), |uuid| format!("/server/{uuid}"));
    let (to, cookie) = match arrived {
        Ok(Arrived::In(begun, server)) => (page(server), Some(session::cookie(&begun.token))),
        // A UUID needs no escape.
        Ok(Arrived::Waits(wait, server)) => {
            (format!("/login?reason=code&next={}", page(server)), Some(session::wait_cookie(&wait)))
        }
        Err(refused) => {
            auth::limit_stranger(&ctx, address)?;
            tracing::info!(?address, reason = refused.word(), "a login from another site was refused");
            (format!("/login?reason={}", refused.word()), None)
        }
    };
    let to = HeaderValue::from_str(&to).map_err(anyhow::Error::from)?;
    let mut response = (StatusCode::SEE_OTHER, HEADERS, [(header::LOCATION, to)]).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Show the second factor of the account for which another site sent this browser here.
#[utoipa::path(post, path = "/session/code", tag = "Account", operation_id = "show_code", request_body = ShowCode,
    responses((status = 200, description = "The session; its cookie is set.", body = Data<LoggedIn>),
        (status = 401, description = "With `secondFactor`, the code is wrong or lacks; without, nothing waits for one here any more."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn show_code(
    State(ctx): State<Context>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(input): Body<ShowCode>,
) -> Result<Response, Error> {
    let begun = match session::wait(&headers) {
        Some(wait) => arrivals::show_code(&ctx, &visitor, wait, input).await,
        None => Err(Error::Unauthenticated),
    };
    if matches!(begun, Err(Error::Unauthenticated)) {
        auth::limit_stranger(&ctx, visitor.address)?;
    }
    let begun = begun?;
    let cookies = AppendHeaders([
        (header::SET_COOKIE, session::cookie(&begun.token)),
        (header::SET_COOKIE, session::no_wait_cookie()),
    ]);
    Ok((cookies, Json(Data { data: account::logged_in(begun.user, begun.session) })).into_response())
}
