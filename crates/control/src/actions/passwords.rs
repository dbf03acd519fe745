//! Passwords of people: argon2id, off the request threads, and so many at once and no more.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{Context, Error};

/// Each takes 19 MiB and a processor: without a bound, logins from many addresses at once would take all there is.
const MOST_AT_ONCE: usize = 8;

/// The places at which passwords are hashed, and how many have been.
pub struct Hashing {
    places: Arc<Semaphore>,
    done: AtomicU64,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_AT_ONCE)), done: AtomicU64::new(0) }
    }
}

impl Hashing {
    /// Since this control server started: what a login costs, which must not tell whether there is such an account.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits for a place; the work keeps it, also where nobody waits for the work any more.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(anyhow::Error::from)?;
        self.done.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        Ok(done.await.map_err(anyhow::Error::from)?)
    }
}

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap_or_default())
}

/// The PHC string of a password.
pub async fn hash(ctx: &Context, password: &str) -> Result<String, Error> {
    let (salt, password) = (ctx.rng.bytes::<16>(), password.to_owned());
    let hashed = ctx
        .hashing
        .run(move || argon2().hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string()));
    hashed.await?.map_err(|error| anyhow::anyhow!("hashing a password: {error}").into())
}

/// Whether it is the password of a PHC string. Without one, or with one that is none, it is not, after the same work: nobody
/// learns from the time whether there is such an account, or whether it has a password.
pub async fn verify(ctx: &Context, phc: Option<String>, password: String) -> Result<bool, Error> {
    let salt = ctx.rng.bytes::<16>();
    ctx.hashing
        .run(move || match phc.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => argon2().verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                std::hint::black_box(argon2().hash_password_with_salt(password.as_bytes(), &salt).is_ok());
                false
            }
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_are_hashed_at_once_than_there_are_places() {
        let hashing = Arc::new(Hashing::default());
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let all = (0..5 * MOST_AT_ONCE).map(|_| {
            let (hashing, now, most) = (hashing.clone(), now.clone(), most.clone());
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                hashing.run(work).await.unwrap();
            })
        });
        futures::future::join_all(all).await;
        assert_eq!(hashing.done(), 5 * MOST_AT_ONCE as u64);
        assert!(most.load(Ordering::SeqCst) <= MOST_AT_ONCE as u64);
    }
}
