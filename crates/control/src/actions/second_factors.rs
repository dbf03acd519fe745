//! Second factors of logins: six digits that change every half minute (RFC 6238), and codes that stand in for them once.
//!
//! A code is taken once: the step that it is of goes up in the transaction of what it opens. Wrong ones are counted over
//! a day, for each place where one is asked for by itself: whoever has less than the password can't use up the tries of
//! a login, which would keep the owner out.

use berth_api::panel::account::{ConfirmFactor, ProposeFactor, Prove};
use berth_store::{
    Micros, Tx, audit,
    entity::{second_factor as entity, user as user_entity},
    login_failure,
    second_factor::{self, NewFactor},
};
use totp_rs::{Builder, Secret, Totp};

use super::{
    entry,
    logins::{self, Visitor, tell_failure},
};
use crate::{
    Context, Error,
    actor::Actor,
    clock::{DAY, SECOND},
    http::auth::hash_token,
};

/// 160 bits, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
const STEP_S: u64 = 30;
/// How many there are at once.
pub const RECOVERY_CODES: usize = 10;
/// Letters and digits in any case: some 80 bits.
const RECOVERY_LETTERS: usize = 16;
const RECOVERY_GROUP: usize = 4;
/// Wrong codes of an account within the window; then it has to wait.
pub const CODE_FAILURES: u64 = 10;
pub const CODE_WINDOW: Micros = DAY;

/// What was proposed: for an authenticator to scan, or to be typed.
pub struct Proposed {
    pub secret: String,
    pub uri: String,
}

/// What a code was found to be; taken in the transaction of what it opens.
#[derive(Clone, Debug)]
pub struct Shown {
    factor_id: i64,
    user_id: i64,
    kind: ShownKind,
    asked: Asked,
}

/// Where a code is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// With the password.
    Password,
    /// Of whom another site vouches for.
    Arrival,
    /// Of whoever sits at an open session.
    Session,
}

#[derive(Clone, Debug)]
enum ShownKind {
    Step(i64),
    Recovery(String),
}

fn authenticator(secret: &str, user: &user_entity::Model) -> Result<Totp, Error> {
    let secret = Secret::try_from_base32(secret).map_err(|error| anyhow::anyhow!("a second factor: {error}"))?;
    // A colon would end the name (Key Uri Format).
    let account = user.email.replace(':', " ");
    let made = Builder::new().with_secret(secret).with_step_duration(STEP_S).with_account_name(account);
    Ok(made.with_issuer(Some("Berth")).build().map_err(|error| anyhow::anyhow!("a second factor: {error}"))?)
}

/// The one that is asked for.
pub(super) async fn confirmed(ctx: &Context, user_id: i64) -> Result<Option<entity::Model>, Error> {
    let found = second_factor::of_user(ctx.store.read(), user_id).await?;
    Ok(found.filter(|factor| factor.confirmed_at.is_some()))
}

fn step_of(ctx: &Context, user: &user_entity::Model, factor: &entity::Model, code: &str) -> Result<Option<i64>, Error> {
    let secret = ctx.open("second_factors", "secret_enc", factor.uuid, &factor.secret_enc)?;
    let now_s = u64::try_from(ctx.now() / SECOND).unwrap_or(0);
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    Ok(authenticator(&secret, user)?.check(&digits, now_s).and_then(|step| i64::try_from(step).ok()))
}

/// As it is kept, however it was typed.
fn recovery_hash(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    hash_token(&letters.to_ascii_lowercase())
}

fn counter(user_id: i64, asked: Asked) -> String {
    let place = match asked {
        Asked::Password => "",
        Asked::Arrival => " after another site",
        Asked::Session => " in a session",
    };
    hash_token(&format!("second factor of {user_id}{place}"))
}

/// After what has to be right before it: whether a second factor is wanted, and what the code is, if it may be one.
pub async fn look(
    ctx: &Context,
    user: &user_entity::Model,
    code: Option<&str>,
    asked: Asked,
) -> Result<Option<Shown>, Error> {
    let Some(factor) = confirmed(ctx, user.id).await? else { return Ok(None) };
    let Some(code) = code.filter(|code| !code.is_empty()) else {
        return Err(Error::SecondFactor { is_wrong: false });
    };
    read(ctx, user, &factor, code, asked).await.map(Some)
}

/// Counts the code, and says what it may be.
async fn read(
    ctx: &Context,
    user: &user_entity::Model,
    factor: &entity::Model,
    code: &str,
    asked: Asked,
) -> Result<Shown, Error> {
    count(ctx, user.id, asked).await?;
    let kind = match step_of(ctx, user, factor, code)? {
        Some(step) => ShownKind::Step(step),
        None => ShownKind::Recovery(recovery_hash(code)),
    };
    Ok(Shown { factor_id: factor.id, user_id: user.id, kind, asked })
}

