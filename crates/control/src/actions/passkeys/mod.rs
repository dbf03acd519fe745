//! Passkeys (WebAuthn): what an authenticator proves that it keeps, after it verified its user. One is both factors.
//!
//! A challenge is kept here, for the browser that got it, and answered once within minutes. Whose a key is, is told by the
//! key: nobody is asked for a name before.

mod login;
mod own;
mod proof;

use std::time::Duration;

use berth_store::{
    Micros, entity, passkey,
    passkey_challenge::{self, NewChallenge},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

use super::logins::{self, Visitor};
use crate::{
    Context, Error,
    clock::{MINUTE, SECOND},
    config::Config,
    http::auth::hash_token,
};

pub use login::{challenge, log_in};
pub use own::{add, propose, remove, rename};
pub use proof::{can_prove, challenge_again, prove};

/// Of one user.
pub const MOST_PASSKEYS: usize = 10;
/// How long a challenge may be answered.
pub const CHALLENGE_LIFE: Micros = 5 * MINUTE;
/// Challenges of one address that may still be answered.
pub const OPEN_CHALLENGES: u64 = 50;
/// What authenticators show as who asks.
const NAME: &str = "Berth";

/// Why there are no passkeys here; none where there are.
pub fn off(config: &Config) -> Option<String> {
    relying_party(config).err()
}

/// Who asks: a host name, and the one origin whose pages are answered.
fn relying_party(config: &Config) -> Result<Webauthn, String> {
    let url = config.public_url.as_deref().ok_or("Passkeys are off: the panel has no public address (public_url).")?;
    let named = || format!("Passkeys are off: they need a public address with a host name, and {url} is none.");
    let origin = Url::parse(url).ok().filter(|url| url.scheme() == "https").ok_or_else(named)?;
    let host = origin.domain().ok_or_else(named)?;
    let life = Duration::from_micros(CHALLENGE_LIFE.unsigned_abs());
    let made = WebauthnBuilder::new(host, &origin).and_then(|party| party.rp_name(NAME).timeout(life).build());
    made.map_err(|_| named())
}

fn party(ctx: &Context) -> Result<Webauthn, Error> {
    relying_party(&ctx.config).map_err(Error::invalid)
}

/// One's own, the newest first.
pub async fn of_user(ctx: &Context, user_id: i64) -> Result<Vec<entity::passkey::Model>, Error> {
    Ok(passkey::of_user(ctx.store.read(), user_id).await?)
}

/// Keeps what a challenge is answered against, for whoever holds it.
async fn keep(ctx: &Context, visitor: &Visitor, holder: &str, state: &impl Serialize) -> Result<(), Error> {
    let now = ctx.now();
    let new = NewChallenge {
        holder_hash: hash_token(holder),
        state: serde_json::to_value(state).map_err(anyhow::Error::from)?,
        address: logins::client(visitor),
        expires_at: now + CHALLENGE_LIFE,
    };
    let kept = ctx.store.write_tx::<_, Error>(|tx| {
        let new = new.clone();
        Box::pin(async move {
            if passkey_challenge::open_of(tx, &new.address, now).await? >= OPEN_CHALLENGES {
                return Err(Error::TooMany { retry_after_s: (CHALLENGE_LIFE / SECOND).unsigned_abs() });
            }
            Ok(passkey_challenge::insert(tx, new).await?)
        })
    });
    kept.await
}

/// Takes what was kept: once, in time, by its holder.
async fn taken<T: DeserializeOwned>(ctx: &Context, holder: &str) -> Result<Option<T>, Error> {
    let (now, holder) = (ctx.now(), hash_token(holder));
    let state = ctx.store.write_tx::<_, Error>(|tx| {
        let holder = holder.clone();
        Box::pin(async move { Ok(passkey_challenge::take(tx, &holder, now).await?) })
    });
    let state = state.await?.map(serde_json::from_value).transpose();
    Ok(state.map_err(anyhow::Error::from)?)
}

/// What a browser says, or a sentence of what is wrong with it.
fn read<T: DeserializeOwned>(credential: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(credential).map_err(|error| {
        let path = error.path().to_string();
        Error::invalid(format!("The credential field is not what a browser makes (at {path}): {}.", error.into_inner()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_on_where_the_panel_has_a_name_of_its_own() {
        let of = |url: &str| off(&Config { public_url: Some(url.to_owned()), ..Config::default() });
        for url in ["https://panel.example.test", "https://localhost:8443/", "https://panel.example.test:8443"] {
            assert_eq!(of(url), None, "{url}");
        }
        for url in ["https://192.0.2.1", "https://[2001:db8::1]:8443", "http://panel.example.test", "panel", ""] {
            assert!(of(url).is_some_and(|why| why.contains("host name")), "{url}");
        }
        assert!(off(&Config::default()).is_some_and(|why| why.contains("public_url")));
    }
}
