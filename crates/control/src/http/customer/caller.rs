//! Whose token a request carries, and what it may do where.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use berth_store::entity::{customer_token, user};

use super::refusal::Refusal;
use crate::{
    Context, Error,
    actions::{
        customer_tokens,
        server_access::{self, At},
    },
    actor::Actor,
    http::{address, auth, observe},
    limit::Client,
    rights::Right,
    scopes::Scope,
};

/// A customer's program.
#[derive(Clone, Debug)]
pub struct Caller {
    pub token: customer_token::Model,
    pub user: user::Model,
    address: Option<IpAddr>,
    request_id: Option<String>,
}

impl Caller {
    pub fn scopes(&self) -> Vec<Scope> {
        Scope::read(&self.token.scopes)
    }

    fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes().contains(&scope) { Ok(()) } else { Err(Error::Forbidden("this token lacks the scope")) }
    }

    /// At the account itself.
    pub fn account(&self, scope: Scope) -> Result<Actor, Refusal> {
        self.require(scope)?;
        Ok(self.actor())
    }

    /// At the server with this UUID, to do what takes this right. The only way to an actor at a server. The scope comes
    /// first, so that a token without it learns of no server whether it is there.
    pub async fn at(&self, ctx: &Context, uuid: &str, right: Right) -> Result<At, Refusal> {
        self.require(Scope::of(right))?;
        Ok(server_access::at(ctx, self.actor(), self.user.id, uuid, right).await?)
    }

    fn actor(&self) -> Actor {
        Actor::customer_token(self.token.id, self.user.id, self.address, self.request_id.clone())
    }
}

/// Lets a request pass with its [`Caller`], or answers 401, 403 or 429. Unknown paths below it are 401 as well.
pub async fn authenticate(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match caller(&ctx, &parts).await {
        Ok(caller) => {
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn caller(ctx: &Context, request: &Parts) -> Result<Caller, Error> {
    let address = address::of_request(request, &ctx.config.trusted_proxies);
    let found = match auth::bearer_text(request).filter(|token| customer_tokens::has_the_form(token)) {
        Some(token) => customer_tokens::of_bearer(ctx, token).await?,
        None => None,
    };
    let Some((token, user)) = found else {
        auth::limit_stranger(ctx, address)?;
        return Err(Error::Unauthenticated);
    };
    auth::require_address(token.allow_list.clone(), address)?;
    ctx.limits.take(Client::Customer(user.id), ctx.config.customer_requests_per_second, ctx.now())?;
    customer_tokens::note_use(ctx, &token).await?;
    Ok(Caller { token, user, address, request_id: observe::request_id(&request.headers) })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Caller>().cloned().ok_or(Error::Unauthenticated)
    }
}
