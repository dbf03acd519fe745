//! A forgotten password: a link by mail, by which a new one is set, once.

use berth_api::panel::account::{ChosenPassword, ForgottenPassword};
use berth_store::{
    Micros, audit, password_link, session,
    user::{self, Change},
};
use serde_json::json;

use super::{
    entry,
    logins::{self, Visitor},
    passwords,
};
use crate::{
    Context, Error,
    actor::Actor,
    clock::MINUTE,
    http::auth::hash_token,
    mail::{self, Letter},
};

/// How long a link leads somewhere.
pub const LINK_LIFE: Micros = 60 * MINUTE;
/// An account gets no second link within.
pub const LINK_PAUSE: Micros = 5 * MINUTE;
/// Letters and digits: 256 bits and a bit.
const TOKEN_LETTERS: usize = 43;

/// Mails a link to whoever has the address; whether anybody has is not told, by the answer or the time that it takes.
pub fn ask(ctx: &Context, visitor: &Visitor, input: ForgottenPassword) -> Result<(), Error> {
    if ctx.mailer.is_none() {
        return Err(Error::invalid("No mail is sent from here. Ask your provider for a new password."));
    }
    let (ctx, visitor) = (ctx.clone(), visitor.clone());
    tokio::spawn(async move {
        if let Err(error) = send(&ctx, &visitor, input.email.trim()).await {
            tracing::warn!(%error, "a link for a forgotten password was not made");
        }
    });
    Ok(())
}

/// What [`ask`] does once it has answered.
pub async fn send(ctx: &Context, visitor: &Visitor, email: &str) -> Result<(), Error> {
    let Some(user) = user::by_email(ctx.store.read(), email).await?.filter(|user| !user.suspended) else {
        tracing::info!(address = ?visitor.address, "a link was asked for an account that there is not");
        return Ok(());
    };
    let (now, token) = (ctx.now(), ctx.rng.letters_and_digits(TOKEN_LETTERS));
    let letter =
        Letter::ForgottenPassword { name: user.name.clone(), token: token.clone(), minutes: LINK_LIFE / MINUTE };
    let draft = mail::draft(ctx, &letter, &user.language)?;
    let actor = Actor::stranger(visitor.address, visitor.request_id.clone());
    let sent = ctx.store.write_tx::<_, Error>(|tx| {
        let (user, draft, actor, hash) = (user.clone(), draft.clone(), actor.clone(), hash_token(&token));
        Box::pin(async move {
            let newest = password_link::newest(tx, user.id).await?;
            if newest.is_some_and(|link| link.used_at.is_none() && link.created_at > now - LINK_PAUSE) {
                return Ok(());
            }
            password_link::insert(tx, user.id, &hash, now + LINK_LIFE, now).await?;
            mail::post(tx, draft, &user, now).await?;
            Ok(audit::record(tx, entry(&actor, now, "forget_password", ("user", user.id), None, None)).await?)
        })
    });
    sent.await
}

/// Sets the password that the holder of a link chose. Every session of the account ends; a second factor stays.
pub async fn set(ctx: &Context, visitor: &Visitor, input: ChosenPassword) -> Result<(), Error> {
    let ChosenPassword { token, new } = input;
    logins::check_new("new", &new)?;
    let (now, hash, password_hash) = (ctx.now(), hash_token(token.trim()), passwords::hash(ctx, &new).await?);
    let set = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, visitor, hash, password_hash) = (ctx.clone(), visitor.clone(), hash.clone(), password_hash.clone());
        Box::pin(async move {
            let link = password_link::take(tx, &hash, now).await?;
            let Some(link) = link else {
                return Err(Error::invalid("The token is used, too old or unknown. Ask for a new link."));
            };
            let user = user::by_id(tx, link.user_id).await?.filter(|user| !user.suspended);
            let user = user.ok_or(Error::Forbidden("this account is suspended"))?;
            let change = Change { password_hash: Some(password_hash), ..Change::default() };
            let user = user::change(tx, user, change, now).await?;
            let ended = session::end_others(tx, user.id, None).await?;
            logins::tell_change(&ctx, tx, &user, &visitor, now).await?;
            let actor = Actor::owner(user.id, visitor.address, visitor.request_id.clone());
            let after = json!({ "sessionsEnded": ended });
            let written = entry(&actor, now, "set_forgotten_password", ("user", user.id), None, Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    set.await
}