/// Counts a code before it is looked at, so that many at once are no more than many in a row.
async fn count(ctx: &Context, user_id: i64, asked: Asked) -> Result<(), Error> {
    let (now, account) = (ctx.now(), counter(user_id, asked));
    let counted = ctx.store.write_tx::<_, Error>(|tx| {
        let account = account.clone();
        Box::pin(async move {
            let (wrong, _) = login_failure::counts(tx, &account, "", now - CODE_WINDOW).await?;
            if wrong >= CODE_FAILURES {
                return Err(Error::TooMany { retry_after_s: (CODE_WINDOW / SECOND).unsigned_abs() });
            }
            Ok(login_failure::insert(tx, &account, "second factor", now).await?)
        })
    });
    counted.await
}

/// Takes a code, once, in the transaction of what it opens; what was wrong before is forgiven.
pub async fn take(tx: &Tx, shown: &Shown, now: Micros) -> Result<(), Error> {
    let is_taken = match &shown.kind {
        ShownKind::Step(step) => second_factor::take_step(tx, shown.factor_id, *step).await?,
        ShownKind::Recovery(hash) => second_factor::take_code(tx, shown.user_id, hash, now).await?,
    };
    if !is_taken {
        return Err(Error::SecondFactor { is_wrong: true });
    }
    Ok(login_failure::forgive(tx, &counter(shown.user_id, shown.asked)).await?)
}

/// Whether one is asked for, and how many recovery codes are left.
pub async fn state(ctx: &Context, user: &user_entity::Model) -> Result<(bool, u64), Error> {
    Ok((user.two_factor_auth, second_factor::codes_left(ctx.store.read(), user.id).await?))
}

/// A new one, asked for once a code of it was shown. With the password.
pub async fn propose(
    ctx: &Context,
    visitor: &Visitor,
    user: &user_entity::Model,
    input: ProposeFactor,
) -> Result<Proposed, Error> {
    let account = logins::confirm_password(ctx, visitor, user, input.password).await?;
    let secret = Secret::from(ctx.rng.bytes::<SECRET_BYTES>().to_vec()).to_base32();
    let uri = authenticator(&secret, user)?.to_url().map_err(|error| anyhow::anyhow!("a second factor: {error}"))?;
    let (uuid, now) = (ctx.rng.uuid(), ctx.now());
    let secret_enc = ctx.seal("second_factors", "secret_enc", uuid, &secret);
    let new = NewFactor { uuid, user_id: user.id, secret_enc, now };
    let proposed = ctx.store.write_tx::<_, Error>(|tx| {
        let (new, account) = (new.clone(), account.clone());
        Box::pin(async move {
            login_failure::forgive(tx, &account).await?;
            second_factor::propose(tx, new).await.map_err(|error| {
                match error.violates("second_factors", &["user_id"]) {
                    true => Error::invalid("There is a second factor already. Switch it off first."),
                    false => error.into(),
                }
            })?;
            Ok(())
        })
    });
    proposed.await?;
    Ok(Proposed { secret, uri })
}

/// A code of the one that was proposed: it is asked for from now on. Answers the recovery codes.
pub async fn confirm(
    ctx: &Context,
    actor: &Actor,
    user: &user_entity::Model,
    input: ConfirmFactor,
) -> Result<Vec<String>, Error> {
    let found = second_factor::of_user(ctx.store.read(), user.id).await?;
    let factor = found.filter(|factor| factor.confirmed_at.is_none());
    let factor = factor.ok_or_else(|| Error::invalid("No second factor was proposed."))?;
    count(ctx, user.id, Asked::Password).await?;
    let Some(step) = step_of(ctx, user, &factor, &input.code)? else {
        return Err(Error::invalid("The code field is not what the authenticator shows now."));
    };
    let (codes, hashes) = new_codes(ctx);
    let (now, id) = (ctx.now(), user.id);
    let confirmed = ctx.store.write_tx::<_, Error>(|tx| {
        let (hashes, actor) = (hashes.clone(), actor.clone());
        Box::pin(async move {
            if !second_factor::confirm(tx, factor.id, id, now).await? {
                return Err(Error::invalid("No second factor was proposed."));
            }
            second_factor::take_step(tx, factor.id, step).await?;
            second_factor::set_codes(tx, id, &hashes).await?;
            login_failure::forgive(tx, &counter(id, Asked::Password)).await?;
            Ok(audit::record(tx, entry(&actor, now, "switch_second_factor_on", ("user", id), None, None)).await?)
        })
    });
    confirmed.await?;
    Ok(codes)
}

