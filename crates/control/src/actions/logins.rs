//! Logins to the panel: with a password, and what a session may do about itself and its like.
//!
//! A session is a row; the browser holds its token in a cookie. A login always makes a new one, so nobody can be made
//! to use a session that somebody else knows.

use std::net::IpAddr;

use berth_api::{
    panel::account::{ChangePassword, LogIn},
    time,
};
use berth_store::{
    Micros, Tx,
    audit::{self, NewEntry},
    customer_token,
    entity::{audit_entry, session as entity, user as user_entity},
    login_failure, passkey, password_link,
    session::{self, NewSession},
    user::{self, Change},
};
use serde_json::json;

use super::{
    entry, passwords,
    second_factors::{self, Asked},
};
use crate::{
    Context, Error,
    actor::Actor,
    clock::{DAY, MINUTE},
    http::auth::hash_token,
    limit::Client,
    mail::{self, Letter},
};

/// A session that nobody uses ends after so long.
pub const IDLE_LIFE: Micros = 7 * DAY;
/// No session holds longer, however much it is used.
pub const WHOLE_LIFE: Micros = 30 * DAY;
/// Within which failed logins are counted.
pub const FAILURE_WINDOW: Micros = 15 * MINUTE;
/// Failed logins of one account within the window; then it has to wait.
pub const ACCOUNT_FAILURES: u64 = 10;
/// The same of one address, over all accounts.
pub const ADDRESS_FAILURES: u64 = 50;
/// Letters and digits: 256 bits and a bit.
const TOKEN_LETTERS: usize = 43;
/// What is kept of how a browser names itself.
const USER_AGENT_CHARS: usize = 191;
/// What argon2 is given at most, so that nobody makes it work on megabytes.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=200;
/// How many of an account's newest logins are looked through for an address and a browser.
const KNOWN_LOGINS: u64 = 50;
/// In the audit log, with the browser as `userAgent`.
const LOG_IN: &str = "log_in";
const NOT_YOURS: &str = "That is not your password.";

/// Who logs in, from where.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    pub address: Option<IpAddr>,
    pub user_agent: String,
    pub request_id: Option<String>,
    /// Hash of the cookie that the browser holds already; that session ends.
    pub before: Option<String>,
}

/// A session that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    pub session: entity::Model,
    pub user: user_entity::Model,
    /// For the cookie; nowhere else.
    pub token: String,
}

/// With an address and a password. What is wrong of the two is not told, and takes the same time. Whoever has both is
/// asked for the second factor, if there is one.
pub async fn log_in(ctx: &Context, visitor: &Visitor, input: LogIn) -> Result<Begun, Error> {
    let LogIn { email, password, .. } = input.clone();
    let account = hash_token(&user::email_key(email.trim()));
    count_attempt(ctx, visitor, &account).await?;
    let known = user::by_email(ctx.store.read(), email.trim()).await?;
    let is_right = is_password(ctx, known.as_ref(), password).await?;
    let Some(user) = known.filter(|user| is_right && !user.suspended) else {
        tell_failure(ctx, visitor, &email).await?;
        return Err(Error::Unauthenticated);
    };
    let shown = second_factors::look(ctx, &user, input.code.as_deref(), Asked::Password).await?;
    let (new, token) = new_session(ctx, visitor, user.id, true);
    let (now, actor) = (ctx.now(), Actor::owner(user.id, visitor.address, visitor.request_id.clone()));
    let session = ctx.store.write_tx::<_, Error>(|tx| {
        let (new, actor, account, visitor) = (new.clone(), actor.clone(), account.clone(), visitor.clone());
        let (shown, ctx, user) = (shown.clone(), ctx.clone(), user.clone());
        Box::pin(async move {
            let user = still(tx, &user, shown.is_some()).await?;
            let mut by = "password";
            if let Some(shown) = &shown {
                second_factors::take(tx, shown, now).await?;
                by = "password and second factor";
            }
            login_failure::forgive(tx, &account).await?;
            tell_login(&ctx, tx, &user, &new).await?;
            begin(tx, &actor, &visitor, new, by, now).await
        })
    });
    match session.await {
        Ok(session) => Ok(Begun { session, user, token }),
        Err(Error::Unauthenticated) => {
            tell_failure(ctx, visitor, &email).await?;
            Err(Error::Unauthenticated)
        }
        Err(error) => Err(second_factors::told(ctx, visitor, &email, error).await),
    }
}

