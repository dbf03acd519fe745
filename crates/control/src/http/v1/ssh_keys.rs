//! SSH keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    time,
    v1::ssh_key::{CreateSshKey, CreatedSshKey, SshKey},
};
use berth_store::{entity::ssh_key as entity, ssh_key, user};

use crate::{
    Context, Error,
    actions::ssh_keys,
    actor::{Ability, Actor},
    http::extract::{self, Body},
};

const KEY: &str = "ssh key";
const KIND: &str = "OpenSSH";

/// Add an SSH key to a user.
#[utoipa::path(post, path = "/ssh_keys", tag = "SSH keys", request_body = CreateSshKey,
    responses((status = 201, description = "The key.", body = Data<CreatedSshKey>),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateSshKey>,
) -> Result<(StatusCode, Json<Data<CreatedSshKey>>), Error> {
    let row = ssh_keys::create(&ctx, &actor, input).await?;
    let data =
        CreatedSshKey { id: row.id, name: row.name, r#type: KIND.to_owned(), created_at: time::zulu(row.created_at) };
    Ok((StatusCode::CREATED, Json(Data { data })))
}

/// Retrieve an SSH key.
#[utoipa::path(get, path = "/ssh_keys/{keyId}", tag = "SSH keys",
    params(("keyId" = i64, Path, description = "A key's id.")),
    responses((status = 200, description = "The key.", body = Data<SshKey>),
        (status = 404, description = "There is no such key.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<SshKey>>, Error> {
    actor.require(Ability::Read)?;
    let row = ssh_key::by_id(ctx.store.read(), extract::id(&id, KEY)?).await?.ok_or(Error::NotFound(KEY))?;
    Ok(Json(Data { data: shown(row) }))
}

/// Retrieve a user's SSH keys, all of them.
#[utoipa::path(get, path = "/ssh_keys/user/{userId}", tag = "SSH keys",
    params(("userId" = i64, Path, description = "A user's id.")),
    responses((status = 200, description = "The keys.", body = Data<Vec<SshKey>>),
        (status = 404, description = "There is no such user.")))]
pub async fn of_user(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<SshKey>>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(&id, "user")?;
    user::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("user"))?;
    let rows = ssh_key::of_user(ctx.store.read(), id).await?;
    Ok(Json(Data { data: rows.into_iter().map(shown).collect() }))
}

/// Delete an SSH key. Servers that were built with it keep it inside of them.
#[utoipa::path(delete, path = "/ssh_keys/{keyId}", tag = "SSH keys",
    params(("keyId" = i64, Path, description = "A key's id.")),
    responses((status = 204, description = "The key is gone."),
        (status = 404, description = "There is no such key.")))]
pub async fn delete(State(ctx): State<Context>, actor: Actor, Path(id): Path<String>) -> Result<StatusCode, Error> {
    ssh_keys::delete(&ctx, &actor, extract::id(&id, KEY)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> SshKey {
    let entity::Model { id, uuid: _, user_id: _, name, key_type: _, public_key, enabled, created_at, updated_at } = row;
    SshKey {
        id,
        name,
        public_key,
        r#type: KIND.to_owned(),
        enabled,
        created: time::offset(created_at),
        updated: time::offset(updated_at),
    }
}
