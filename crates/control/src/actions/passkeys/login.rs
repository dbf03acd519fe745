//! Logins with a passkey.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use berth_api::panel::passkey::PasskeyAnswer;
use berth_store::{
    Micros, Tx,
    audit::{self, NewEntry},
    entity::{passkey as entity, user as user_entity},
    login_failure, passkey,
};
use serde_json::{Value, json};
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PublicKeyCredential, Webauthn, WebauthnError};

use super::{keep, party, read, taken};
use crate::{
    Context, Error,
    actions::{
        entry,
        logins::{self, Begun, Visitor, count_attempt},
    },
    actor::Actor,
    http::auth::hash_token,
};

/// Letters and digits: 256 bits and a bit.
const SECRET_LETTERS: usize = 43;

/// Why a passkey opens nothing; written down, and told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nobody has such a one.
    Unknown,
    /// Another browser's challenge, an old one, or one that was answered before.
    Challenge,
    Suspended,
    /// Not signed by it, or not for this page, or by an authenticator that did not verify its user.
    Assertion,
    /// There may be a second one of the key.
    Counter,
    /// It holds, and is not that of whoever is logged in.
    Another,
}

impl Refused {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Refused::Unknown => "there is no such passkey",
            Refused::Challenge => "the challenge was another browser's, too old, or answered before",
            Refused::Suspended => "the user is suspended",
            Refused::Assertion => "the answer does not hold",
            Refused::Counter => "the counter went back: somebody may have a copy of the key",
            Refused::Another => "it is another user's",
        }
    }
}

/// An answer that holds, to be taken.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub row: entity::Model,
    pub user: user_entity::Model,
    credential: Value,
    counter: u32,
    counted: String,
}

impl Shown {
    /// In the transaction of what it opens; what was wrong before is forgiven. Of two answers at once the one that counts
    /// less comes too late.
    pub(super) async fn take(&self, tx: &Tx, now: Micros) -> Result<bool, Error> {
        if !passkey::take(tx, self.row.id, self.credential.clone(), i64::from(self.counter), now).await? {
            return Ok(false);
        }
        login_failure::forgive(tx, &self.counted).await?;
        Ok(true)
    }
}

/// The browser that was challenged is the one that may answer.
fn holder(secret: &str) -> String {
    format!("log in with a passkey {secret}")
}

/// A challenge for whichever passkey: its options, and what the browser's cookie holds meanwhile.
pub async fn challenge(ctx: &Context, visitor: &Visitor) -> Result<(Value, String), Error> {
    let secret = ctx.rng.letters_and_digits(SECRET_LETTERS);
    Ok((begin_challenge(ctx, visitor, &holder(&secret)).await?, secret))
}

pub(super) async fn begin_challenge(ctx: &Context, visitor: &Visitor, holder: &str) -> Result<Value, Error> {
    let (options, state) =
        party(ctx)?.start_discoverable_authentication().map_err(|error| anyhow::anyhow!("a passkey: {error}"))?;
    keep(ctx, visitor, holder, &state).await?;
    Ok(serde_json::to_value(options.public_key).map_err(anyhow::Error::from)?)
}

/// With an answer to the challenge of this browser. Why not is told nobody who has no session.
pub async fn log_in(
    ctx: &Context,
    visitor: &Visitor,
    secret: Option<&str>,
    input: PasskeyAnswer,
) -> Result<Begun, Error> {
    let begun = match look(ctx, visitor, secret.map(holder).as_deref(), input).await? {
        Ok(shown) => begin(ctx, visitor, &shown).await?.map_err(|refused| (Some(shown.row), refused)),
        Err(refused) => Err(refused),
    };
    match begun {
        Ok(begun) => Ok(begun),
        Err((row, refused)) => {
            tell_refusal(ctx, visitor, row.as_ref(), refused).await?;
            Err(Error::Unauthenticated)
        }
    }
}