/// Whose password was looked at, as they are in the transaction of what it opens. Looking takes its time: a password that was
/// changed meanwhile, and ended all sessions, begins none, nor does it without the second factor that was switched on.
async fn still(tx: &Tx, looked_at: &user_entity::Model, has_code: bool) -> Result<user_entity::Model, Error> {
    let user = user::by_id(tx, looked_at.id).await?;
    let is_same = |user: &user_entity::Model| !user.suspended && user.password_hash == looked_at.password_hash;
    let user = user.filter(is_same).ok_or(Error::Unauthenticated)?;
    if user.two_factor_auth && !has_code {
        return Err(Error::SecondFactor { is_wrong: false });
    }
    Ok(user)
}

/// The row to be, and the token that leads to it. `is_proved` where a password or a second factor was shown.
pub(super) fn new_session(ctx: &Context, visitor: &Visitor, user_id: i64, is_proved: bool) -> (NewSession, String) {
    let (now, token) = (ctx.now(), ctx.rng.letters_and_digits(TOKEN_LETTERS));
    let new = NewSession {
        user_id,
        token_hash: hash_token(&token),
        csrf: ctx.rng.letters_and_digits(TOKEN_LETTERS),
        address: visitor.address.map(|address| address.to_string()),
        user_agent: visitor.user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect(),
        expires_at: now + IDLE_LIFE,
        is_proved,
        now,
    };
    (new, token)
}

/// Writes the session and that it began; the browser's old one ends.
pub(super) async fn begin(
    tx: &Tx,
    actor: &Actor,
    visitor: &Visitor,
    new: NewSession,
    by: &str,
    now: Micros,
) -> Result<entity::Model, Error> {
    if let Some(before) = &visitor.before
        && let Some((old, _)) = session::by_hash(tx, before, now).await?
    {
        session::end(tx, old.user_id, old.id).await?;
    }
    let row = session::insert(tx, new).await?;
    let after = json!({ "by": by, "session": row.id, "userAgent": row.user_agent });
    audit::record(tx, entry(actor, now, LOG_IN, ("user", row.user_id), None, Some(after))).await?;
    Ok(row)
}

/// Tells the account's owner of a login from an address or with a browser that none before had, whether or not one of those
/// sessions is still open. The first of all is their own.
pub(super) async fn tell_login(
    ctx: &Context,
    tx: &Tx,
    user: &user_entity::Model,
    new: &NewSession,
) -> Result<(), Error> {
    let open = session::of_user(tx, user.id, new.now).await?;
    if open.iter().any(|row| row.address == new.address && row.user_agent == new.user_agent) {
        return Ok(());
    }
    let filter = audit::Filter {
        action: Some(LOG_IN.to_owned()),
        subject_kind: Some("user".to_owned()),
        subject_id: Some(user.id),
        ..audit::Filter::default()
    };
    let (before, _) = audit::page(tx, &filter, 0, KNOWN_LOGINS).await?;
    let is_alike = |row: &audit_entry::Model| {
        let browser = row.after.as_ref().map(|after| &after["userAgent"]);
        row.address == new.address && browser.is_some_and(|browser| *browser == new.user_agent)
    };
    if before.is_empty() || before.iter().any(is_alike) {
        return Ok(());
    }
    let letter = Letter::SignIn {
        name: user.name.clone(),
        address: new.address.clone().unwrap_or_default(),
        browser: new.user_agent.clone(),
        at: time::offset(new.now),
    };
    mail::post(tx, mail::draft(ctx, &letter, &user.language)?, user, new.now).await
}

