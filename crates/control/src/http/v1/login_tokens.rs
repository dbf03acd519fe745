//! Pairs of tokens by which a billing system logs its customers in to the panel.

use axum::{
    Json,
    extract::{Path, State},
};
use berth_api::{
    data::Data,
    time,
    v1::login_tokens::{Authentication, Expiry, LoginTokens, Tokens},
};

use super::users::read;
use crate::{
    Context, Error,
    actions::login_tokens::{self, PAIR_LIFE, Pair},
    actor::Actor,
    clock::SECOND,
    http::{
        extract::{self, Query},
        panel::sso,
    },
};

/// Make a pair of tokens that logs a user in to the panel, once, within 60 seconds.
#[utoipa::path(post, path = "/users/{extRelationId}/authenticationTokens", tag = "Users", operation_id = "create_login_tokens",
    params(("extRelationId" = String, Path, description = "The relation."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 200, description = "Where to send the user's browser.", body = Data<LoginTokens>),
        (status = 403, description = "The user is an administrator."),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "The user is suspended.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<LoginTokens>>, Error> {
    let pair = login_tokens::create(&ctx, &actor, &read(&query, relation)?, None).await?;
    Ok(Json(Data { data: shown(pair) }))
}

/// The same, and the browser lands on the page of a server of the user's.
#[utoipa::path(post, path = "/users/{extRelationId}/serverAuthenticationTokens/{serverId}", tag = "Users",
    operation_id = "create_login_tokens_for_server",
    params(("extRelationId" = String, Path, description = "The relation."),
        ("serverId" = i64, Path, description = "The id of a server of the user's."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 200, description = "Where to send the user's browser.", body = Data<LoginTokens>),
        (status = 403, description = "The user is an administrator."),
        (status = 404, description = "No user has this relation, or the server is not the user's."),
        (status = 422, description = "The user is suspended.")))]
pub async fn create_for_server(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path((relation, server)): Path<(String, String)>,
) -> Result<Json<Data<LoginTokens>>, Error> {
    let server_id = extract::id(&server, "server")?;
    let pair = login_tokens::create(&ctx, &actor, &read(&query, relation)?, Some(server_id)).await?;
    Ok(Json(Data { data: shown(pair) }))
}

fn shown(pair: Pair) -> LoginTokens {
    let Pair { first, second, expires_at } = pair;
    LoginTokens {
        authentication: Authentication {
            endpoint: sso::PATH.to_owned(),
            endpoint_complete: format!("{}?1={first}&2={second}", sso::PATH_WITH_SLASH),
            expiry: Expiry { ttl: PAIR_LIFE / SECOND, expires: time::zulu(expires_at) },
            tokens: Tokens { first, second },
        },
    }
}
