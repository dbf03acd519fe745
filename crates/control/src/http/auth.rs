//! Bearer tokens: who asks, and from where.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use berth_store::{api_token, entity, user};
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::{
    Context, Error,
    actor::{Actor, ActorKind},
    http::{address, observe},
    limit::Client,
    permissions::Role,
    random::Rng,
};

/// What tokens start with, so that secret scanners know them.
const TOKEN_PREFIX: &str = "brt_";
/// Letters and digits after the prefix: 256 bits and a bit.
const TOKEN_LETTERS: usize = 43;

pub fn new_token(rng: &dyn Rng) -> String {
    format!("{TOKEN_PREFIX}{}", rng.letters_and_digits(TOKEN_LETTERS))
}

/// What the database holds of a token: hex of SHA-256. Tokens are random, so a slow hash would add nothing.
pub fn hash_token(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn has_the_form_of_a_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_PREFIX)
        .is_some_and(|rest| rest.len() == TOKEN_LETTERS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Lets a request pass with its [`Actor`], or answers 401 or 403. Unknown paths below it are 401 as well.
pub async fn authenticate(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let actor = actor(&ctx, &parts).await;
    let mut request = Request::from_parts(parts, body);
    match actor {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn actor(ctx: &Context, request: &Parts) -> Result<Actor, Error> {
    let address = address::of_request(request, &ctx.config.trusted_proxies);
    match known(ctx, request, address).await {
        Err(Error::Unauthenticated) => {
            limit_stranger(ctx, address)?;
            Err(Error::Unauthenticated)
        }
        other => other,
    }
}

/// Counts a request of an address without a good token.
pub fn limit_stranger(ctx: &Context, address: Option<IpAddr>) -> Result<(), Error> {
    let Some(address) = address else { return Ok(()) };
    ctx.limits.take(Client::of_address(address), ctx.config.strange_requests_per_second, ctx.now())
}

async fn known(ctx: &Context, request: &Parts, address: Option<IpAddr>) -> Result<Actor, Error> {
    let token = bearer_text(request).filter(|token| has_the_form_of_a_token(token)).ok_or(Error::Unauthenticated)?;
    let row = api_token::by_hash(ctx.store.read(), &hash_token(token)).await?.ok_or(Error::Unauthenticated)?;
    let entity::api_token::Model { id, user_id, abilities, allow_list, expires_at, revoked_at, .. } = row;
    if revoked_at.is_some() || expires_at.is_some_and(|at| at <= ctx.now()) {
        return Err(Error::Unauthenticated);
    }
    let owner = user::by_id(ctx.store.read(), user_id).await?.filter(|owner| !owner.suspended);
    let owner = owner.ok_or(Error::Unauthenticated)?;
    tracing::Span::current().record("token", id);
    require_address(allow_list, address)?;
    ctx.limits.take(Client::Token(id), ctx.config.requests_per_second, ctx.now())?;
    // What the owner may do now bounds the token, whatever that was when the token was made.
    let role = Role::of(&owner).ok_or(Error::Forbidden("this token's owner has no role among staff"))?;
    let request_id = observe::request_id(&request.headers);
    Ok(Actor {
        kind: ActorKind::Token,
        token_id: Some(id),
        user_id: Some(user_id),
        address,
        request_id,
        abilities: serde_json::from_value(abilities).map_err(anyhow::Error::from)?,
        role: Some(role),
    })
}

/// Refuses an address that is not on a token's list. An empty list allows every one.
pub fn require_address(allow_list: serde_json::Value, address: Option<IpAddr>) -> Result<(), Error> {
    let allowed: Vec<IpNet> = serde_json::from_value(allow_list).map_err(anyhow::Error::from)?;
    if allowed.is_empty() || address.is_some_and(|address| allowed.iter().any(|net| net.contains(&address))) {
        return Ok(());
    }
    Err(Error::Forbidden("this token may not be used from this address"))
}

/// What a request carries as its bearer token, whatever it is.
pub fn bearer_text(request: &Parts) -> Option<&str> {
    let value = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Actor>().cloned().ok_or(Error::Unauthenticated)
    }
}
