//! Users.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::user::{CreateUser, ModifiedUser, ModifyUser, SetRole, User, UserPassword},
};
use berth_store::{
    entity::{self_service_profile, user as entity},
    self_service::{account, profile},
    user::{self, Relation},
};

use crate::{
    Context, Error,
    actions::{
        staff,
        users::{self, Whose},
    },
    actor::{Ability, Actor},
    http::{
        extract::{self, Body, Query},
        page::PageRequest,
    },
};

/// Create a user. The password is shown once.
#[utoipa::path(post, path = "/users", tag = "Users", request_body = CreateUser,
    responses(
        (status = 201, description = "The user, with the password.", body = Data<User>),
        (status = 409, description = "The e-mail address or the relation is another user's."),
        (status = 422, description = "Which fields are wrong."),
    ))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateUser>,
) -> Result<(StatusCode, Json<Data<User>>), Error> {
    let (row, password) = users::create(&ctx, &actor, input).await?;
    let data = User { password: Some(password), ..one(&ctx, row).await? };
    Ok((StatusCode::CREATED, Json(Data { data })))
}

/// List users.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/users", tag = "Users",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1."),
        ("email" = Option<String>, Query, description = "Only the user with this address, in any case."),
        ("search" = Option<String>, Query, description = "Part of the name, the address or the relation's text, or the \
            whole number of the relation; 1 to 191 characters.")),
    responses((status = 200, description = "A page of users.", body = Page<User>),
        (status = 422, description = "A value is out of range.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    page: PageRequest,
) -> Result<Json<Page<User>>, Error> {
    let (email, search) = (query.text("email").map(str::to_owned), query.text("search").map(str::to_owned));
    let filter = user::Filter { email, search };
    let (rows, total) = users::list(&ctx, &actor, &filter, page.offset(), page.results).await?;
    Ok(Json(page.wrap(all(&ctx, rows).await?, total)))
}

/// Retrieve a user by id.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/users/{userId}", tag = "Users",
    params(("userId" = i64, Path, description = "A user's id.")),
    responses((status = 200, description = "The user.", body = Data<User>),
        (status = 404, description = "There is no such user.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<User>>, Error> {
    actor.require(Ability::Read)?;
    let row = user::by_id(ctx.store.read(), extract::id(&id, "user")?).await?.ok_or(Error::NotFound("user"))?;
    Ok(Json(Data { data: one(&ctx, row).await? }))
}

/// Give a user a role among staff, or take it away.
///
/// An addition of Berth's. Only owners give and take the roles `owner` and `admin`; the last owner keeps the role. It
/// bounds the user's tokens from now on. Whoever is given more than before begins without tokens: those of before are
/// revoked.
#[utoipa::path(put, path = "/users/{userId}/role", tag = "Users", request_body = SetRole,
    params(("userId" = i64, Path, description = "A user's id.")),
    responses((status = 200, description = "The user as it is now.", body = Data<User>),
        (status = 404, description = "There is no such user."),
        (status = 422, description = "There is no such role, or the user is the last owner.")))]
pub async fn set_role(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<SetRole>,
) -> Result<Json<Data<User>>, Error> {
    let row = staff::set_role(&ctx, &actor, extract::id(&id, "user")?, &input).await?;
    Ok(Json(Data { data: one(&ctx, row).await? }))
}

/// Retrieve a user by the billing system's relation.
#[utoipa::path(get, path = "/users/{extRelationId}/byExtRelation", tag = "Users",
    params(("extRelationId" = String, Path, description = "The relation."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 200, description = "The user.", body = Data<User>),
        (status = 404, description = "No user has this relation.")))]
pub async fn by_relation(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<Json<Data<User>>, Error> {
    let row = users::by_relation(&ctx, &actor, &read(&query, relation)?).await?;
    Ok(Json(Data { data: one(&ctx, row).await? }))
}

/// Delete a user who has no servers.
#[utoipa::path(delete, path = "/users/{extRelationId}/byExtRelation", tag = "Users",
    params(("extRelationId" = String, Path, description = "The relation."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 204, description = "The user is gone."),
        (status = 404, description = "No user has this relation."),
        (status = 422, description = "The user still has servers.")))]
