//! Proving again that it is oneself: what dangerous operations of the panel want ([`crate::proof`]).
//!
//! Where the account has a second factor, its code is the proof and the password is none: browsers fill in passwords by
//! themselves, so whoever sits down at an open one has the password too, while the code is on another device. One of the
//! two is enough, for what ends the second factor or changes the password asks for more in its own form. A passkey is a
//! proof for everybody who has one (`passkeys/proof.rs`): its user was verified.

use berth_api::panel::account::ProveAgain;
use berth_store::{
    audit,
    entity::{session as session_entity, user as user_entity},
    login_failure, session,
};
use serde_json::{Value, json};

use super::{
    entry,
    logins::{self, Visitor},
    second_factors::{self, Asked, Shown},
};
use crate::{Context, Error, actor::Actor};

/// What was shown, and by which name failures are counted.
#[derive(Clone, Debug)]
enum Proof {
    Password { account: String },
    Code(Shown),
}

impl Proof {
    fn word(&self) -> &'static str {
        match self {
            Proof::Password { .. } => "password",
            Proof::Code(_) => "second factor",
        }
    }
}

/// Takes the proof for this session, and no other.
pub async fn prove(
    ctx: &Context,
    actor: &Actor,
    (session, user): (&session_entity::Model, &user_entity::Model),
    visitor: &Visitor,
    input: ProveAgain,
) -> Result<(), Error> {
    let ProveAgain { password, code } = input;
    let has_factor = second_factors::confirmed(ctx, user.id).await?.is_some();
    let (given, missing) = match has_factor {
        true => (code, "The code field is required: the account has a second factor."),
        false => (password, "The password field is required."),
    };
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| Error::invalid(missing))?;
    let taken = match look(ctx, visitor, user, given, has_factor).await {
        Ok(proof) => take(ctx, actor, (session, user), proof).await,
        Err(error) => Err(error),
    };
    if let Err(Error::Invalid(_)) = &taken {
        tell_refused(ctx, actor, user.id, json!({ "session": session.id })).await?;
    }
    taken
}

/// Counts what was given, and looks what it is.
async fn look(
    ctx: &Context,
    visitor: &Visitor,
    user: &user_entity::Model,
    given: String,
    has_factor: bool,
) -> Result<Proof, Error> {
    if !has_factor {
        return Ok(Proof::Password { account: logins::look_at_password(ctx, visitor, user, given).await? });
    }
    let shown = second_factors::look(ctx, user, Some(&given), Asked::Session).await?;
    shown.map(Proof::Code).ok_or_else(|| Error::invalid("There is no second factor any more. Please try again."))
}

async fn take(
    ctx: &Context,
    actor: &Actor,
    (session, user): (&session_entity::Model, &user_entity::Model),
    proof: Proof,
) -> Result<(), Error> {
    let (now, id, user_id) = (ctx.now(), session.id, user.id);
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, proof) = (actor.clone(), proof.clone());
        Box::pin(async move {
            match &proof {
                Proof::Password { account } => login_failure::forgive(tx, account).await?,
                Proof::Code(shown) => second_factors::take(tx, shown, now).await?,
            }
            if !session::prove(tx, user_id, id, now).await? {
                return Err(Error::Unauthenticated);
            }
            let after = json!({ "session": id, "by": proof.word() });
            Ok(audit::record(tx, entry(&actor, now, "prove", ("user", user_id), None, Some(after))).await?)
        })
    });
    taken.await.map_err(second_factors::wrong_code)
}

/// Writes down that something was shown, and proved nothing.
pub(super) async fn tell_refused(ctx: &Context, actor: &Actor, user_id: i64, after: Value) -> Result<(), Error> {
    let now = ctx.now();
    let told = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, after) = (actor.clone(), after.clone());
        Box::pin(async move {
            Ok(audit::record(tx, entry(&actor, now, "prove_refused", ("user", user_id), None, Some(after))).await?)
        })
    });
    told.await
}
