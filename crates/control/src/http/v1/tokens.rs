//! Tokens of the Global API.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::token::{CreateToken, Token},
};
use berth_store::{api_token, entity::api_token as entity};

use crate::{
    Context, Error,
    actions::tokens,
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

/// List tokens, newest first, without the tokens themselves.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/tokens", tag = "Tokens",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of tokens.", body = Page<Token>)))]
pub async fn list(State(ctx): State<Context>, actor: Actor, page: PageRequest) -> Result<Json<Page<Token>>, Error> {
    actor.require(Ability::Admin)?;
    let (rows, total) = api_token::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

/// Create a token. It is shown once.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/tokens", tag = "Tokens", request_body = CreateToken,
    responses((status = 201, description = "The token.", body = Data<Token>),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateToken>,
) -> Result<(StatusCode, Json<Data<Token>>), Error> {
    let (row, token) = tokens::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: Token { token: Some(token), ..shown(row) } })))
}

/// Revoke a token: from now on it is refused.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/tokens/{tokenId}", tag = "Tokens",
    params(("tokenId" = i64, Path, description = "A token's id.")),
    responses((status = 204, description = "The token is refused from now on."),
        (status = 404, description = "There is no such token.")))]
pub async fn revoke(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    tokens::revoke(&ctx, &actor, extract::id(&id, "token")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> Token {
    let entity::Model {
        id,
        uuid: _,
        user_id,
        name,
        token_hash: _,
        abilities,
        allow_list,
        expires_at,
        revoked_at,
        created_at,
    } = row;
    Token {
        id,
        user_id,
        name,
        abilities: serde_json::from_value(abilities).unwrap_or_default(),
        allowed_addresses: serde_json::from_value(allow_list).unwrap_or_default(),
        expires: expires_at.map(time::offset),
        revoked: revoked_at.map(time::offset),
        created: time::offset(created_at),
        token: None,
    }
}
