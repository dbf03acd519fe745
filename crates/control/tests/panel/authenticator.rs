//! An authenticator of software, as far as passkeys go: it makes one, and answers challenges with it. What it says can be
//! made false, a field at a time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use berth_control::random::{OsRng, Rng};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const ORIGIN: &str = "https://panel.example.test";

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

pub struct Authenticator {
    key: KeyPair,
    pub id: Vec<u8>,
    /// Whose it is, as the control server named them.
    pub user_handle: String,
    /// Goes up with each answer, unless it counts nothing.
    pub counter: u32,
    pub counts: bool,
    /// Whether it verifies its user.
    pub verifies: bool,
    /// The page that its browser shows.
    pub origin: String,
}

impl Authenticator {
    pub fn new() -> Self {
        let rng: &dyn Rng = &OsRng;
        Self {
            key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            id: rng.bytes::<32>().to_vec(),
            user_handle: String::new(),
            counter: 0,
            counts: true,
            verifies: true,
            origin: ORIGIN.to_owned(),
        }
    }

    /// Makes a passkey by `PublicKeyCredentialCreationOptionsJSON`.
    pub fn make(&mut self, options: &Value) -> Value {
        self.user_handle = options["user"]["id"].as_str().unwrap().to_owned();
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.public_key());
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        json!({
            "id": text(&self.id),
            "rawId": text(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "attestationObject": text(&object),
                "clientDataJSON": text(&self.client_data("webauthn.create", options)),
                "transports": ["internal", "hybrid"],
            },
        })
    }

    /// Answers `PublicKeyCredentialRequestOptionsJSON`.
    pub fn answer(&mut self, options: &Value) -> Value {
        if self.counts {
            self.counter += 1;
        }
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let client_data = self.client_data("webauthn.get", options);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client_data));
        json!({
            "id": text(&self.id),
            "rawId": text(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "authenticatorData": text(&data),
                "clientDataJSON": text(&client_data),
                "signature": text(&self.key.sign(&signed).unwrap()),
                "userHandle": self.user_handle,
            },
        })
    }

    fn data(&self, relying_party: &str, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(relying_party.as_bytes()).to_vec();
        data.push(USER_PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
    fn public_key(&self) -> Vec<u8> {
        let point = self.key.public_key_raw();
        let (x, y) = point[1..].split_at(32);
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data =
            json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }
}

pub fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
