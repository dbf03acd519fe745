//! One's tokens of the customer API.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    panel::token::{self, ApiToken, CreateToken, CreatedToken},
    time,
};
use berth_store::{Micros, customer_token, entity::customer_token as entity};

use super::session::Person;
use crate::{
    Context, Error,
    actions::customer_tokens,
    http::extract::{self, Body},
    scopes::Scope,
};

/// List one's tokens, the newest first, without the tokens themselves.
#[utoipa::path(get, path = "/tokens", tag = "Tokens", operation_id = "list_tokens",
    responses((status = 200, description = "At most 20.", body = Data<Vec<ApiToken>>)))]
pub async fn list(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<ApiToken>>>, Error> {
    let rows = customer_token::of_user(ctx.store.read(), person.user.id).await?;
    let now = ctx.now();
    Ok(Json(Data { data: rows.into_iter().map(|row| shown(row, now)).collect() }))
}

/// Create a token. It is shown once.
#[utoipa::path(post, path = "/tokens", tag = "Tokens", operation_id = "create_token", request_body = CreateToken,
    responses((status = 201, description = "The token.", body = Data<CreatedToken>),
        (status = 403, description = "A fresh proof is needed."),
        (status = 422, description = "Which fields are wrong, or that there are 20 already.")))]
pub async fn create(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<CreateToken>,
) -> Result<(StatusCode, Json<Data<CreatedToken>>), Error> {
    let (row, secret) = customer_tokens::create(&ctx, &person.actor(), &person.user, &input).await?;
    let data = CreatedToken { token: shown(row, ctx.now()), secret };
    Ok((StatusCode::CREATED, Json(Data { data })))
}

/// Revoke a token: from now on it is refused.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "Tokens", operation_id = "revoke_token",
    params(("id" = i64, Path, description = "A token's id.")),
    responses((status = 204, description = "It is gone."),
        (status = 404, description = "There is no such token of yours.")))]
pub async fn revoke(State(ctx): State<Context>, person: Person, Path(id): Path<String>) -> Result<StatusCode, Error> {
    customer_tokens::revoke(&ctx, &person.actor(), person.user.id, extract::id(&id, "token")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model, now: Micros) -> ApiToken {
    let entity::Model { id, user_id: _, name, token_hash: _, scopes, allow_list, expires_at, used_at, created_at } =
        row;
    ApiToken {
        id,
        name,
        scopes: Scope::read(&scopes).into_iter().map(token::Scope::from).collect(),
        allowed_addresses: serde_json::from_value(allow_list).unwrap_or_default(),
        expires: expires_at.map(time::offset),
        expired: expires_at.is_some_and(|at| at <= now),
        last_used: used_at.map(time::offset),
        created: time::offset(created_at),
    }
}
