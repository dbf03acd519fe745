//! Sharing a server: its owner invites an address, whoever has that address accepts, either of them ends it.
//!
//! Whether an address is an account's is told to nobody: an invitation looks the same until it is accepted, and nobody's
//! list grows by what they did not want.

use berth_api::{
    panel::share::{ChangeShare, Invite},
    time,
};
use berth_store::{
    Micros, Tx, audit, console_token,
    entity::{server, server_share as entity, user as user_entity},
    mail as letters, server as servers,
    server_share::{self, NewShare, Shared},
    user,
};
use serde_json::json;

use super::{entry, rules};
use crate::{
    Context, Error,
    actor::Actor,
    clock::DAY,
    mail::{self, Letter},
    rights::{Right, Rights},
};

const SHARE: &str = "share";
const INVITATION: &str = "invitation";
/// Of one server, invitations included.
pub const MOST_SHARES: usize = 20;
/// Servers of others that one user sees.
pub const MOST_SHARED: usize = 200;
/// Invitations that one user is shown at once.
pub const INVITATIONS_SHOWN: u64 = 50;
/// How long an invitation can be accepted.
pub const INVITATION_LIFE: Micros = 14 * DAY;
/// Letters of invitations that a user gets within a day, from whomever; the panel shows the rest.
pub const LETTERS_A_DAY: u64 = 3;

/// A server's shares and invitations, with the names of those who accepted.
pub async fn of_server(ctx: &Context, row: &server::Model) -> Result<Vec<(entity::Model, Option<String>)>, Error> {
    Ok(server_share::of_server(ctx.store.read(), row.id).await?)
}

/// Invites whoever has the address. One that was not accepted in time may be repeated.
pub async fn invite(
    ctx: &Context,
    actor: &Actor,
    owner: &user_entity::Model,
    server_id: i64,
    input: Invite,
) -> Result<entity::Model, Error> {
    let Invite { email, rights } = input;
    let email = email.trim().to_owned();
    let mut errors = Vec::new();
    rules::email(&mut errors, "email", &email);
    if user::email_key(&email) == owner.email_key {
        errors.push("The email must be another's: the server is yours.".to_owned());
    }
    rules::done(errors)?;
    let now = ctx.now();
    let rights = rights.into_iter().map(Right::from).collect::<Vec<_>>();
    let new =
        NewShare { server_id, email, rights: Rights::of(&rights).names(), expires_at: now + INVITATION_LIFE, now };
    let invited = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, owner, new) = (ctx.clone(), actor.clone(), owner.clone(), new.clone());
        Box::pin(async move {
            lock_own(tx, server_id, owner.id).await?;
            make_room(tx, &new).await?;
            let letter_to = user::by_email(tx, &new.email).await?;
            let share = server_share::insert(tx, new).await?;
            if let Some(guest) = letter_to {
                tell_guest(&ctx, tx, &guest, &owner, now).await?;
            }
            let after = json!({ "share": share.id, "email": share.email, "rights": share.rights });
            let subject = ("server", server_id);
            audit::record(tx, entry(&actor, now, "share_server", subject, None, Some(after))).await?;
            Ok(share)
        })
    });
    invited.await
}

/// The server, if it is still this owner's.
async fn lock_own(tx: &Tx, server_id: i64, owner_id: i64) -> Result<server::Model, Error> {
    let row = servers::lock(tx, server_id).await?.filter(|row| row.owner_id == owner_id);
    row.ok_or(Error::NotFound("server"))
}

/// Refuses a second share for one address, and more than a server has.
async fn make_room(tx: &Tx, new: &NewShare) -> Result<(), Error> {
    let there = server_share::of_server(tx, new.server_id).await?;
    let key = user::email_key(&new.email);
    let same = there.iter().map(|(share, _)| share).find(|share| share.email_key == key);
    match same {
        Some(old) if old.accepted_at.is_none() && old.expires_at <= new.now => {
            server_share::remove(tx, old.id).await?;
            Ok(())
        }
        Some(_) => Err(Error::Conflict("The server is shared with this address already.".to_owned())),
        None if there.len() >= MOST_SHARES => Err(Error::invalid(format!(
            "A server is shared with at most {MOST_SHARES} addresses, invitations included."
        ))),
        None => Ok(()),
    }
}

async fn tell_guest(
    ctx: &Context,
    tx: &Tx,
    guest: &user_entity::Model,
    owner: &user_entity::Model,
    now: Micros,
) -> Result<(), Error> {
    let letter = Letter::ShareInvitation {
        name: guest.name.clone(),
        owner: owner.name.clone(),
        email: owner.email.clone(),
        until: time::offset(now + INVITATION_LIFE),
    };
    if letters::written(tx, guest.id, letter.kind(), now - DAY).await? >= LETTERS_A_DAY {
        return Ok(());
    }
    mail::post(tx, mail::draft(ctx, &letter, &guest.language)?, guest, now).await
}

/// What a letter calls a server, which has no name before it is built.
fn called(name: &str, hostname: Option<&str>) -> String {
    let known = [Some(name), hostname].into_iter().flatten().find(|text| !text.is_empty());
    known.unwrap_or("a server").to_owned()
}