/// Tells the account's owner that the password is another one.
pub(super) async fn tell_change(
    ctx: &Context,
    tx: &Tx,
    user: &user_entity::Model,
    visitor: &Visitor,
    now: Micros,
) -> Result<(), Error> {
    let address = visitor.address.map_or_else(String::new, |address| address.to_string());
    let tokens = customer_token::of_user(tx, user.id).await?;
    let tokens = tokens.iter().filter(|token| token.expires_at.is_none_or(|at| at > now)).count();
    let passkeys = passkey::of_user(tx, user.id).await?.len();
    let letter = Letter::PasswordChanged { name: user.name.clone(), address, tokens, passkeys };
    mail::post(tx, mail::draft(ctx, &letter, &user.language)?, user, now).await
}

/// Counts the attempt before anything is looked at, so that a thousand at once are no more than a thousand in a row.
pub(super) async fn count_attempt(ctx: &Context, visitor: &Visitor, account: &str) -> Result<(), Error> {
    let (now, address) = (ctx.now(), client(visitor));
    let counted = ctx.store.write_tx::<_, Error>(|tx| {
        let (account, address) = (account.to_owned(), address.clone());
        Box::pin(async move {
            let (of_account, of_address) = login_failure::counts(tx, &account, &address, now - FAILURE_WINDOW).await?;
            if of_account >= ACCOUNT_FAILURES || of_address >= ADDRESS_FAILURES {
                return Err(Error::TooMany { retry_after_s: (FAILURE_WINDOW / crate::clock::SECOND).unsigned_abs() });
            }
            Ok(login_failure::insert(tx, &account, &address, now).await?)
        })
    });
    counted.await
}

/// Whom the limits count for the visitor; empty where nothing is known.
pub(super) fn client(visitor: &Visitor) -> String {
    let of = |address| match Client::of_address(address) {
        Client::Address(address) => address.to_string(),
        Client::Token(_) | Client::Customer(_) => String::new(),
    };
    visitor.address.map(of).unwrap_or_default()
}

/// Writes down that a login was refused, also to an account that there is not: that it is, costs the same. What was typed as
/// an address is not kept, since it may be a password.
pub(super) async fn tell_failure(ctx: &Context, visitor: &Visitor, email: &str) -> Result<(), Error> {
    let known = user::by_email(ctx.store.read(), email.trim()).await?.map(|user| user.id);
    let (now, actor) = (ctx.now(), Actor::stranger(visitor.address, visitor.request_id.clone()));
    let told = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let written = entry(&actor, now, "log_in_refused", ("user", 0), None, None);
            Ok(audit::record(tx, NewEntry { subject_id: known, ..written }).await?)
        })
    });
    told.await
}

/// Writes down that somebody in a session had not what it takes to change what is dear.
pub(super) async fn tell_refusal(
    ctx: &Context,
    visitor: &Visitor,
    user_id: i64,
    lacks: &'static str,
) -> Result<(), Error> {
    let (now, actor) = (ctx.now(), Actor::owner(user_id, visitor.address, visitor.request_id.clone()));
    let told = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let after = json!({ "lacks": lacks });
            let written = entry(&actor, now, "confirm_refused", ("user", user_id), None, Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    told.await
}

/// The session that a cookie holds, and whose it is. Suspended people have none.
pub async fn of_cookie(ctx: &Context, token: &str) -> Result<Option<(entity::Model, user_entity::Model)>, Error> {
    let now = ctx.now();
    let found = session::by_hash(ctx.store.read(), &hash_token(token), now).await?;
    let Some((row, user)) = found.filter(|(_, user)| !user.suspended) else { return Ok(None) };
    if now - row.seen_at >= MINUTE {
        let until = (now + IDLE_LIFE).min(row.created_at + WHOLE_LIFE);
        let touched = ctx
            .store
            .write_tx::<_, Error>(|tx| Box::pin(async move { Ok(session::touch(tx, row.id, until, now).await?) }));
        touched.await?;
    }
    Ok(Some((row, user)))
}

/// Ends one of one's own sessions.
pub async fn end(ctx: &Context, actor: &Actor, user_id: i64, id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let ended = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            if !session::end(tx, user_id, id).await? {
                return Err(Error::NotFound("session"));
            }
            let before = json!({ "session": id });
            Ok(audit::record(tx, entry(&actor, now, "log_out", ("user", user_id), Some(before), None)).await?)
        })
    });
    ended.await
}

