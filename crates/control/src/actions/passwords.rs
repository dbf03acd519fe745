//! Passwords of people: argon2id, off the request threads.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::{Context, Error};

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap_or_default())
}

/// The PHC string of a password.
pub async fn hash(ctx: &Context, password: &str) -> Result<String, Error> {
    let (salt, password) = (ctx.rng.bytes::<16>(), password.to_owned());
    let hashed = tokio::task::spawn_blocking(move || {
        argon2().hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string())
    });
    hashed.await.map_err(anyhow::Error::from)?.map_err(|error| anyhow::anyhow!("hashing a password: {error}").into())
}

/// Takes as long as [`verify`] does, so that nobody learns from the time whether there is such an account.
pub async fn verify_nothing(ctx: &Context, password: &str) -> Result<(), Error> {
    hash(ctx, password).await.map(drop)
}

pub async fn verify(phc: String, password: String) -> Result<bool, Error> {
    let verified = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&phc).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
    });
    Ok(verified.await.map_err(anyhow::Error::from)?)
}