/// What a guest may do from now on.
pub async fn change(
    ctx: &Context,
    actor: &Actor,
    owner_id: i64,
    (server_id, id): (i64, i64),
    input: ChangeShare,
) -> Result<(), Error> {
    let rights = Rights::of(&input.rights.into_iter().map(Right::from).collect::<Vec<_>>());
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, rights) = (actor.clone(), rights.clone());
        Box::pin(async move {
            lock_own(tx, server_id, owner_id).await?;
            let share = server_share::by_id(tx, server_id, id).await?.ok_or(Error::NotFound(SHARE))?;
            server_share::set_rights(tx, id, rights.names(), now).await?;
            if !rights.has(Right::Console) {
                forget_consoles(tx, &share).await?;
            }
            let before = json!({ "share": id, "email": share.email, "rights": share.rights });
            let after = json!({ "rights": rights.names() });
            let subject = ("server", server_id);
            Ok(audit::record(tx, entry(&actor, now, "change_share", subject, Some(before), Some(after))).await?)
        })
    });
    changed.await
}

/// The owner ends a share, or takes an invitation back.
pub async fn end(ctx: &Context, actor: &Actor, owner_id: i64, (server_id, id): (i64, i64)) -> Result<(), Error> {
    let now = ctx.now();
    let ended = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            lock_own(tx, server_id, owner_id).await?;
            let share = server_share::by_id(tx, server_id, id).await?.ok_or(Error::NotFound(SHARE))?;
            remove(tx, &actor, &share, "end_share", now).await
        })
    });
    ended.await
}

/// The guest has no more to do with the server.
pub async fn leave(ctx: &Context, actor: &Actor, guest_id: i64, server_id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let left = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let shared = server_share::on(tx, guest_id, server_id).await?.ok_or(Error::NotFound("server"))?;
            remove(tx, &actor, &shared.share, "leave_share", now).await
        })
    });
    left.await
}

async fn remove(tx: &Tx, actor: &Actor, share: &entity::Model, action: &str, now: Micros) -> Result<(), Error> {
    server_share::remove(tx, share.id).await?;
    forget_consoles(tx, share).await?;
    let before = json!({ "share": share.id, "email": share.email, "rights": share.rights });
    let subject = ("server", share.server_id);
    Ok(audit::record(tx, entry(actor, now, action, subject, Some(before), None)).await?)
}

/// A token that the guest was given opens nothing any more. Consoles that are open are closed by who carries them.
async fn forget_consoles(tx: &Tx, share: &entity::Model) -> Result<(), Error> {
    if let Some(guest) = share.guest_id {
        console_token::of_person_gone(tx, share.server_id, guest).await?;
    }
    Ok(())
}

/// Invitations to a user that hold.
pub async fn invitations(ctx: &Context, guest: &user_entity::Model) -> Result<Vec<Shared>, Error> {
    let found = server_share::invitations(ctx.store.read(), &guest.email, ctx.now(), INVITATIONS_SHOWN).await?;
    // A server that became one's own meanwhile is none to be invited to.
    Ok(found.into_iter().filter(|one| one.owner_id != guest.id).collect())
}

/// From now on the server is in the guest's list.
pub async fn accept(ctx: &Context, actor: &Actor, guest: &user_entity::Model, id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let accepted = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, guest) = (ctx.clone(), actor.clone(), guest.clone());
        Box::pin(async move {
            let shared = invitation(tx, &guest, id, now).await?;
            if server_share::of_guest(tx, guest.id).await?.len() >= MOST_SHARED {
                return Err(Error::invalid(format!("At most {MOST_SHARED} servers are shared with one user.")));
            }
            if !server_share::accept(tx, id, guest.id, now).await? {
                return Err(Error::NotFound(INVITATION));
            }
            tell_owner(&ctx, tx, &shared, &guest, now).await?;
            let after = json!({ "share": id, "guest": guest.id, "rights": shared.share.rights });
            let subject = ("server", shared.share.server_id);
            Ok(audit::record(tx, entry(&actor, now, "accept_share", subject, None, Some(after))).await?)
        })
    });
    accepted.await.map_err(|error| {
        let is_second =
            matches!(&error, Error::Store(store) if store.violates("server_shares", &["server_id", "guest_id"]));
        if is_second { Error::Conflict("This server is shared with you already.".to_owned()) } else { error }
    })
}

/// The guest does not want it.
pub async fn decline(ctx: &Context, actor: &Actor, guest: &user_entity::Model, id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let declined = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, guest) = (actor.clone(), guest.clone());
        Box::pin(async move {
            let shared = invitation(tx, &guest, id, now).await?;
            remove(tx, &actor, &shared.share, "decline_share", now).await
        })
    });
    declined.await
}

async fn invitation(tx: &Tx, guest: &user_entity::Model, id: i64, now: Micros) -> Result<Shared, Error> {
    let all = server_share::invitations(tx, &guest.email, now, INVITATIONS_SHOWN).await?;
    let found = all.into_iter().find(|one| one.share.id == id && one.owner_id != guest.id);
    found.ok_or(Error::NotFound(INVITATION))
}

async fn tell_owner(
    ctx: &Context,
    tx: &Tx,
    shared: &Shared,
    guest: &user_entity::Model,
    now: Micros,
) -> Result<(), Error> {
    let Some(owner) = user::by_id(tx, shared.owner_id).await? else { return Ok(()) };
    let letter = Letter::ShareAccepted {
        name: owner.name.clone(),
        guest: guest.name.clone(),
        email: shared.share.email.clone(),
        server: called(&shared.server_name, shared.server_hostname.as_deref()),
        uuid: shared.server_uuid.to_string(),
    };
    mail::post(tx, mail::draft(ctx, &letter, &owner.language)?, &owner, now).await
}
