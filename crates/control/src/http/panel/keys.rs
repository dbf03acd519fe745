//! One's SSH keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    panel::account::{AddKey, Key},
    time,
    v1::ssh_key::CreateSshKey,
};
use berth_store::{entity::ssh_key as entity, ssh_key};

use super::session::Person;
use crate::{
    Context, Error,
    actions::ssh_keys,
    http::extract::{self, Body},
};

const KEY: &str = "ssh key";

/// List one's SSH keys.
#[utoipa::path(get, path = "/keys", tag = "SSH keys", operation_id = "list_keys",
    responses((status = 200, description = "The keys.", body = Data<Vec<Key>>)))]
pub async fn list(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<Key>>>, Error> {
    let rows = ssh_key::of_user(ctx.store.read(), person.user.id).await?;
    Ok(Json(Data { data: rows.into_iter().map(shown).collect() }))
}

/// Add an SSH key.
#[utoipa::path(post, path = "/keys", tag = "SSH keys", operation_id = "add_key", request_body = AddKey,
    responses((status = 201, description = "The key.", body = Data<Key>),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn add(
    State(ctx): State<Context>,
    person: Person,
    Body(input): Body<AddKey>,
) -> Result<(StatusCode, Json<Data<Key>>), Error> {
    let AddKey { name, public_key } = input;
    let input = CreateSshKey { user_id: Some(person.user.id), name: Some(name), public_key: Some(public_key) };
    let row = ssh_keys::create(&ctx, &person.actor(), input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Remove an SSH key. Servers that were built with it keep it inside of them.
#[utoipa::path(delete, path = "/keys/{id}", tag = "SSH keys", operation_id = "remove_key",
    params(("id" = i64, Path, description = "A key's id.")),
    responses((status = 204, description = "It is gone."),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such key of yours.")))]
pub async fn remove(State(ctx): State<Context>, person: Person, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let id = extract::id(&id, KEY)?;
    let row = ssh_key::by_id(ctx.store.read(), id).await?;
    row.filter(|row| row.user_id == person.user.id).ok_or(Error::NotFound(KEY))?;
    ssh_keys::delete(&ctx, &person.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> Key {
    Key { id: row.id, name: row.name, kind: row.key_type, created: time::offset(row.created_at) }
}
