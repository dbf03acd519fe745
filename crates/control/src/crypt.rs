//! Passwords of guests: generated here, sealed at rest, and given to guests as crypt(3) hashes.

use sha_crypt::{PasswordHasher, ShaCrypt};

use crate::{Error, random::Rng};

/// Letters and digits: 119 bits.
const PASSWORD_LETTERS: usize = 20;
/// They become sixteen characters, which is all of a salt that crypt(3) reads; a longer one makes hashes that the
/// guest computes otherwise.
const SALT_BYTES: usize = 12;

pub fn new_password(rng: &dyn Rng) -> String {
    rng.letters_and_digits(PASSWORD_LETTERS)
}

/// SHA-512 crypt, 5,000 rounds: `$6$rounds=5000$salt$hash`. Some milliseconds of work, off the request threads.
pub async fn hash(rng: &dyn Rng, password: &str) -> Result<String, Error> {
    let (salt, password) = (rng.bytes::<SALT_BYTES>(), password.to_owned());
    let hashed = tokio::task::spawn_blocking(move || hash_with_salt(&password, &salt));
    hashed.await.map_err(anyhow::Error::from)?
}

fn hash_with_salt(password: &str, salt: &[u8; SALT_BYTES]) -> Result<String, Error> {
    let hash = ShaCrypt::SHA512.hash_password_with_salt(password.as_bytes(), salt);
    Ok(hash.map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::random::OsRng;

    #[test]
    fn guests_compute_the_same_hash() {
        let rng: &dyn Rng = &OsRng;
        for _ in 0..5 {
            let password = new_password(rng);
            let hash = hash_with_salt(&password, &rng.bytes()).unwrap();
            let ["", "6", "rounds=5000", salt, ours] = hash.split('$').collect::<Vec<_>>()[..] else {
                panic!("{hash}")
            };
            assert_eq!(salt.len(), 16);
            let theirs = Command::new("openssl").args(["passwd", "-6", "-salt", salt, &password]).output().unwrap();
            let theirs = String::from_utf8(theirs.stdout).unwrap();
            assert_eq!(theirs.trim(), format!("$6${salt}${ours}"));
        }
    }

    #[test]
    fn passwords_are_twenty_letters_and_digits() {
        let password = new_password(&OsRng);
        assert!(password.len() == 20 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
