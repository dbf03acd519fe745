//! Logins of staff by OpenID Connect. One begins here, goes on at the provider, and comes back to the same browser once.
//!
//! Whoever the provider names is known by its subject, which is kept at the first login; that one needs an e-mail address
//! for which the provider vouches. Customers are not let in by it, whatever it says.
//!
//! A login is a proof ([`crate::proof`]) where the provider asked who it is, and did not only know the browser; and where the
//! account has a second factor here, its code is the proof.

use berth_api::panel::account::BeginSignOn;
use berth_store::{
    Micros, StoreError, Tx, audit,
    entity::{oidc_attempt as attempt_entity, user as entity},
    login_failure,
    oidc_attempt::{self, NewAttempt},
    user::{self, NewUser},
    user_identity,
};
use serde_json::json;
use url::Url;

use super::{
    entry,
    logins::{self, Begun, Visitor},
    oidc_proofs, passwords, rules, staff,
};
use crate::{
    Context, Error,
    actor::Actor,
    clock::MINUTE,
    http::auth::hash_token,
    oidc::{Asks, Provider, Refused, Secrets, Settings, Told},
    permissions::Role,
};

/// How long somebody may take at the provider.
pub const ATTEMPT_LIFE: Micros = 10 * MINUTE;
/// Logins and proofs that have begun and may still come back, of everybody.
pub const ATTEMPTS: u64 = 10_000;
/// Begun from one address within their life: whoever begins without end keeps nobody else out.
pub const ATTEMPTS_OF_ADDRESS: u64 = 200;
/// 256 bits and a bit; also what a verifier of PKCE has at least.
const SECRET_LETTERS: usize = 43;
const CODE_CHARS: usize = 4_096;
const NEXT_CHARS: usize = 500;
const NAME_CHARS: usize = 191;
pub(super) const BY: &str = "OpenID Connect";

/// Where the browser goes, and what it holds until it is back.
pub struct Leaving {
    pub to: Url,
    pub cookie: String,
}

/// What a browser comes back with.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub state: String,
    pub code: Option<String>,
    /// RFC 9207.
    pub issuer: Option<String>,
}

/// What came of it, and the page of ours that the browser lands on.
pub struct Landed {
    /// None where the session that there is was proved.
    pub begun: Option<Begun>,
    pub next: Option<String>,
}

fn provider(ctx: &Context) -> Result<&Provider, Error> {
    ctx.oidc.as_deref().ok_or(Error::NotFound("way to log in"))
}

/// Begins a login.
pub async fn begin(ctx: &Context, visitor: &Visitor, input: BeginSignOn) -> Result<Leaving, Error> {
    leave(ctx, visitor, input, None).await
}

/// Sends a browser to the provider, to log in or to prove a session.
pub(super) async fn leave(
    ctx: &Context,
    visitor: &Visitor,
    input: BeginSignOn,
    session_id: Option<i64>,
) -> Result<Leaving, Error> {
    let (provider, next) = (provider(ctx)?, own_path(input.next)?);
    let (now, letters) = (ctx.now(), || ctx.rng.letters_and_digits(SECRET_LETTERS));
    let (secrets, cookie) = (Secrets { state: letters(), nonce: letters(), verifier: letters() }, letters());
    let asks = if session_id.is_some() { Asks::Again } else { Asks::Once };
    let to = provider.leads_to(&secrets, asks, now).await.map_err(|_| {
        Error::Unavailable("The sign-on service does not answer. Log in with your password, or try again.".to_owned())
    })?;
    let uuid = ctx.rng.uuid();
    let sealed = format!("{} {}", secrets.nonce, secrets.verifier);
    let new = NewAttempt {
        uuid,
        state_hash: hash_token(&secrets.state),
        browser_hash: hash_token(&cookie),
        secrets_enc: ctx.seal("oidc_attempts", "secrets_enc", uuid, &sealed),
        next,
        session_id,
        expires_at: now + ATTEMPT_LIFE,
        now,
    };
    let address = logins::client(visitor);
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        let (new, address) = (new.clone(), address.clone());
        Box::pin(async move {
            count(tx, &address, now).await?;
            Ok(oidc_attempt::insert(tx, new).await?)
        })
    });
    written.await?;
    Ok(Leaving { to, cookie })
}

/// Counts one more that begins, where there is room for it.
async fn count(tx: &Tx, address: &str, now: Micros) -> Result<(), Error> {
    let of_address = hash_token(&format!("sign-on from {address}"));
    let (begun, _) = login_failure::counts(tx, &of_address, "", now - ATTEMPT_LIFE).await?;
    if begun >= ATTEMPTS_OF_ADDRESS || oidc_attempt::open(tx, now).await? >= ATTEMPTS {
        return Err(Error::TooMany { retry_after_s: (ATTEMPT_LIFE / crate::clock::SECOND).unsigned_abs() });
    }
    // None of the failures of the address, which keep passwords out.
    Ok(login_failure::insert(tx, &of_address, "sign-on", now).await?)
}

