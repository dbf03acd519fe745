//! An OpenID Connect provider of the tests' own, over real HTTP and with real signatures; it lies as a test likes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use berth_control::{clock::SECOND, config::Config};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::START;

pub const CLIENT: &str = "berth";
pub const SECRET: &str = "shared with the provider";
const TOKEN_LIFE_S: i64 = 300;

/// How a token is signed, or is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signed {
    Rs256,
    Es256,
    /// `alg: none`.
    Not,
    /// With the secret that both know.
    Hs256,
    /// With the right key, under a name that the provider does not publish.
    UnknownKey,
    /// By somebody else, under the name of the provider's key.
    Forged,
    /// Right, and its claims were changed afterwards.
    Changed,
}

/// What the provider does next.
pub struct Doing {
    pub signed: Signed,
    /// Over what a good token says; null takes a claim away.
    pub claims: Value,
    /// Answered by every door instead of what it is for.
    pub broken: Option<(StatusCode, String)>,
    /// The secret that it wants.
    pub secret: &'static str,
    /// How it wants the secret: in the header, or in the body.
    pub takes_header: bool,
    /// Which keys it publishes.
    pub publishes: Vec<Signed>,
    pub now_s: i64,
    /// What it was asked for last.
    pub asked: Pairs,
    /// What was asked for, by the code that stands for it.
    codes: HashMap<String, Pairs>,
    issued: usize,
}

#[derive(Clone)]
pub struct Provider {
    pub issuer: String,
    doing: Arc<Mutex<Doing>>,
    keys: Arc<Keys>,
}

struct Keys {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    strange: EcdsaKeyPair,
}

type Pairs = HashMap<String, String>;

impl Provider {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            issuer: format!("http://{}/realms/company", listener.local_addr().unwrap()),
            doing: Arc::new(Mutex::new(Doing {
                signed: Signed::Rs256,
                claims: json!({}),
                broken: None,
                secret: SECRET,
                takes_header: true,
                publishes: vec![Signed::Rs256],
                now_s: START / SECOND,
                asked: HashMap::new(),
                codes: HashMap::new(),
                issued: 0,
            })),
            keys: Arc::new(Keys::new()),
        };
        let doors = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token));
        let doors = Router::new().nest("/realms/company", doors).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, doors).await });
        provider
    }

    pub fn doing(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap()
    }

    /// Logins by it are switched on; `public_url` is the caller's to set.
    pub fn configured(&self, config: Config) -> Config {
        Config {
            oidc_issuer: Some(self.issuer.clone()),
            oidc_client_id: Some(CLIENT.to_owned()),
            oidc_client_secret: Some(SECRET.to_owned()),
            oidc_label: Some("Company login".to_owned()),
            ..config
        }
    }

    /// Its next tokens are somebody's.
    pub fn is_asked_by(&self, subject: &str, email: &str, further: Value) {
        let mut claims = json!({ "sub": subject, "email": email, "email_verified": true, "name": "Ann Lee" });
        claims.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        self.doing().claims = claims;
    }

    fn broken(&self) -> Option<Response> {
        let json = [("content-type", "application/json")];
        self.doing().broken.clone().map(|(status, body)| (status, json, body).into_response())
    }
}

async fn discovery(State(provider): State<Provider>) -> Response {
    let issuer = &provider.issuer;
    let ways = if provider.doing().takes_header { "client_secret_basic" } else { "client_secret_post" };
    provider.broken().unwrap_or_else(|| {
        Json(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // What it says here is not what decides.
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            "token_endpoint_auth_methods_supported": [ways],
        }))
        .into_response()
    })
}

async fn keys(State(provider): State<Provider>) -> Response {
    let published: Vec<Value> = provider.doing().publishes.iter().map(|kind| provider.keys.public(*kind)).collect();
    provider.broken().unwrap_or_else(|| Json(json!({ "keys": published })).into_response())
}

