//! What becomes of a browser that another site sends with a pair of tokens: it is logged in, or has to show the second
//! factor of its account first.
//!
//! The other site vouches for its customer, so nobody is asked for a password. It does not vouch for a second factor, and
//! nothing that it says is a proof: dangerous operations ask for one ([`crate::proof`]).
//!
//! ```text
//! pair --redeem--> In                                      no second factor
//!      --redeem--> waits, WAIT_LIFE --show_code--> In      with one
//! ```

use berth_api::panel::account::ShowCode;
use berth_store::{
    Micros, Tx,
    entity::{login_token as entity, user as user_entity},
    login_token, second_factor, server, user,
};

use super::{
    logins::{self, Begun, Visitor},
    second_factors::{self, Asked},
};
use crate::{Context, Error, actor::Actor, clock::MINUTE, http::auth::hash_token};

/// How long an arrival waits for its second factor.
pub const WAIT_LIFE: Micros = 10 * MINUTE;
/// 256 bits and a bit.
const WAIT_LETTERS: usize = 43;

/// Why a pair logs nobody in; a word that the login page has a sentence for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Used,
    Expired,
    Unknown,
    Suspended,
    /// Whoever has a token of the API is not thereby whoever works here.
    Staff,
}

impl Refused {
    pub fn word(self) -> &'static str {
        match self {
            Refused::Used => "used",
            Refused::Expired => "expired",
            Refused::Unknown => "unknown",
            Refused::Suspended => "suspended",
            Refused::Staff => "staff",
        }
    }
}

/// Whom a pair of tokens brought, and the page that was asked for: the server's UUID, or nothing for the list.
#[derive(Debug)]
pub enum Arrived {
    In(Box<Begun>, Option<uuid::Uuid>),
    /// With what its cookie holds until the second factor is shown.
    Waits(String, Option<uuid::Uuid>),
}

/// What a pair was found to be in the transaction that takes it.
enum Taken {
    In(Box<berth_store::entity::session::Model>, Box<user_entity::Model>),
    Waits,
    Refused(Refused),
}

/// Takes a pair, once.
pub async fn redeem(
    ctx: &Context,
    visitor: &Visitor,
    first: &str,
    second: &str,
) -> Result<Result<Arrived, Refused>, Error> {
    let (first, second, now) = (hash_token(first), hash_token(second), ctx.now());
    let Some(pair) = login_token::by_hashes(ctx.store.read(), &first, &second).await? else {
        return Ok(Err(Refused::Unknown));
    };
    let user_id = pair.user_id;
    let (new, token) = logins::new_session(ctx, visitor, user_id, false);
    let wait = ctx.rng.letters_and_digits(WAIT_LETTERS);
    let wait_hash = hash_token(&wait);
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, visitor, new, wait_hash) = (ctx.clone(), visitor.clone(), new.clone(), wait_hash.clone());
        let (first, second) = (first.clone(), second.clone());
        Box::pin(async move {
            let user = match let_in(tx, user_id).await? {
                Ok(user) => user,
                Err(refused) => return Ok(Taken::Refused(refused)),
            };
            let Some(pair) = login_token::take(tx, &first, &second, now).await? else {
                return Ok(Taken::Refused(Refused::Used));
            };
            if has_factor(tx, user.id).await? {
                login_token::wait(tx, pair.id, &wait_hash, now + WAIT_LIFE).await?;
                return Ok(Taken::Waits);
            }
            let actor = Actor::owner(user.id, visitor.address, visitor.request_id.clone());
            logins::tell_login(&ctx, tx, &user, &new).await?;
            let session = logins::begin(tx, &actor, &visitor, new, "another site", now).await?;
            Ok(Taken::In(Box::new(session), Box::new(user)))
        })
    });
    let taken = taken.await?;
    let server = own_server(ctx, &pair).await?;
    Ok(match taken {
        Taken::In(session, user) => Ok(Arrived::In(Box::new(Begun { session: *session, user: *user, token }), server)),
        Taken::Waits => Ok(Arrived::Waits(wait, server)),
        Taken::Refused(Refused::Used) if pair.used_at.is_none() && pair.expires_at <= now => Err(Refused::Expired),
        Taken::Refused(refused) => Err(refused),
    })
}

/// The code of whoever arrived and was asked for a second factor. `wait` is what the cookie holds.
pub async fn show_code(ctx: &Context, visitor: &Visitor, wait: &str, input: ShowCode) -> Result<Begun, Error> {
    let (now, hash) = (ctx.now(), hash_token(wait));
    let pair = login_token::waiting(ctx.store.read(), &hash, now).await?.ok_or(Error::Unauthenticated)?;
    let user = user::by_id(ctx.store.read(), pair.user_id).await?.ok_or(Error::Unauthenticated)?;
    let shown = second_factors::look(ctx, &user, Some(&input.code), Asked::Arrival).await?;
    // A code was shown, which is what a proof is; without a factor meanwhile nothing was.
    let (new, token) = logins::new_session(ctx, visitor, user.id, shown.is_some());
    let begun = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, visitor, new, hash) = (ctx.clone(), visitor.clone(), new.clone(), hash.clone());
        let (shown, user_id) = (shown.clone(), pair.user_id);
        Box::pin(async move {
            match &shown {
                Some(shown) => second_factors::take(tx, shown, now).await?,
                None if has_factor(tx, user_id).await? => return Err(Error::SecondFactor { is_wrong: false }),
                None => {}
            }
            if !login_token::end_wait(tx, &hash, now).await? {
                return Err(Error::Unauthenticated);
            }
            let user = let_in(tx, user_id).await?.map_err(|_| Error::Unauthenticated)?;
            let actor = Actor::owner(user.id, visitor.address, visitor.request_id.clone());
            logins::tell_login(&ctx, tx, &user, &new).await?;
            let by = if shown.is_some() { "another site and second factor" } else { "another site" };
            Ok((logins::begin(tx, &actor, &visitor, new, by, now).await?, user))
        })
    });
    match begun.await {
        Ok((session, user)) => Ok(Begun { session, user, token }),
        Err(error) => Err(second_factors::told(ctx, visitor, &user.email, error).await),
    }
}

/// Whose the pair is, as they are now: it was made up to a minute ago, and a second factor takes its time.
async fn let_in(tx: &Tx, user_id: i64) -> Result<Result<user_entity::Model, Refused>, Error> {
    let Some(user) = user::by_id(tx, user_id).await? else { return Ok(Err(Refused::Unknown)) };
    if user.role.is_some() {
        return Ok(Err(Refused::Staff));
    }
    if user.suspended {
        return Ok(Err(Refused::Suspended));
    }
    Ok(Ok(user))
}

async fn has_factor(tx: &Tx, user_id: i64) -> Result<bool, Error> {
    let factor = second_factor::of_user(tx, user_id).await?;
    Ok(factor.is_some_and(|factor| factor.confirmed_at.is_some()))
}

/// It may be somebody else's, or gone, since the pair was made.
async fn own_server(ctx: &Context, pair: &entity::Model) -> Result<Option<uuid::Uuid>, Error> {
    let Some(id) = pair.server_id else { return Ok(None) };
    let row = server::by_id(ctx.store.read(), id).await?;
    Ok(row.filter(|row| row.owner_id == pair.user_id).map(|row| row.uuid))
}