/// A path of ours, and nothing that leads elsewhere.
fn own_path(next: Option<String>) -> Result<Option<String>, Error> {
    let Some(next) = next else { return Ok(None) };
    let is_ours = next.starts_with('/') && !next.starts_with("//") && next.chars().count() <= NEXT_CHARS;
    let is_plain = next.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    if is_ours && is_plain {
        return Ok(Some(next));
    }
    Err(Error::invalid(format!("The next field must be a path of the panel of at most {NEXT_CHARS} characters.")))
}

/// Ends a login or a proof that was begun by `browser`, what its cookie holds.
pub async fn finish(
    ctx: &Context,
    visitor: &Visitor,
    browser: &str,
    answer: &Answer,
) -> Result<Result<Landed, Refused>, Error> {
    let provider = provider(ctx)?;
    let attempt = match take(ctx, browser, &answer.state).await? {
        Ok(attempt) => attempt,
        Err(refused) => return Ok(Err(refused)),
    };
    let is_its = answer.issuer.as_ref().is_none_or(|issuer| *issuer == provider.settings().issuer);
    let code = answer.code.as_deref().filter(|code| is_its && code.len() <= CODE_CHARS);
    let Some(code) = code else { return Ok(Err(Refused::Denied)) };
    let sealed = ctx.open("oidc_attempts", "secrets_enc", attempt.uuid, &attempt.secrets_enc)?;
    let (nonce, verifier) = sealed.split_once(' ').unwrap_or_default();
    let secrets = Secrets { state: answer.state.clone(), nonce: nonce.to_owned(), verifier: verifier.to_owned() };
    let told = match provider.redeem(code, &secrets, ctx.now()).await {
        Ok(told) => told,
        Err(refused) => return Ok(Err(refused)),
    };
    let ended = match attempt.session_id {
        Some(id) => oidc_proofs::end(ctx, provider, visitor, (id, attempt.created_at), told).await?.map(|()| None),
        None => enter(ctx, provider, visitor, told, attempt.created_at).await?.map(Some),
    };
    Ok(ended.map(|begun| Landed { begun, next: attempt.next }))
}

/// The attempt that a state is of, once, by the browser that began it.
async fn take(ctx: &Context, browser: &str, state: &str) -> Result<Result<attempt_entity::Model, Refused>, Error> {
    let (state, browser, now) = (hash_token(state), hash_token(browser), ctx.now());
    let Some(known) = oidc_attempt::by_state(ctx.store.read(), &state).await? else { return Ok(Err(Refused::Over)) };
    if known.browser_hash != browser {
        return Ok(Err(Refused::Browser));
    }
    let taken = ctx.store.write_tx::<_, Error>(|tx| {
        let (state, browser) = (state.clone(), browser.clone());
        Box::pin(async move { Ok(oidc_attempt::take(tx, &state, &browser, now).await?) })
    });
    Ok(taken.await?.ok_or(Refused::Over))
}

/// Who comes in, with everything that was made before the transaction.
#[derive(Clone)]
struct Entering {
    ctx: Context,
    visitor: Visitor,
    told: Told,
    issuer: String,
    /// Whether the provider asked who it is.
    is_shown: bool,
    /// Whether the provider gives the roles.
    maps_roles: bool,
    /// Of a user that is to be made where nobody is known.
    new: Option<NewUser>,
    now: Micros,
}

/// Looks who it is, writes what the provider says, and begins a session.
async fn enter(
    ctx: &Context,
    provider: &Provider,
    visitor: &Visitor,
    told: Told,
    begun_at: Micros,
) -> Result<Result<Begun, Refused>, Error> {
    let settings = provider.settings();
    if let Err(refused) = admit(settings, &told) {
        return refuse_known(ctx, visitor, &settings.issuer, &told, refused).await.map(Err);
    }
    let new = if settings.creates_users { new_user(ctx, &settings.issuer, &told).await? } else { None };
    let entering = Entering {
        ctx: ctx.clone(),
        visitor: visitor.clone(),
        is_shown: told.is_shown_since(begun_at),
        told,
        issuer: settings.issuer.clone(),
        maps_roles: settings.maps_roles(),
        new,
        now: ctx.now(),
    };
    let entered = ctx.store.write_tx::<_, Error>(|tx| {
        let entering = entering.clone();
        Box::pin(async move { entering.run(tx).await })
    });
    match entered.await {
        // The same person in two windows: the other one was first, and this one is known the next time.
        Err(Error::Store(error)) if is_taken(&error) => Ok(Err(Refused::Over)),
        entered => entered,
    }
}

