//! `/token_authenticate/?1=…&2=…`: where a billing system sends its customer's browser, which lands logged in.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::session;
use crate::{
    Context, Error,
    actions::{
        login_tokens::{self, Refused},
        logins::Visitor,
    },
    http::{auth, extract::Query},
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
    let landed = match (query.text("1"), query.text("2")) {
        (Some(first), Some(second)) => login_tokens::redeem(&ctx, &visitor, first, second).await?,
        _ => Err(Refused::Unknown),
    };
    let (to, cookie) = match landed {
        Ok((begun, server)) => {
            let to = server.map_or("/".to_owned(), |uuid| format!("/server/{uuid}"));
            (to, Some(session::cookie(&begun.token)))
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
