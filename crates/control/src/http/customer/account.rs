//! The token itself, whose it is, and their SSH keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    customer::account::{Account, AddSshKey, Connection, SshKey},
    data::Data,
    page::Page,
    time,
    v1::ssh_key::CreateSshKey,
};
use berth_store::{
    entity::{ssh_key as entity, user},
    ssh_key,
};

use super::{caller::Caller, refusal::Refusal};
use crate::{
    Context, Error,
    actions::ssh_keys,
    http::{extract::Body, page::PageRequest},
    scopes::Scope,
};

const KEY: &str = "ssh key";

/// Look whether the address and the token are right, and what the token may do. Every token may.
#[utoipa::path(get, path = "/connect", tag = "Account",
    responses((status = 200, description = "The token that asks.", body = Data<Connection>)))]
pub async fn connect(caller: Caller) -> Json<Data<Connection>> {
    let scopes = caller.scopes().into_iter().map(|scope| scope.name().to_owned()).collect();
    let expires = caller.token.expires_at.map(time::offset);
    Json(Data { data: Connection { token: caller.token.name, scopes, expires } })
}

/// Retrieve the account. Takes `account:read`.
#[utoipa::path(get, path = "/account", tag = "Account",
    responses((status = 200, description = "The account.", body = Data<Account>)))]
pub async fn retrieve(caller: Caller) -> Result<Json<Data<Account>>, Refusal> {
    caller.account(Scope::AccountRead)?;
    let user::Model { uuid, name, email, timezone, language, two_factor_auth, created_at, .. } = caller.user;
    let created = time::offset(created_at);
    let data = Account { id: uuid.to_string(), name, email, timezone, language, two_factor_auth, created };
    Ok(Json(Data { data }))
}

/// List SSH keys. Takes `account:read`.
#[utoipa::path(get, path = "/account/sshKeys", tag = "Account",
    params(("results" = Option<u64>, Query, description = "Rows of a page, 1 to 200; 20 by default."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of keys.", body = Page<SshKey>)))]
pub async fn keys(
    State(ctx): State<Context>,
    caller: Caller,
    page: PageRequest,
) -> Result<Json<Page<SshKey>>, Refusal> {
    caller.account(Scope::AccountRead)?;
    let rows = ssh_key::of_user(ctx.store.read(), caller.user.id).await?;
    let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let taken = usize::try_from(page.results).unwrap_or(usize::MAX);
    let shown = rows.into_iter().skip(skipped).take(taken).map(shown).collect();
    Ok(Json(page.wrap(shown, total)))
}

/// Add an SSH key. Takes `account:keys`.
#[utoipa::path(post, path = "/account/sshKeys", tag = "Account", request_body = AddSshKey,
    responses((status = 201, description = "The key.", body = Data<SshKey>),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn add_key(
    State(ctx): State<Context>,
    caller: Caller,
    Body(input): Body<AddSshKey>,
) -> Result<(StatusCode, Json<Data<SshKey>>), Refusal> {
    let actor = caller.account(Scope::AccountKeys)?;
    let AddSshKey { name, public_key } = input;
    let input = CreateSshKey { user_id: Some(caller.user.id), name: Some(name), public_key: Some(public_key) };
    let row = ssh_keys::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Remove an SSH key. Takes `account:keys`. Servers that were built with it keep it inside of them.
#[utoipa::path(delete, path = "/account/sshKeys/{keyId}", tag = "Account",
    params(("keyId" = String, Path, description = "A key's UUID.")),
    responses((status = 204, description = "It is gone."),
        (status = 404, description = "There is no such key of yours.")))]
pub async fn remove_key(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<StatusCode, Refusal> {
    let actor = caller.account(Scope::AccountKeys)?;
    let own = ssh_key::of_user(ctx.store.read(), caller.user.id).await?;
    let key = own.into_iter().find(|key| key.uuid.to_string() == uuid).ok_or(Error::NotFound(KEY))?;
    ssh_keys::delete(&ctx, &actor, key.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> SshKey {
    let entity::Model { id: _, uuid, user_id: _, name, key_type, public_key, enabled, created_at, updated_at: _ } = row;
    let created = time::offset(created_at);
    SshKey { id: uuid.to_string(), name, public_key, kind: key_type, enabled, created }
}