fn is_taken(error: &StoreError) -> bool {
    error.violates("users", &["email_key"])
        || error.violates("user_identities", &["issuer", "subject"])
        || error.violates("user_identities", &["user_id", "issuer"])
}

impl Entering {
    async fn run(self, tx: &Tx) -> Result<Result<Begun, Refused>, Error> {
        let (user, identity) = match self.find(tx).await? {
            Ok(found) => found,
            Err(refused) => return Ok(Err(refused)),
        };
        let user = match user {
            Some(user) => user,
            None => self.make(tx).await?,
        };
        // The role of a customer is nobody's at the provider to give.
        let refused =
            if user.role.is_none() { Some(Refused::Nobody) } else { user.suspended.then_some(Refused::Suspended) };
        if let Some(refused) = refused {
            note_refusal(tx, &self.visitor, user.id, refused, self.now).await?;
            return Ok(Err(refused));
        }
        match identity {
            Some(id) => user_identity::touch(tx, id, self.now).await?,
            None => self.keep(tx, &user).await?,
        }
        let user = self.with_role(tx, user).await?;
        let is_proved = self.is_shown && !user.two_factor_auth;
        let (new, token) = logins::new_session(&self.ctx, &self.visitor, user.id, is_proved);
        logins::tell_login(&self.ctx, tx, &user, &new).await?;
        let actor = Actor::owner(user.id, self.visitor.address, self.visitor.request_id.clone());
        let session = logins::begin(tx, &actor, &self.visitor, new, BY, self.now).await?;
        Ok(Ok(Begun { session, user, token }))
    }

    /// By the subject; at the first login by the address. Without anybody where one is to be made.
    async fn find(&self, tx: &Tx) -> Result<Result<(Option<entity::Model>, Option<i64>), Refused>, Error> {
        if let Some(identity) = user_identity::by_subject(tx, &self.issuer, &self.told.subject).await? {
            let user = user::by_id(tx, identity.user_id).await?.ok_or(Error::Unauthenticated)?;
            return Ok(Ok((Some(user), Some(identity.id))));
        }
        let email = match vouched(&self.told) {
            Ok(email) => email,
            Err(refused) => return Ok(Err(refused)),
        };
        let found = user::by_email(tx, email).await?.filter(|user| is_same_address(&user.email, email));
        let Some(user) = found else {
            return Ok(if self.new.is_some() { Ok((None, None)) } else { Err(Refused::Nobody) });
        };
        // An address that the provider gave to somebody else since.
        let known = user_identity::of_user(tx, user.id).await?;
        if known.iter().any(|identity| identity.issuer == self.issuer) {
            note_refusal(tx, &self.visitor, user.id, Refused::Other, self.now).await?;
            return Ok(Err(Refused::Other));
        }
        Ok(Ok((Some(user), None)))
    }

    async fn make(&self, tx: &Tx) -> Result<entity::Model, Error> {
        let new = self.new.clone().ok_or(Error::Unauthenticated)?;
        let user = user::insert(tx, new).await?;
        let after = json!({ "name": user.name, "email": user.email, "by": BY });
        let written = entry(&self.system(), self.now, "create_user", ("user", user.id), None, Some(after));
        audit::record(tx, written).await?;
        staff::give(tx, &self.system(), user, self.told.role, self.now).await
    }

    /// From now on this subject is this user.
    async fn keep(&self, tx: &Tx, user: &entity::Model) -> Result<(), Error> {
        let row = user_identity::insert(tx, user.id, &self.issuer, &self.told.subject, self.now).await?;
        let after = json!({ "issuer": row.issuer, "subject": row.subject });
        let written = entry(&self.system(), self.now, "link_identity", ("user", user.id), None, Some(after));
        Ok(audit::record(tx, written).await?)
    }

    /// The role that the provider gives, where it does; the last owner stays one.
    async fn with_role(&self, tx: &Tx, user: entity::Model) -> Result<entity::Model, Error> {
        let role = self.told.role.filter(|role| self.maps_roles && Role::of(&user) != Some(*role));
        let Some(role) = role else { return Ok(user) };
        if role != Role::Owner && staff::is_last_owner(tx, &user).await? {
            tracing::warn!(user = user.id, role = role.name(), "the last owner stays one, whatever the provider says");
            return Ok(user);
        }
        staff::give(tx, &self.system(), user, Some(role), self.now).await
    }

    /// What the provider says is nobody's own doing.
    fn system(&self) -> Actor {
        let Visitor { address, request_id, .. } = self.visitor.clone();
        Actor { address, request_id, ..Actor::system() }
    }
}

