//! Secrets at rest: XChaCha20-Poly1305 with the master key, bound to the place where the ciphertext stands.
//!
//! A sealed text is `<key id>.<base64 of nonce and ciphertext>`. The associated data is table, column and the row's
//! UUID, so that a ciphertext copied to another row or column does not open. Several keys may be loaded: the first
//! seals, all open.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use uuid::Uuid;

use crate::StoreError;

const NONCE_BYTES: usize = 24;

/// Where a sealed text stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub row: Uuid,
}

impl Place<'_> {
    fn associated_data(self) -> Vec<u8> {
        format!("{}.{}.{}", self.table, self.column, self.row).into_bytes()
    }
}

/// The master keys, newest first.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl Sealer {
    /// `keys` are pairs of a key id (letters and digits) and 32 bytes, newest first.
    ///
    /// # Panics
    /// Without any key: the caller makes one at first start.
    pub fn new(keys: &[(String, [u8; 32])]) -> Self {
        assert!(!keys.is_empty(), "a sealer needs a key");
        let keys = keys.iter().map(|(id, key)| (id.clone(), XChaCha20Poly1305::new(key.into()))).collect();
        Self { keys }
    }

    /// Seals `text`; `nonce` is 24 random bytes that were never used before.
    pub fn seal(&self, place: Place<'_>, nonce: [u8; NONCE_BYTES], text: &str) -> String {
        let (id, cipher) = &self.keys[0];
        let aad = place.associated_data();
        let payload = Payload { msg: text.as_bytes(), aad: &aad };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).expect("texts are far below the cipher's limit");
        format!("{id}.{}", BASE64.encode([&nonce[..], &sealed].concat()))
    }

    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<String, StoreError> {
        let corrupt =
            |why: &str| StoreError::Corrupt(format!("{}.{} of {}: {why}", place.table, place.column, place.row));
        let (id, body) = sealed.split_once('.').ok_or_else(|| corrupt("not a sealed text"))?;
        let (_, cipher) =
            self.keys.iter().find(|(key, _)| key == id).ok_or_else(|| corrupt("its master key is not loaded"))?;
        let bytes = BASE64.decode(body).map_err(|_| corrupt("not base64"))?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| corrupt("too short"))?;
        let aad = place.associated_data();
        let plain = cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map_err(|_| corrupt("sealed for another place or with another key"))?;
        String::from_utf8(plain).map_err(|_| corrupt("not text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Uuid = Uuid::from_u128(7);
    const PLACE: Place<'_> = Place { table: "servers", column: "password_enc", row: ROW };

    fn sealer(id: &str, byte: u8) -> (String, [u8; 32]) {
        (id.to_owned(), [byte; 32])
    }

    #[test]
    fn opens_only_where_it_was_sealed_and_with_its_key() {
        let old = Sealer::new(&[sealer("a", 1)]);
        let sealed = old.seal(PLACE, [9; 24], "hunter2");
        assert!(!sealed.contains("hunter2"));
        let rotated = Sealer::new(&[sealer("b", 2), sealer("a", 1)]);
        assert_eq!(rotated.open(PLACE, &sealed).unwrap(), "hunter2");
        assert!(rotated.open(Place { row: Uuid::from_u128(8), ..PLACE }, &sealed).is_err());
        assert!(rotated.open(Place { column: "other", ..PLACE }, &sealed).is_err());
        assert!(Sealer::new(&[sealer("a", 3)]).open(PLACE, &sealed).is_err());
        assert!(Sealer::new(&[sealer("b", 1)]).open(PLACE, &sealed).is_err());
    }
}