/// Counts an answer, ends the challenge of whoever holds it, and looks whose passkey it is of.
pub(super) async fn look(
    ctx: &Context,
    visitor: &Visitor,
    holder: Option<&str>,
    input: PasskeyAnswer,
) -> Result<Result<Shown, (Option<entity::Model>, Refused)>, Error> {
    let party = party(ctx)?;
    let answer: PublicKeyCredential = read(input.credential)?;
    let credential_id = URL_SAFE_NO_PAD.encode(&answer.raw_id);
    // Not by the account: who guesses its password keeps no passkey out.
    let counted = hash_token(&format!("passkey {credential_id}"));
    count_attempt(ctx, visitor, &counted).await?;
    let state = match holder {
        Some(holder) => taken(ctx, holder).await?,
        None => None,
    };
    let Some((row, user)) = passkey::by_credential(ctx.store.read(), &credential_id).await? else {
        return Ok(Err((None, Refused::Unknown)));
    };
    Ok(match verified(&party, &answer, state, &row, &user)? {
        Ok((credential, counter)) => Ok(Shown { row, user, credential, counter, counted }),
        Err(refused) => Err((Some(row), refused)),
    })
}

/// What the credential has become and its counter, where the answer holds.
fn verified(
    party: &Webauthn,
    answer: &PublicKeyCredential,
    state: Option<DiscoverableAuthentication>,
    row: &entity::Model,
    user: &user_entity::Model,
) -> Result<Result<(Value, u32), Refused>, Error> {
    let Some(state) = state else { return Ok(Err(Refused::Challenge)) };
    if user.suspended {
        return Ok(Err(Refused::Suspended));
    }
    // Without a name before, the key says whose it is (WebAuthn, 7.2, step 6).
    let is_theirs = party.identify_discoverable_authentication(answer).is_ok_and(|(uuid, _)| uuid == user.uuid);
    if !is_theirs {
        return Ok(Err(Refused::Assertion));
    }
    let mut credential: Passkey = serde_json::from_value(row.credential.clone()).map_err(anyhow::Error::from)?;
    match party.finish_discoverable_authentication_v2(answer, state, &credential) {
        Ok(result) => {
            credential.update_credential(&result);
            Ok(Ok((serde_json::to_value(credential).map_err(anyhow::Error::from)?, result.counter())))
        }
        Err(WebauthnError::CredentialPossibleCompromise) => Ok(Err(Refused::Counter)),
        Err(error) => {
            tracing::info!(user = user.id, %error, "a login with a passkey was refused");
            Ok(Err(Refused::Assertion))
        }
    }
}

async fn begin(ctx: &Context, visitor: &Visitor, shown: &Shown) -> Result<Result<Begun, Refused>, Error> {
    let user = &shown.user;
    let (new, token) = logins::new_session(ctx, visitor, user.id, true);
    let (now, actor) = (ctx.now(), Actor::owner(user.id, visitor.address, visitor.request_id.clone()));
    let session = ctx.store.write_tx::<_, Error>(|tx| {
        let (new, actor, visitor) = (new.clone(), actor.clone(), visitor.clone());
        let (ctx, shown) = (ctx.clone(), shown.clone());
        Box::pin(async move {
            if !shown.take(tx, now).await? {
                return Ok(None);
            }
            logins::tell_login(&ctx, tx, &shown.user, &new).await?;
            logins::begin(tx, &actor, &visitor, new, "passkey", now).await.map(Some)
        })
    });
    let session = session.await?;
    Ok(session.map(|session| Begun { session, user: user.clone(), token }).ok_or(Refused::Counter))
}

/// Also of passkeys that there are not: that there is one, costs the same.
async fn tell_refusal(
    ctx: &Context,
    visitor: &Visitor,
    row: Option<&entity::Model>,
    refused: Refused,
) -> Result<(), Error> {
    let (now, actor) = (ctx.now(), Actor::stranger(visitor.address, visitor.request_id.clone()));
    let (passkey, user) = (row.map(|row| row.id), row.map(|row| row.user_id));
    let after = json!({ "by": "passkey", "passkey": passkey, "reason": refused.sentence() });
    if refused == Refused::Counter {
        tracing::warn!(user, passkey, "the counter of a passkey went back");
    }
    let told = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, after) = (actor.clone(), after.clone());
        Box::pin(async move {
            let written = entry(&actor, now, "log_in_refused", ("user", 0), None, Some(after));
            Ok(audit::record(tx, NewEntry { subject_id: user, ..written }).await?)
        })
    });
    told.await
}
