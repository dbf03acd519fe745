//! Whether whoever asks has lately proved to be who logged in, and the operation that proves it.

use axum::{
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use berth_api::panel::account::ProveAgain;

use super::session::Person;
use crate::{
    Context, Error,
    actions::proofs,
    http::extract::{self, Body},
    proof::{self, Wants},
};

/// Where the operations of the table are.
const PREFIX: &str = "/panel/api";

/// Lets a request pass whose session has what its operation wants, or answers 403 with how to get it.
pub async fn require(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    if let Err(error) = judge(&ctx, &request) {
        extract::discard(request.into_body()).await;
        return error.into_response();
    }
    next.run(request).await
}

fn judge(ctx: &Context, request: &Request) -> Result<(), Error> {
    // What leads to no route is told so behind this.
    let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    let path = path.as_str().strip_prefix(PREFIX).unwrap_or_default();
    let Person { session, user, .. } = request.extensions().get::<Person>().ok_or(Error::Unauthenticated)?;
    let method = match request.method().as_str() {
        // Served by the same handler.
        "HEAD" => "GET",
        method => method,
    };
    // A route that is not in the table is nobody's.
    match proof::wanted(method, path).ok_or(Error::MethodNotAllowed)? {
        Wants::Proof if !proof::is_fresh(session, ctx.now()) => Err(Error::Proof { by: proof::ways(user) }),
        Wants::Proof | Wants::Form | Wants::Nothing => Ok(()),
    }
}

/// Prove again that it is oneself, which dangerous operations want every 15 minutes.
///
/// They answer 403 with `needs` and `by`: `code` where the account has a second factor, else `password`. The proof is for
/// this session alone.
#[utoipa::path(post, path = "/session/proof", tag = "Account", operation_id = "prove_again", request_body = ProveAgain,
    responses((status = 204, description = "It is proved."),
        (status = 422, description = "The password or the code is wrong, or not the one that is wanted."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn prove(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<ProveAgain>,
) -> Result<StatusCode, Error> {
    let of = (&person.session, &person.user);
    proofs::prove(&ctx, &person.actor(), of, &person.visitor, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
