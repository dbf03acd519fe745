//! A passkey as the proof that it is still whoever logged in ([`crate::proof`]).

use berth_api::panel::passkey::PasskeyAnswer;
use berth_store::{
    audit,
    entity::{session as session_entity, user as user_entity},
    passkey, session,
};
use serde_json::{Value, json};

use super::{
    login::{self, Refused, Shown},
    off,
};
use crate::{
    Context, Error,
    actions::{entry, logins::Visitor, proofs},
    actor::Actor,
};

/// The session that asks is the one that may answer.
fn holder(session: &session_entity::Model) -> String {
    format!("prove with a passkey {}", session.token_hash)
}

/// Whether a user could prove it so.
pub async fn can_prove(ctx: &Context, user_id: i64) -> Result<bool, Error> {
    Ok(off(&ctx.config).is_none() && !passkey::of_user(ctx.store.read(), user_id).await?.is_empty())
}

pub async fn challenge_again(
    ctx: &Context,
    visitor: &Visitor,
    session: &session_entity::Model,
) -> Result<Value, Error> {
    login::begin_challenge(ctx, visitor, &holder(session)).await
}

/// Takes the proof for this session, and no other.
pub async fn prove(
    ctx: &Context,
    actor: &Actor,
    (session, user): (&session_entity::Model, &user_entity::Model),
    visitor: &Visitor,
    input: PasskeyAnswer,
) -> Result<(), Error> {
    let taken = match login::look(ctx, visitor, Some(&holder(session)), input).await? {
        Ok(shown) if shown.user.id != user.id => Err(Refused::Another),
        Ok(shown) => take(ctx, actor, session, &shown).await?,
        Err((_, refused)) => Err(refused),
    };
    let Err(refused) = taken else { return Ok(()) };
    if refused == Refused::Counter {
        tracing::warn!(user = user.id, "the counter of a passkey went back");
    }
    let after = json!({ "session": session.id, "by": "passkey", "reason": refused.sentence() });
    proofs::tell_refused(ctx, actor, user.id, after).await?;
    Err(Error::invalid("The credential field proves nothing: it must be of a passkey of yours. Please try again."))
}

async fn take(
    ctx: &Context,
    actor: &Actor,
    session: &session_entity::Model,
    shown: &Shown,
) -> Result<Result<(), Refused>, Error> {
    let (now, id, user_id) = (ctx.now(), session.id, session.user_id);
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, shown) = (actor.clone(), shown.clone());
        Box::pin(async move {
            if !shown.take(tx, now).await? {
                return Ok(Err(Refused::Counter));
            }
            if !session::prove(tx, user_id, id, now).await? {
                return Err(Error::Unauthenticated);
            }
            let after = json!({ "session": id, "by": "passkey", "passkey": shown.row.id });
            audit::record(tx, entry(&actor, now, "prove", ("user", user_id), None, Some(after))).await?;
            Ok(Ok(()))
        })
    });
    taken.await
}