pub async fn delete(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<StatusCode, Error> {
    users::delete(&ctx, &actor, &Whose::Relation(read(&query, relation)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a user who has no servers, by id.
///
/// An addition of Berth's, for users without a relation.
#[utoipa::path(delete, path = "/users/{userId}", tag = "Users",
    params(("userId" = i64, Path, description = "A user's id.")),
    responses((status = 204, description = "The user is gone."),
        (status = 404, description = "There is no such user."),
        (status = 422, description = "The user still has servers.")))]
pub async fn delete_by_id(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    users::delete(&ctx, &actor, &Whose::Id(extract::id(&id, "user")?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Modify a user. What is left out stays as it is.
#[utoipa::path(put, path = "/users/{extRelationId}/byExtRelation", tag = "Users", request_body = ModifyUser,
    params(("extRelationId" = String, Path, description = "The relation."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 201, description = "The user as it is now.", body = Data<ModifiedUser>),
        (status = 404, description = "No user has this relation."),
        (status = 409, description = "The e-mail address is another user's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn modify(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
    Body(input): Body<ModifyUser>,
) -> Result<(StatusCode, Json<Data<ModifiedUser>>), Error> {
    let row = users::modify(&ctx, &actor, &read(&query, relation)?, input).await?;
    let entity::Model { name, email, self_service, suspended, .. } = row;
    Ok((StatusCode::CREATED, Json(Data { data: ModifiedUser { name, email, self_service, enabled: !suspended } })))
}

/// Give a user a new password. It is shown once.
#[utoipa::path(post, path = "/users/{extRelationId}/byExtRelation/resetPassword", tag = "Users",
    params(("extRelationId" = String, Path, description = "The relation."),
        ("relStr" = Option<bool>, Query, description = "Whether the relation is a text.")),
    responses((status = 201, description = "The new password.", body = Data<UserPassword>),
        (status = 403, description = "The user is one of the staff."),
        (status = 404, description = "No user has this relation.")))]
pub async fn reset_password(
    State(ctx): State<Context>,
    actor: Actor,
    query: Query,
    Path(relation): Path<String>,
) -> Result<(StatusCode, Json<Data<UserPassword>>), Error> {
    let (row, password) = users::reset_password(&ctx, &actor, &read(&query, relation)?).await?;
    Ok((StatusCode::CREATED, Json(Data { data: UserPassword { email: row.email, password } })))
}

/// The relation in a path, as `relStr` says.
pub(super) fn read(query: &Query, relation: String) -> Result<Relation, Error> {
    if query.flag("relStr")? {
        let is_text = !relation.contains(extract::NUL);
        return is_text.then_some(Relation::Text(relation)).ok_or(Error::NotFound("ext_relation_id"));
    }
    relation.parse().map(Relation::Id).map_err(|_| Error::NotFound("ext_relation_id"))
}

async fn one(ctx: &Context, row: entity::Model) -> Result<User, Error> {
    let mut users = all(ctx, vec![row]).await?;
    users.pop().ok_or(Error::NotFound("user"))
}

/// With what they may create by themselves.
async fn all(ctx: &Context, rows: Vec<entity::Model>) -> Result<Vec<User>, Error> {
    let db = ctx.store.read();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let (hourly, resource, accounts) = tokio::try_join!(
        profile::of_users(db, profile::HOURLY, &ids),
        profile::of_users(db, profile::RESOURCE, &ids),
        account::of_users(db, &ids),
    )?;
    let mut users = Vec::with_capacity(rows.len());
    for row in rows {
        let of = |held: &[(i64, self_service_profile::Model)]| {
            held.iter().filter(|(user, _)| *user == row.id).map(|(_, profile)| profile.id).collect()
        };
        let (hourly, resource) = (of(&hourly), of(&resource));
        let pack = accounts.iter().find(|account| account.user_id == row.id).and_then(|account| account.hourly_pack_id);
        users.push(User {
            self_service_hourly_group_profiles: hourly,
            self_service_resource_group_profiles: resource,
            self_service_hourly_resource_pack: pack,
            ..shown(row)
        });
    }
    Ok(users)
}

/// Without the self service, which is in other tables.
fn shown(row: entity::Model) -> User {
    let entity::Model {
        id,
        uuid: _,
        name,
        email,
        email_key: _,
        password_hash: _,
        admin,
        role,
        ext_relation_id,
        rel_str,
        self_service,
        self_service_hourly_credit: _,
        timezone,
        language,
        suspended,
        two_factor_auth,
        created_at,
        updated_at,
    } = row;
    User {
        id,
        admin,
        role,
        ext_relation_id: ext_relation_id.unwrap_or(0),
        rel_str,
        self_service,
        self_service_hourly_group_profiles: Vec::new(),
        self_service_resource_group_profiles: Vec::new(),
        self_service_hourly_resource_pack: None,
        name,
        email,
        timezone,
        language,
        suspended,
        two_factor_auth,
        created: time::zulu(created_at),
        updated: time::zulu(updated_at),
        password: None,
    }
}