/// Whoever comes here agrees, and was asked for a password right now, as far as a test says nothing else.
async fn authorize(State(provider): State<Provider>, Query(asked): Query<Pairs>) -> Response {
    assert_eq!((&*asked["response_type"], &*asked["client_id"]), ("code", CLIENT));
    assert_eq!(asked["code_challenge_method"], "S256");
    let scopes: Vec<&str> = asked["scope"].split(' ').collect();
    assert!(["openid", "email", "profile"].iter().all(|scope| scopes.contains(scope)), "{scopes:?}");
    let mut doing = provider.doing();
    doing.issued += 1;
    let code = format!("code-{}", doing.issued);
    let to = format!("{}?code={code}&state={}", asked["redirect_uri"], asked["state"]);
    doing.asked = asked.clone();
    doing.codes.insert(code, asked);
    Redirect::to(&to).into_response()
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, Form(told): Form<Pairs>) -> Response {
    if let Some(broken) = provider.broken() {
        return broken;
    }
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let secret = provider.doing().secret;
    let is_known = if provider.doing().takes_header {
        let basic = STANDARD.encode(format!("{CLIENT}:{}", secret.replace(' ', "+")));
        headers.get("authorization").is_some_and(|value| value.to_str().unwrap() == format!("Basic {basic}"))
    } else {
        told.get("client_secret").is_some_and(|told| told == secret)
    };
    if !is_known {
        return refuse("invalid_client");
    }
    let Some(asked) = provider.doing().codes.remove(&told["code"]) else { return refuse("invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&told["code_verifier"]));
    if challenge != asked["code_challenge"] || told["redirect_uri"] != asked["redirect_uri"] {
        return refuse("invalid_grant");
    }
    let id_token = provider.token_of(&asked["nonce"]);
    Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token })).into_response()
}

impl Provider {
    fn token_of(&self, nonce: &str) -> String {
        let doing = self.doing();
        let mut claims = json!({ "iss": self.issuer, "aud": CLIENT, "nonce": nonce, "iat": doing.now_s,
            "exp": doing.now_s + TOKEN_LIFE_S, "auth_time": doing.now_s });
        let claims_object = claims.as_object_mut().unwrap();
        claims_object.extend(doing.claims.as_object().unwrap().clone());
        claims_object.retain(|_, value| !value.is_null());
        self.keys.sign(doing.signed, &claims)
    }
}

impl Keys {
    fn new() -> Self {
        let rng = SystemRandom::new();
        let p256 = || {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &rng).unwrap()
        };
        // Of these tests alone; to make one would take them seconds.
        let mut pem = &include_bytes!("provider_key.pem")[..];
        let key = rustls_pemfile::pkcs8_private_keys(&mut pem).next().unwrap().unwrap();
        Self { rsa: RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap(), p256: p256(), strange: p256() }
    }

    fn public(&self, kind: Signed) -> Value {
        let coded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        if kind == Signed::Rs256 {
            let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
            return json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": coded(&n), "e": coded(&e) });
        }
        let point = self.p256.public_key().as_ref();
        json!({ "kty": "EC", "use": "sig", "alg": "ES256", "kid": "p256", "crv": "P-256",
            "x": coded(&point[1..33]), "y": coded(&point[33..]) })
    }

    fn sign(&self, signed: Signed, claims: &Value) -> String {
        let (alg, kid) = match signed {
            Signed::Rs256 | Signed::Changed => ("RS256", "rsa"),
            Signed::Es256 => ("ES256", "p256"),
            Signed::Not => ("none", "rsa"),
            Signed::Hs256 => ("HS256", "rsa"),
            Signed::UnknownKey => ("RS256", "another"),
            Signed::Forged => ("ES256", "p256"),
        };
        let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = coded(&json!({ "alg": alg, "kid": kid, "typ": "JWT" }));
        let text = format!("{head}.{}", coded(claims));
        let rng = SystemRandom::new();
        let by_rsa = || {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &rng, text.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match signed {
            Signed::Rs256 | Signed::UnknownKey | Signed::Changed => by_rsa(),
            Signed::Es256 => self.p256.sign(&rng, text.as_bytes()).unwrap().as_ref().to_vec(),
            Signed::Forged => self.strange.sign(&rng, text.as_bytes()).unwrap().as_ref().to_vec(),
            Signed::Not => Vec::new(),
            Signed::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
        };
        let text = if signed == Signed::Changed {
            let mut other = claims.clone();
            other["sub"] = json!("somebody else");
            format!("{head}.{}", coded(&other))
        } else {
            text
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