/// New recovery codes; the ones before open nothing any more. With password and code.
pub async fn renew_codes(
    ctx: &Context,
    actor: &Actor,
    visitor: &Visitor,
    user: &user_entity::Model,
    input: Prove,
) -> Result<Vec<String>, Error> {
    let shown = prove(ctx, visitor, user, input).await?;
    let (codes, hashes) = new_codes(ctx);
    let (now, id) = (ctx.now(), user.id);
    let renewed = ctx.store.write_tx::<_, Error>(|tx| {
        let (hashes, actor, shown) = (hashes.clone(), actor.clone(), shown.clone());
        Box::pin(async move {
            take(tx, &shown, now).await?;
            second_factor::set_codes(tx, id, &hashes).await?;
            Ok(audit::record(tx, entry(&actor, now, "renew_recovery_codes", ("user", id), None, None)).await?)
        })
    });
    match renewed.await {
        Ok(()) => Ok(codes),
        Err(error) => Err(in_a_form(ctx, visitor, user, error).await),
    }
}

/// It is not asked for any more. With password and code.
pub async fn end(
    ctx: &Context,
    actor: &Actor,
    visitor: &Visitor,
    user: &user_entity::Model,
    input: Prove,
) -> Result<(), Error> {
    let shown = prove(ctx, visitor, user, input).await?;
    let (now, id) = (ctx.now(), user.id);
    let ended = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, shown) = (actor.clone(), shown.clone());
        Box::pin(async move {
            take(tx, &shown, now).await?;
            second_factor::remove(tx, id, now).await?;
            Ok(audit::record(tx, entry(&actor, now, "switch_second_factor_off", ("user", id), None, None)).await?)
        })
    });
    match ended.await {
        Ok(()) => Ok(()),
        Err(error) => Err(in_a_form(ctx, visitor, user, error).await),
    }
}

async fn prove(ctx: &Context, visitor: &Visitor, user: &user_entity::Model, input: Prove) -> Result<Shown, Error> {
    let Prove { password, code } = input;
    let found = confirmed(ctx, user.id).await?;
    let factor = found.ok_or_else(|| Error::invalid("There is no second factor."))?;
    logins::confirm_password(ctx, visitor, user, password).await?;
    read(ctx, user, &factor, &code, Asked::Password).await
}

/// The password, and the second factor where there is one. Answers by which name failures are counted, and what the code
/// is, to be taken.
pub(super) async fn prove_both(
    ctx: &Context,
    visitor: &Visitor,
    user: &user_entity::Model,
    password: String,
    code: Option<String>,
) -> Result<(String, Option<Shown>), Error> {
    let account = logins::confirm_password(ctx, visitor, user, password).await?;
    let Some(factor) = confirmed(ctx, user.id).await? else { return Ok((account, None)) };
    let code = code.filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| Error::invalid("The code field must say what your authenticator shows."))?;
    Ok((account, Some(read(ctx, user, &factor, &code, Asked::Password).await?)))
}

/// Who is logged in already is not sent to the login for a wrong code.
pub(super) fn wrong_code(error: Error) -> Error {
    match error {
        Error::SecondFactor { .. } => Error::invalid("The code field is wrong, or was used already."),
        error => error,
    }
}

/// The same, written down.
pub(super) async fn in_a_form(ctx: &Context, visitor: &Visitor, user: &user_entity::Model, error: Error) -> Error {
    if !matches!(error, Error::SecondFactor { .. }) {
        return error;
    }
    match logins::tell_refusal(ctx, visitor, user.id, "second factor").await {
        Ok(()) => wrong_code(error),
        Err(untold) => untold,
    }
}

/// The codes as they are shown, and what is kept of them.
fn new_codes(ctx: &Context) -> (Vec<String>, Vec<String>) {
    let code = || {
        let letters = ctx.rng.letters_and_digits(RECOVERY_LETTERS).to_ascii_lowercase();
        let groups = letters.as_bytes().chunks(RECOVERY_GROUP).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join("-")
    };
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| code()).collect();
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    (codes, hashes)
}

/// A code that opened nothing is written down like a wrong password.
pub async fn told(ctx: &Context, visitor: &Visitor, email: &str, error: Error) -> Error {
    if matches!(error, Error::SecondFactor { is_wrong: true })
        && let Err(untold) = tell_failure(ctx, visitor, email).await
    {
        return untold;
    }
    error
}
