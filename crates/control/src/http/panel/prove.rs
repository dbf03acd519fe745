//! Whether whoever asks has lately proved to be who logged in, and the operation that proves it.

use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    panel::{
        account::ProveAgain,
        passkey::{PasskeyAnswer, PasskeyChallenge},
    },
};
use berth_store::entity::user;

use super::session::Person;
use crate::{
    Context, Error,
    actions::{oidc_proofs, passkeys, proofs},
    http::extract::{self, Body},
    proof::{self, Wants, Ways},
};

/// Where the operations of the table are.
const PREFIX: &str = "/panel/api";

/// Lets a request pass whose session has what its operation wants, or answers 403 with how to get it.
pub async fn require(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    let judged = judge(&ctx, &request);
    let error = match judged {
        Ok(None) => return next.run(request).await,
        Ok(Some(user)) => lacking(&ctx, &user).await.unwrap_or_else(|error| error),
        Err(error) => error,
    };
    extract::discard(request.into_body()).await;
    error.into_response()
}

/// What is told who lacks a proof: how to get it.
async fn lacking(ctx: &Context, user: &user::Model) -> Result<Error, Error> {
    let ways =
        Ways { passkey: passkeys::can_prove(ctx, user.id).await?, provider: oidc_proofs::is_a_way(ctx, user).await? };
    Ok(Error::Proof { by: proof::ways(user, ways) })
}

/// Whose request it is that lacks a proof; none, where it may pass.
fn judge(ctx: &Context, request: &Request) -> Result<Option<user::Model>, Error> {
    // What leads to no route is told so behind this.
    let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(None) };
    let path = path.as_str().strip_prefix(PREFIX).unwrap_or_default();
    let Person { session, user, .. } = request.extensions().get::<Person>().ok_or(Error::Unauthenticated)?;
    let method = match request.method().as_str() {
        // Served by the same handler.
        "HEAD" => "GET",
        method => method,
    };
    // A route that is not in the table is nobody's.
    match proof::wanted(method, path).ok_or(Error::MethodNotAllowed)? {
        Wants::Proof if !proof::is_fresh(session, ctx.now()) => Ok(Some(user.clone())),
        Wants::Proof | Wants::Form | Wants::Nothing => Ok(None),
    }
}

/// Prove again that it is oneself, which dangerous operations want every 15 minutes.
///
/// They answer 403 with `needs` and `by`: `code` where the account has a second factor, else `password`, `passkey` where it has
/// one (`PUT /session/proof/passkey`), and `provider` for staff whose account at the provider is known
/// (`POST /session/proof/sign-on`). One of them is enough. The proof is for this session alone.
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

/// Ask for a challenge to prove with a passkey that it is oneself. It may be answered once, in this session, within five
/// minutes.
#[utoipa::path(post, path = "/session/proof/passkey", tag = "Account", operation_id = "challenge_proof",
    responses((status = 200, description = "The challenge.", body = Data<PasskeyChallenge>),
        (status = 422, description = "There are no passkeys here."),
        (status = 429, description = "Too many challenges; `Retry-After` says when to try again.")))]
pub async fn challenge(State(ctx): State<Context>, person: Person) -> Result<Json<Data<PasskeyChallenge>>, Error> {
    let options = passkeys::challenge_again(&ctx, &person.visitor, &person.session).await?;
    Ok(Json(Data { data: PasskeyChallenge { options } }))
}

/// Prove with a passkey that it is oneself.
#[utoipa::path(put, path = "/session/proof/passkey", tag = "Account", operation_id = "prove_with_passkey",
    request_body = PasskeyAnswer,
    responses((status = 204, description = "It is proved."),
        (status = 422, description = "The answer is of no passkey of one's own, or the challenge does not hold any more."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn prove_with_passkey(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<PasskeyAnswer>,
) -> Result<StatusCode, Error> {
    let of = (&person.session, &person.user);
    passkeys::prove(&ctx, &person.actor(), of, &person.visitor, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
