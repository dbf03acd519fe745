//! Logins from another site: a billing system asks for a pair of tokens and sends its customer's browser here with
//! them. They log in once, within a minute; [`super::arrivals`] says how.

use berth_store::{
    Micros, audit,
    login_token::{self, NewPair},
    oidc_attempt, passkey_challenge, password_link, server, session,
    user::{self, Relation},
};
use serde_json::json;

use super::{entry, logins, second_factors};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::SECOND,
    http::auth::hash_token,
};

/// How long a pair logs in.
pub const PAIR_LIFE: Micros = 60 * SECOND;
/// As clients know them.
const TOKEN_LETTERS: usize = 100;

/// A pair, shown once.
#[derive(Clone, Debug)]
pub struct Pair {
    pub first: String,
    pub second: String,
    pub expires_at: Micros,
}

/// A pair for the user of a relation; with a server, which must be the user's, the browser lands on its page.
pub async fn create(ctx: &Context, actor: &Actor, relation: &Relation, server_id: Option<i64>) -> Result<Pair, Error> {
    actor.require(Ability::Admin)?;
    let (now, first, second) =
        (ctx.now(), ctx.rng.letters_and_digits(TOKEN_LETTERS), ctx.rng.letters_and_digits(TOKEN_LETTERS));
    let (first_hash, second_hash, expires_at) = (hash_token(&first), hash_token(&second), now + PAIR_LIFE);
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, relation) = (actor.clone(), relation.clone());
        let (first_hash, second_hash) = (first_hash.clone(), second_hash.clone());
        Box::pin(async move {
            let user = user::by_relation(tx, &relation).await?.ok_or(Error::NotFound("ext_relation_id"))?;
            // Whoever has a token of the API is not thereby whoever works here.
            if user.role.is_some() {
                return Err(Error::Forbidden("nobody is logged in as staff through the API"));
            }
            if user.suspended {
                return Err(Error::invalid("The user is suspended."));
            }
            if let Some(id) = server_id {
                let row = server::by_id(tx, id).await?;
                row.filter(|row| row.owner_id == user.id).ok_or(Error::NotFound("server"))?;
            }
            let new = NewPair { user_id: user.id, server_id, first_hash, second_hash, expires_at, now };
            login_token::insert(tx, new).await?;
            let after = json!({ "server": server_id });
            let written = entry(&actor, now, "create_login_tokens", ("user", user.id), None, Some(after));
            Ok(audit::record(tx, written).await?)
        })
    });
    made.await?;
    Ok(Pair { first, second, expires_at })
}

/// Removes what logs nobody in any more.
pub async fn trim(ctx: &Context) -> Result<(), Error> {
    let now = ctx.now();
    let trimmed = ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            login_token::trim(tx, now - crate::clock::DAY).await?;
            password_link::trim(tx, now - crate::clock::DAY).await?;
            oidc_attempt::trim(tx, now).await?;
            session::trim(tx, now).await?;
            passkey_challenge::trim(tx, now).await?;
            Ok(berth_store::login_failure::trim(tx, now - logins::FAILURE_WINDOW.max(second_factors::CODE_WINDOW))
                .await?)
        })
    });
    trimmed.await
}
