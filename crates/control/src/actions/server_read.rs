//! Reading servers: one, a page, or all of a user's.

use berth_store::{
    server::{self, Filter, Line},
    server_details::{self, ServerDetails},
    user,
};

use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub async fn one(ctx: &Context, actor: &Actor, server_id: i64) -> Result<ServerDetails, Error> {
    actor.require(Ability::Read)?;
    server_details::by_id(ctx.store.read(), server_id).await?.ok_or(Error::NotFound("server"))
}

/// A page of lines, and how many there are in all.
pub async fn lines(
    ctx: &Context,
    actor: &Actor,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Line>, u64), Error> {
    actor.require(Ability::Read)?;
    Ok(server::page(ctx.store.read(), filter, offset, limit).await?)
}

/// A page of whole servers, and how many there are in all.
pub async fn whole(
    ctx: &Context,
    actor: &Actor,
    filter: &Filter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<ServerDetails>, u64), Error> {
    actor.require(Ability::Read)?;
    let (ids, total) = server::page_of_ids(ctx.store.read(), filter, offset, limit).await?;
    Ok((server_details::by_ids(ctx.store.read(), &ids).await?, total))
}

/// All of a user's, never cut.
pub async fn of_user(ctx: &Context, actor: &Actor, user_id: i64) -> Result<Vec<ServerDetails>, Error> {
    actor.require(Ability::Read)?;
    user::by_id(ctx.store.read(), user_id).await?.ok_or(Error::NotFound("user"))?;
    Ok(server_details::of_owner(ctx.store.read(), user_id).await?)
}

/// The root password, for an actor with the right to it; `None` without, and before the first build.
pub fn password(ctx: &Context, actor: &Actor, details: &ServerDetails) -> Result<Option<String>, Error> {
    if details.server.password_enc.is_empty() || !actor.may(Ability::Secrets) {
        return Ok(None);
    }
    let row = &details.server;
    Ok(Some(ctx.open("servers", "password_enc", row.uuid, &row.password_enc)?))
}
