//! One's second factor: six digits that change, and codes that stand in for them.

use axum::{Json, extract::State, http::StatusCode};
use berth_api::{
    data::Data,
    panel::account::{ConfirmFactor, Factor, Proposal, ProposeFactor, Prove, RecoveryCodes},
};

use super::session::Person;
use crate::{
    Context, Error,
    actions::second_factors::{self, Proposed},
    http::extract::Body,
};

/// Retrieve whether one's second factor is asked for.
#[utoipa::path(get, path = "/second-factor", tag = "Second factor", operation_id = "get_factor",
    responses((status = 200, description = "The second factor.", body = Data<Factor>)))]
pub async fn retrieve(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Factor>>, Error> {
    let (on, recovery_codes_left) = second_factors::state(&ctx, &person.user).await?;
    Ok(Json(Data { data: Factor { on, recovery_codes_left } }))
}

/// Make a second factor, which is asked for once a code of it was shown.
#[utoipa::path(post, path = "/second-factor", tag = "Second factor", operation_id = "propose_factor",
    request_body = ProposeFactor,
    responses((status = 200, description = "What an authenticator takes.", body = Data<Proposal>),
        (status = 422, description = "The password is wrong, or there is one already."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn propose(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<ProposeFactor>,
) -> Result<Json<Data<Proposal>>, Error> {
    let Proposed { secret, uri } = second_factors::propose(&ctx, &person.visitor, &person.user, input).await?;
    Ok(Json(Data { data: Proposal { secret, uri } }))
}

/// Show a code of the second factor that was made. It is asked for from then on.
#[utoipa::path(put, path = "/second-factor", tag = "Second factor", operation_id = "confirm_factor",
    request_body = ConfirmFactor,
    responses((status = 200, description = "Codes for when it is lost.", body = Data<RecoveryCodes>),
        (status = 422, description = "The code is wrong, or none was made."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn confirm(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<ConfirmFactor>,
) -> Result<Json<Data<RecoveryCodes>>, Error> {
    let codes = second_factors::confirm(&ctx, &person.actor(), &person.user, input).await?;
    Ok(Json(Data { data: RecoveryCodes { codes } }))
}

/// Do without a second factor.
#[utoipa::path(post, path = "/second-factor/end", tag = "Second factor", operation_id = "end_factor", request_body = Prove,
    responses((status = 204, description = "It is not asked for any more."),
        (status = 422, description = "The password or the code is wrong, or there is none."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn end(State(ctx): State<Context>, person: Person, Body(input): Body<Prove>) -> Result<StatusCode, Error> {
    second_factors::end(&ctx, &person.actor(), &person.visitor, &person.user, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make new recovery codes. The ones before open nothing any more.
#[utoipa::path(post, path = "/second-factor/codes", tag = "Second factor", operation_id = "renew_codes",
    request_body = Prove,
    responses((status = 200, description = "The codes.", body = Data<RecoveryCodes>),
        (status = 422, description = "The password or the code is wrong, or there is no second factor."),
        (status = 429, description = "Too many tries failed; `Retry-After` says when to try again.")))]
pub async fn renew_codes(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<Prove>,
) -> Result<Json<Data<RecoveryCodes>>, Error> {
    let codes = second_factors::renew_codes(&ctx, &person.actor(), &person.visitor, &person.user, input).await?;
    Ok(Json(Data { data: RecoveryCodes { codes } }))
}