/// A new password for oneself, with the present one. Every other session ends.
pub async fn change_password(
    ctx: &Context,
    actor: &Actor,
    (session, user): (&entity::Model, &user_entity::Model),
    visitor: &Visitor,
    input: ChangePassword,
) -> Result<(), Error> {
    let ChangePassword { current, new } = input;
    check_new("new", &new)?;
    let account = confirm_password(ctx, visitor, user, current).await?;
    let (now, password_hash) = (ctx.now(), passwords::hash(ctx, &new).await?);
    let (id, kept) = (user.id, session.id);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, password_hash, account) = (actor.clone(), password_hash.clone(), account.clone());
        let (ctx, visitor, current_hash) = (ctx.clone(), visitor.clone(), user.password_hash.clone());
        Box::pin(async move {
            login_failure::forgive(tx, &account).await?;
            // By a mailed link, while this one was looked at.
            let user = user::by_id(tx, id).await?.filter(|user| user.password_hash == current_hash);
            let user = user.ok_or_else(|| Error::invalid(NOT_YOURS))?;
            let change = Change { password_hash: Some(password_hash), ..Change::default() };
            let user = user::change(tx, user, change, now).await?;
            // Whoever reads the mailbox sets no other one after it.
            password_link::of_user_gone(tx, id).await?;
            tell_change(&ctx, tx, &user, &visitor, now).await?;
            let ended = session::end_others(tx, id, Some(kept)).await?;
            let after = json!({ "sessionsEnded": ended });
            Ok(audit::record(tx, entry(&actor, now, "change_password", ("user", id), None, Some(after))).await?)
        })
    });
    changed.await
}

/// Whether a password may be chosen.
pub(super) fn check_new(field: &str, new: &str) -> Result<(), Error> {
    if PASSWORD_CHARS.contains(&new.chars().count()) {
        return Ok(());
    }
    let (least, most) = PASSWORD_CHARS.into_inner();
    Err(Error::invalid(format!("The {field} field must have {least} to {most} characters.")))
}

/// Looks whether it is the password of whoever is logged in, and writes down if not. Answers by which name failures are
/// counted.
pub(super) async fn confirm_password(
    ctx: &Context,
    visitor: &Visitor,
    user: &user_entity::Model,
    password: String,
) -> Result<String, Error> {
    let looked = look_at_password(ctx, visitor, user, password).await;
    if let Err(Error::Invalid(_)) = &looked {
        tell_refusal(ctx, visitor, user.id, "password").await?;
    }
    looked
}

/// The same, for those who write it down themselves.
pub(super) async fn look_at_password(
    ctx: &Context,
    visitor: &Visitor,
    user: &user_entity::Model,
    password: String,
) -> Result<String, Error> {
    let account = hash_token(&user.email_key);
    count_attempt(ctx, visitor, &account).await?;
    if is_password(ctx, Some(user), password).await? {
        return Ok(account);
    }
    Err(Error::invalid(NOT_YOURS))
}

/// Hashes once, whoever it is and whatever was typed.
async fn is_password(ctx: &Context, user: Option<&user_entity::Model>, password: String) -> Result<bool, Error> {
    let may_be = password.chars().count() <= *PASSWORD_CHARS.end();
    let phc = user.filter(|_| may_be).map(|user| user.password_hash.clone());
    passwords::verify(ctx, phc, if may_be { password } else { String::new() }).await
}
