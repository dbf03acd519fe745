//! The cookie of a session, and who is behind it.

use axum::{
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use berth_store::{
    entity::{server, session, user},
    server as servers,
};
use uuid::Uuid;

use crate::{
    Context, Error,
    actions::{
        arrivals::WAIT_LIFE,
        logins::{self, Visitor, WHOLE_LIFE},
    },
    actor::Actor,
    clock::SECOND,
    http::{address, auth, observe, origin, page::base_url},
};

/// The prefix makes browsers refuse it without TLS, for other paths and from other hosts of the same domain.
pub const COOKIE: &str = "__Host-berth";
/// Of a browser that another site sent and that has to show a second factor yet: nobody is logged in by it.
const WAIT_COOKIE: &str = "__Host-berth-arrival";
const CSRF_HEADER: &str = "x-csrf-token";

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Person {
    pub session: session::Model,
    pub user: user::Model,
    pub visitor: Visitor,
}

impl Person {
    /// What one may do about oneself.
    pub fn actor(&self) -> Actor {
        Actor::owner(self.user.id, self.visitor.address, self.visitor.request_id.clone())
    }
}

/// The cookie that a login sets. It goes along when another site leads here (`Lax`), and no script reads it.
pub fn cookie(token: &str) -> HeaderValue {
    set(COOKIE, token, WHOLE_LIFE / SECOND)
}

/// Until the second factor is shown.
pub fn wait_cookie(wait: &str) -> HeaderValue {
    set(WAIT_COOKIE, wait, WAIT_LIFE / SECOND)
}

pub fn no_wait_cookie() -> HeaderValue {
    set(WAIT_COOKIE, "", 0)
}

fn set(name: &str, value: &str, life_s: i64) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Max-Age={life_s}; Secure; HttpOnly; SameSite=Lax");
    // A token is letters and digits.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

pub fn no_cookie() -> HeaderValue {
    set(COOKIE, "", 0)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    held(headers, COOKIE)
}

pub fn wait(headers: &HeaderMap) -> Option<&str> {
    held(headers, WAIT_COOKIE)
}

/// What a cookie holds, if it is there.
pub fn held<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value).filter(|value| !value.is_empty())
}

pub fn visitor(ctx: &Context, parts: &Parts) -> Visitor {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Visitor {
        address: address::of_request(parts, &ctx.config.trusted_proxies),
        user_agent: agent.unwrap_or_default().to_owned(),
        request_id: observe::request_id(&parts.headers),
        before: token(&parts.headers).map(auth::hash_token),
    }
}

impl FromRequestParts<Context> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, ctx: &Context) -> Result<Self, Error> {
        Ok(visitor(ctx, parts))
    }
}

/// Lets pass what a page of ours asks, and what only reads: a login, too, is nobody else's to begin.
pub async fn same_site(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if changes(&parts.method) && !origin::is_ours(&parts.headers, &base_url(&ctx, &parts), &[]) {
        return Error::Forbidden("this page may not do that").into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Lets a request pass with its [`Person`], or answers 401 or 403. Unknown paths below it are 401 as well.
pub async fn authenticate(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match person(&ctx, &parts).await {
        Ok(person) => {
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(person);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn person(ctx: &Context, parts: &Parts) -> Result<Person, Error> {
    let visitor = visitor(ctx, parts);
    let found = match token(&parts.headers) {
        Some(token) => logins::of_cookie(ctx, token).await?,
        None => None,
    };
    let Some((session, user)) = found else {
        auth::limit_stranger(ctx, visitor.address)?;
        return Err(Error::Unauthenticated);
    };
    if changes(&parts.method) {
        let told = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_ours = origin::is_ours(&parts.headers, &base_url(ctx, parts), &[]);
        // Of hashes, so that the time tells nothing of the secret.
        if !is_ours || auth::hash_token(told) != auth::hash_token(&session.csrf) {
            return Err(Error::Forbidden("this page may not do that"));
        }
    }
    Ok(Person { session, user, visitor })
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Person>().cloned().ok_or(Error::Unauthenticated)
    }
}

/// A server of the person's own, by the UUID in the path, and the actor that may use it: for what an owner alone may.
/// What may be shared takes a right, and comes by [`super::reach`]. There is no other way to an actor at a server: whoever
/// asks for another's is told that there is none.
pub struct Own {
    pub actor: Actor,
    pub server: server::Model,
}

impl FromRequestParts<Context> for Own {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, ctx: &Context) -> Result<Self, Error> {
        let person = Person::from_request_parts(parts, ctx).await?;
        let params = RawPathParams::from_request_parts(parts, ctx).await.map_err(|_| Error::NotFound("server"))?;
        let named = params.iter().find(|(name, _)| *name == "uuid").and_then(|(_, text)| Uuid::try_parse(text).ok());
        let uuid = named.ok_or(Error::NotFound("server"))?;
        let found = servers::of_owner(ctx.store.read(), person.user.id, uuid).await?;
        let server = found.ok_or(Error::NotFound("server"))?;
        Ok(Own { actor: person.actor(), server })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            token(&headers).map(str::to_owned)
        };
        assert_eq!(of(&["a=b; __Host-berth=x1; c=d"]).as_deref(), Some("x1"));
        assert_eq!(of(&["a=b", "__Host-berth=x2"]).as_deref(), Some("x2"));
        assert_eq!(of(&["a=__Host-berth=x", "__Host-berth="]), None);
        assert_eq!(of(&[]), None);
    }
}
