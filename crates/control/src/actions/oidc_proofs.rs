//! Proofs by the provider: staff who have no second factor here go there again, where they are asked who they are, and
//! come back to the session that they had. It is what people without a password of ours prove by.
//!
//! ```text
//! begin --the provider asks again--> end --> the session is proved   the same account, asked since it began
//!                                        --> refused, and written down
//! ```

use berth_api::panel::account::BeginSignOn;
use berth_store::{
    Micros, Tx, audit,
    entity::{session as session_entity, user as user_entity},
    session, user_identity,
};
use serde_json::json;

use super::{
    entry,
    logins::Visitor,
    oidc_logins::{self, BY, Leaving},
};
use crate::{
    Context, Error,
    actor::Actor,
    oidc::{Provider, Refused, Told},
};

/// Whether a user may prove by the provider. Where there is a second factor, its code is the proof.
pub async fn is_a_way(ctx: &Context, user: &user_entity::Model) -> Result<bool, Error> {
    let may = user.role.is_some() && !user.two_factor_auth;
    let Some(provider) = ctx.oidc.as_deref().filter(|_| may) else { return Ok(false) };
    let known = user_identity::of_user(ctx.store.read(), user.id).await?;
    Ok(known.iter().any(|identity| identity.issuer == provider.settings().issuer))
}

/// Begins one, for this session and no other.
pub async fn begin(
    ctx: &Context,
    visitor: &Visitor,
    (session, user): (&session_entity::Model, &user_entity::Model),
    input: BeginSignOn,
) -> Result<Leaving, Error> {
    if !is_a_way(ctx, user).await? {
        return Err(Error::NotFound("account at the provider"));
    }
    oidc_logins::leave(ctx, visitor, input, Some(session.id)).await
}

/// Who came back, for which session.
#[derive(Clone)]
struct Proving {
    visitor: Visitor,
    session_id: i64,
    issuer: String,
    subject: String,
    /// Why what the provider says is no proof, whoever it is.
    refused: Option<Refused>,
    now: Micros,
}

/// Ends one that was begun at `begun_at` for a session, where the browser still holds it.
pub(super) async fn end(
    ctx: &Context,
    provider: &Provider,
    visitor: &Visitor,
    (session_id, begun_at): (i64, Micros),
    told: Told,
) -> Result<Result<(), Refused>, Error> {
    let settings = provider.settings();
    let admitted = oidc_logins::admit(settings, &told);
    let proving = Proving {
        visitor: visitor.clone(),
        session_id,
        issuer: settings.issuer.clone(),
        refused: admitted.err().or_else(|| (!told.is_shown_since(begun_at)).then_some(Refused::Stale)),
        subject: told.subject,
        now: ctx.now(),
    };
    let ended = ctx.store.write_tx::<_, Error>(|tx| {
        let proving = proving.clone();
        Box::pin(async move { proving.run(tx).await })
    });
    ended.await
}

impl Proving {
    async fn run(self, tx: &Tx) -> Result<Result<(), Refused>, Error> {
        let Some(user) = self.user(tx).await? else { return Ok(Err(Refused::Over)) };
        let refused = match self.refused {
            Some(refused) => Some(refused),
            None => self.judge(tx, &user).await?,
        };
        if let Some(refused) = refused {
            let after = json!({ "session": self.session_id, "by": BY, "reason": refused.word() });
            self.note(tx, &user, "prove_refused", after).await?;
            return Ok(Err(refused));
        }
        if !session::prove(tx, user.id, self.session_id, self.now).await? {
            return Ok(Err(Refused::Over));
        }
        self.note(tx, &user, "prove", json!({ "session": self.session_id, "by": BY })).await?;
        Ok(Ok(()))
    }

    /// Whose session it is, where this browser holds it.
    async fn user(&self, tx: &Tx) -> Result<Option<user_entity::Model>, Error> {
        let Some(held) = &self.visitor.before else { return Ok(None) };
        let found = session::by_hash(tx, held, self.now).await?;
        Ok(found.filter(|(session, _)| session.id == self.session_id).map(|(_, user)| user))
    }

    async fn judge(&self, tx: &Tx, user: &user_entity::Model) -> Result<Option<Refused>, Error> {
        if user.suspended {
            return Ok(Some(Refused::Suspended));
        }
        if user.role.is_none() {
            return Ok(Some(Refused::Nobody));
        }
        // Switched on meanwhile.
        if user.two_factor_auth {
            return Ok(Some(Refused::Over));
        }
        let known = user_identity::by_subject(tx, &self.issuer, &self.subject).await?;
        Ok(if known.is_some_and(|identity| identity.user_id == user.id) { None } else { Some(Refused::Stranger) })
    }

    async fn note(
        &self,
        tx: &Tx,
        user: &user_entity::Model,
        action: &'static str,
        after: serde_json::Value,
    ) -> Result<(), Error> {
        let actor = Actor::owner(user.id, self.visitor.address, self.visitor.request_id.clone());
        Ok(audit::record(tx, entry(&actor, self.now, action, ("user", user.id), None, Some(after))).await?)
    }
}
