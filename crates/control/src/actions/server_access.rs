//! Whose server it is, and who else may do what with it. Every door for customers comes through here: a server that is
//! neither one's own nor shared with one is not there.

use berth_store::{
    entity::server,
    server as servers, server_details,
    server_details::ServerDetails,
    server_share::{self, Shared},
    user,
};
use uuid::Uuid;

use crate::{
    Context, Error,
    actor::{Ability, Actor},
    rights::{Right, Rights},
};

/// A server as somebody reaches it.
#[derive(Clone, Debug)]
pub struct Reached {
    pub server: server::Model,
    pub rights: Rights,
    /// The owner's name; `None` for the owner.
    pub shared_by: Option<String>,
}

/// The user's own server or one that is shared with them, by its UUID as it was written, with the right to something.
pub async fn reach(ctx: &Context, user_id: i64, uuid: &str, right: Right) -> Result<Reached, Error> {
    let uuid = Uuid::try_parse(uuid).map_err(|_| Error::NotFound("server"))?;
    let reached = find(ctx, user_id, uuid).await?.ok_or(Error::NotFound("server"))?;
    if reached.rights.has(right) {
        return Ok(reached);
    }
    Err(Error::Forbidden("this server is shared with you without the right to that"))
}

async fn find(ctx: &Context, user_id: i64, uuid: Uuid) -> Result<Option<Reached>, Error> {
    let db = ctx.store.read();
    if let Some(server) = servers::of_owner(db, user_id, uuid).await? {
        return Ok(Some(Reached { server, rights: Rights::all(), shared_by: None }));
    }
    let Some(Shared { share, owner_name, .. }) = server_share::at(db, user_id, uuid).await? else { return Ok(None) };
    let server = servers::by_id(db, share.server_id).await?;
    Ok(server.map(|server| Reached { server, rights: Rights::read(&share.rights), shared_by: Some(owner_name) }))
}

/// Somebody at a server that they may do something with.
pub struct At {
    pub actor: Actor,
    pub reached: Reached,
}

impl At {
    pub fn id(&self) -> i64 {
        self.reached.server.id
    }
}

/// [`reach`]es a server for whoever asks. Their actor is narrowed to what the right takes.
pub async fn at(ctx: &Context, actor: Actor, user_id: i64, uuid: &str, right: Right) -> Result<At, Error> {
    let reached = reach(ctx, user_id, uuid, right).await?;
    Ok(At { actor: narrowed(actor, right), reached })
}

fn narrowed(actor: Actor, right: Right) -> Actor {
    let abilities: &[Ability] = if right.only_looks() { &[Ability::Read] } else { &[Ability::Read, Ability::Write] };
    Actor { abilities: abilities.iter().map(|ability| ability.name().to_owned()).collect(), ..actor }
}

/// Whether a user may do something with a server now, whatever they might before.
pub async fn may(ctx: &Context, user_id: i64, server: &server::Model, right: Right) -> Result<bool, Error> {
    let db = ctx.store.read();
    let is_in = user::by_id(db, user_id).await?.is_some_and(|user| !user.suspended);
    if !is_in || server.owner_id == user_id {
        return Ok(is_in);
    }
    let shared = server_share::on(db, user_id, server.id).await?;
    Ok(shared.is_some_and(|shared| Rights::read(&shared.share.rights).has(right)))
}

/// A server in somebody's list.
pub struct Seen {
    pub details: ServerDetails,
    pub rights: Rights,
    pub shared_by: Option<String>,
}

/// All of a user's own, then those that are shared with them.
pub async fn all(ctx: &Context, user_id: i64) -> Result<Vec<Seen>, Error> {
    let db = ctx.store.read();
    let own = server_details::of_owner(db, user_id).await?;
    let mut seen: Vec<Seen> =
        own.into_iter().map(|details| Seen { details, rights: Rights::all(), shared_by: None }).collect();
    let shared = server_share::of_guest(db, user_id).await?;
    if shared.is_empty() {
        return Ok(seen);
    }
    let ids: Vec<i64> = shared.iter().map(|one| one.share.server_id).collect();
    seen.extend(server_details::by_ids(db, &ids).await?.into_iter().filter_map(|details| marked(details, &shared)));
    Ok(seen)
}

/// A page of them, by id, and how many there are in all.
pub async fn page(ctx: &Context, user_id: i64, offset: u64, limit: u64) -> Result<(Vec<Seen>, u64), Error> {
    let db = ctx.store.read();
    let filter = servers::Filter { seen_by: Some(user_id), ..servers::Filter::default() };
    let (ids, total) = servers::page_of_ids(db, &filter, offset, limit).await?;
    let shared = server_share::of_guest(db, user_id).await?;
    let seen = server_details::by_ids(db, &ids).await?.into_iter().filter_map(|details| {
        if details.server.owner_id == user_id {
            return Some(Seen { details, rights: Rights::all(), shared_by: None });
        }
        marked(details, &shared)
    });
    Ok((seen.collect(), total))
}

fn marked(details: ServerDetails, shared: &[Shared]) -> Option<Seen> {
    let of = shared.iter().find(|one| one.share.server_id == details.server.id)?;
    let (rights, shared_by) = (Rights::read(&of.share.rights), Some(of.owner_name.clone()));
    Some(Seen { details, rights, shared_by })
}