/// What the provider has to say of everybody who comes.
pub(super) fn admit(settings: &Settings, told: &Told) -> Result<(), Refused> {
    if settings.maps_roles() && told.role.is_none() {
        return Err(Refused::Role);
    }
    if settings.email_domains.is_empty() {
        return Ok(());
    }
    if settings.admits(vouched(told)?) { Ok(()) } else { Err(Refused::Domain) }
}

/// The address that the provider vouches for.
fn vouched(told: &Told) -> Result<&str, Refused> {
    let email = told.email.as_deref().filter(|email| !email.is_empty());
    email.filter(|_| told.email_verified).ok_or(Refused::Unverified)
}

/// Without regard to case, as users are found. The Kelvin sign's small letter is a `k`, and what it stands in is another
/// mailbox, which somebody else may have proved to the provider to be theirs.
fn is_same_address(ours: &str, theirs: &str) -> bool {
    let lower = |text: &str| text.chars().map(|c| (c.is_ascii(), c.to_lowercase().to_string())).collect::<Vec<_>>();
    lower(ours) == lower(theirs)
}

/// A user of whoever is not known, with a password that nobody knows; none where somebody is.
async fn new_user(ctx: &Context, issuer: &str, told: &Told) -> Result<Option<NewUser>, Error> {
    let db = ctx.store.read();
    let Ok(email) = vouched(told) else { return Ok(None) };
    if user_identity::by_subject(db, issuer, &told.subject).await?.is_some()
        || user::by_email(db, email).await?.is_some()
    {
        return Ok(None);
    }
    let mut errors = Vec::new();
    rules::email(&mut errors, "email", email);
    if !errors.is_empty() {
        return Ok(None);
    }
    let named = told.name.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or(email);
    let name: String = named.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    let password_hash = passwords::hash(ctx, &ctx.rng.letters_and_digits(SECRET_LETTERS)).await?;
    Ok(Some(NewUser::plain(ctx.rng.uuid(), &name, email, password_hash, ctx.now())))
}

/// Writes down that somebody who is known here was refused.
async fn refuse_known(
    ctx: &Context,
    visitor: &Visitor,
    issuer: &str,
    told: &Told,
    refused: Refused,
) -> Result<Refused, Error> {
    let known = user_identity::by_subject(ctx.store.read(), issuer, &told.subject).await?;
    let Some(user_id) = known.map(|identity| identity.user_id) else { return Ok(refused) };
    let (now, visitor) = (ctx.now(), visitor.clone());
    let noted = ctx.store.write_tx::<_, Error>(|tx| {
        let visitor = visitor.clone();
        Box::pin(async move { note_refusal(tx, &visitor, user_id, refused, now).await })
    });
    noted.await?;
    Ok(refused)
}

async fn note_refusal(tx: &Tx, visitor: &Visitor, user_id: i64, refused: Refused, now: Micros) -> Result<(), Error> {
    let actor = Actor::stranger(visitor.address, visitor.request_id.clone());
    let after = json!({ "by": BY, "reason": refused.word() });
    Ok(audit::record(tx, entry(&actor, now, "log_in_refused", ("user", user_id), None, Some(after))).await?)
}

/// Forgets who one is at a provider; the next login there goes by the address again.
pub async fn forget(ctx: &Context, actor: &Actor, user_id: i64, id: i64) -> Result<(), Error> {
    let now = ctx.now();
    let forgotten = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = user_identity::remove(tx, user_id, id).await?.ok_or(Error::NotFound("identity"))?;
            let before = json!({ "issuer": row.issuer, "subject": row.subject });
            let written = entry(&actor, now, "unlink_identity", ("user", user_id), Some(before), None);
            Ok(audit::record(tx, written).await?)
        })
    });
    forgotten.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_in_any_case_and_no_other_letter() {
        assert!(
            is_same_address("Ann@example.test", "aNN@Example.test") && is_same_address("ärne@x.test", "Ärne@x.test")
        );
        for other in ["\u{212a}im@example.test", "im@example.test", "kim@example.tes", ""] {
            assert!(!is_same_address("kim@example.test", other), "{other}");
        }
    }

    #[test]
    fn a_login_lands_on_our_own_pages_alone() {
        assert_eq!(own_path(Some("/server/1?a=b#c".to_owned())).unwrap().as_deref(), Some("/server/1?a=b#c"));
        assert_eq!(own_path(None).unwrap(), None);
        for strange in ["", "profile", "//evil.test", "/\\evil.test", "https://evil.test", "/a\nb", "/ a", "/ä"] {
            assert!(own_path(Some(strange.to_owned())).is_err(), "{strange:?}");
        }
        assert!(own_path(Some(format!("/{}", "a".repeat(NEXT_CHARS)))).is_err());
    }
}
