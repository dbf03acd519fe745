//! What is asked of the provider: where its doors and keys are (discovery, kept for an hour), and what a code is worth.
//! Each call has a limit of time and of size, and none follows a redirect.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use berth_store::Micros;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdToken, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
    TokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
        CoreGenderClaim, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
        CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::{Asks, Refused, SKEW, Secrets, Settings, Told};
use crate::{
    actions::logins::WHOLE_LIFE,
    clock::{HOUR, MINUTE, SECOND},
    config::Config,
};

/// For one call; a login makes three at most, and one more after a key was changed.
const CALL_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Of one answer.
const ANSWER_BYTES: usize = 256 * 1024;
/// How long is believed where its doors are and which keys it has.
const BELIEVED: Micros = HOUR;
/// A key that nobody knows has the keys read anew, once in so long.
const KEYS_PAUSE: Micros = MINUTE;
/// A provider that did not answer is asked again after so long.
pub const AWAY_PAUSE: Micros = 10 * SECOND;
/// Core, 2: no longer than that.
const SUBJECT_BYTES: usize = 255;
/// Signatures that nobody makes who only has what is public, or the secret that clients share with it.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Claims that no standard names.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Further {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Further {}

type Token = IdToken<Further, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<Further, CoreGenderClaim>;
type Fields = IdTokenFields<
    Further,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type ServerError = StandardErrorResponse<CoreErrorResponseType>;
type Asking = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    ServerError,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A call that had no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(&'static str);

/// The provider, and what is known of it.
pub struct Provider {
    settings: Settings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    http: Http,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// And when it was read.
    metadata: Option<(Arc<CoreProviderMetadata>, Micros)>,
    failed_at: Option<Micros>,
}

impl Provider {
    /// None where the configuration names no provider.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(settings) = Settings::of(config)? else { return Ok(None) };
        // An operator names it, so it may be a private one; it may not send us elsewhere.
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Some(Self {
            issuer: IssuerUrl::new(settings.issuer.clone()).context("oidc_issuer")?,
            redirect: RedirectUrl::new(settings.redirect.clone()).context("public_url")?,
            settings,
            http: Http(client),
            known: Mutex::default(),
        }))
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a browser is sent that wants to log in.
    pub async fn leads_to(&self, secrets: &Secrets, asks: Asks, now: Micros) -> Result<Url, Refused> {
        let metadata = self.metadata(now, BELIEVED).await?;
        let (state, nonce) = (CsrfToken::new(secrets.state.clone()), Nonce::new(secrets.nonce.clone()));
        let verifier = PkceCodeVerifier::new(secrets.verifier.clone());
        let asking = self.asking(&metadata);
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = asking.authorize_url(flow, || state, || nonce);
        let request = request.add_scopes(self.settings.scopes.iter().cloned().map(Scope::new));
        let request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        // Core, 3.1.2.1: whoever is asked for an age has to say when it asked (`auth_time`).
        let request = match asks {
            Asks::Once => request.set_max_age(Duration::from_secs((WHOLE_LIFE / SECOND).unsigned_abs())),
            Asks::Again => request.set_max_age(Duration::ZERO).add_prompt(CoreAuthPrompt::Login),
        };
        Ok(request.url().0)
    }

    /// What the provider says of whoever came back with a code.
    pub async fn redeem(&self, code: &str, secrets: &Secrets, now: Micros) -> Result<Told, Refused> {
        let metadata = self.metadata(now, BELIEVED).await?;
        let token = self.token(&metadata, code, secrets).await?;
        let claims = match self.check(&metadata, &token, &secrets.nonce, now) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let newer = self.metadata(now, KEYS_PAUSE).await?;
                self.check(&newer, &token, &secrets.nonce, now)
            }
            checked => checked,
        };
        let claims = claims.map_err(|error| refuse(Refused::Token, "an id token", &error.to_string()))?;
        Ok(self.told(claims))
    }

    fn told(&self, claims: &Claims) -> Told {
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        Told {
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.trim().to_owned()),
            email_verified: claims.email_verified() == Some(true),
            asked_at: claims.auth_time().map(|at| at.timestamp_micros()),
            name: name.or_else(|| claims.preferred_username().map(|name| name.to_string())),
            role: self.settings.role(&claims.additional_claims().claims),
        }
    }

    /// Signature, issuer, audience, times, nonce, whom it was made for, and a subject that can be kept.
    fn check<'t>(
        &self,
        metadata: &CoreProviderMetadata,
        token: &'t Token,
        nonce: &str,
        now: Micros,
    ) -> Result<&'t Claims, ClaimsVerificationError> {
        let id = ClientId::new(self.settings.client_id.clone());
        let at = |micros: Micros| DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        let issued = move |issued: DateTime<Utc>| {
            if issued <= at(now + SKEW) { Ok(()) } else { Err("it is of the future".to_owned()) }
        };
        let verifier = CoreIdTokenVerifier::new_public_client(id, self.issuer.clone(), metadata.jwks().clone())
            .set_allowed_algs(SIGNED_BY)
            .set_time_fn(move || at(now - SKEW))
            .set_issue_time_verifier_fn(issued);
        let claims = token.claims(&verifier, &Nonce::new(nonce.to_owned()))?;
        let is_for_us = claims.authorized_party().is_none_or(|party| party.as_str() == self.settings.client_id);
        if !is_for_us {
            return Err(ClaimsVerificationError::InvalidAudience("it was made for another party".to_owned()));
        }
        if !(1..=SUBJECT_BYTES).contains(&claims.subject().len()) {
            return Err(ClaimsVerificationError::InvalidSubject("it is empty or too long".to_owned()));
        }
        Ok(claims)
    }

    async fn token(&self, metadata: &CoreProviderMetadata, code: &str, secrets: &Secrets) -> Result<Token, Refused> {
        let asking = self.asking(metadata);
        let request = asking.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(|error| refuse(Refused::Away, "its token endpoint", &error.to_string()))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier.clone()));
        let answer = request.request_async(&self.http).await.map_err(|error| refuse_code(&error))?;
        answer.id_token().cloned().ok_or_else(|| refuse(Refused::Token, "a code", "there is no id token in the answer"))
    }

    fn asking(&self, metadata: &CoreProviderMetadata) -> Asking {
        let (id, secret) = (self.settings.client_id.clone(), self.settings.client_secret.clone());
        let asking =
            Asking::from_provider_metadata(metadata.clone(), ClientId::new(id), Some(ClientSecret::new(secret)));
        // Discovery, 3: where nothing is said, it takes the header.
        let ways = metadata.token_endpoint_auth_methods_supported();
        let takes_header = ways.is_none_or(|ways| ways.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let way = if takes_header { AuthType::BasicAuth } else { AuthType::RequestBody };
        asking.set_auth_type(way).set_redirect_uri(self.redirect.clone())
    }

    /// What is known of it, read within `age`.
    async fn metadata(&self, now: Micros, age: Micros) -> Result<Arc<CoreProviderMetadata>, Refused> {
        let mut known = self.known.lock().await;
        if let Some((metadata, read_at)) = &known.metadata
            && now - read_at < age
        {
            return Ok(metadata.clone());
        }
        if known.failed_at.is_some_and(|at| now - at < AWAY_PAUSE) {
            return Err(Refused::Away);
        }
        let read = self.discover().await.map_err(|error| refuse(Refused::Away, "discovery", &format!("{error:#}")));
        known.failed_at = read.is_err().then_some(now);
        let metadata = Arc::new(read?);
        known.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }

    async fn discover(&self) -> anyhow::Result<CoreProviderMetadata> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await?;
        let token = metadata.token_endpoint().context("it names no token endpoint")?.url();
        let doors = [metadata.authorization_endpoint().url(), token, metadata.jwks_uri().url()];
        let scheme = self.issuer.url().scheme();
        anyhow::ensure!(doors.into_iter().all(|door| door.scheme() == scheme), "it names doors that are not {scheme}");
        Ok(metadata)
    }
}

/// Our own client, as the crate asks with it.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = NoAnswer;
    type Future = BoxFuture<'static, Result<HttpResponse, NoAnswer>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(self.0.clone(), request))
    }
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
    let request = reqwest::Request::try_from(request).map_err(|_| NoAnswer("the address can't be asked"))?;
    let mut response = client.execute(request).await.map_err(|error| why(&error))?;
    if response.status().is_server_error() {
        return Err(NoAnswer("it answers that it does not work"));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(NoAnswer("its answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    Ok(answer)
}

/// Without the address, which may hold what is not for everybody.
fn why(error: &reqwest::Error) -> NoAnswer {
    NoAnswer(if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    })
}

fn refuse_code(error: &RequestTokenError<NoAnswer, ServerError>) -> Refused {
    match error {
        RequestTokenError::Request(why) => refuse(Refused::Away, "a code", &why.to_string()),
        // `invalid_client` is a wrong client id or secret.
        RequestTokenError::ServerResponse(said) => refuse(Refused::Token, "a code", said.error().as_ref()),
        // What could not be read may hold a token.
        RequestTokenError::Parse(error, _) => {
            refuse(Refused::Token, "a code", &format!("unreadable at {}", error.path()))
        }
        RequestTokenError::Other(why) => refuse(Refused::Token, "a code", why),
    }
}

/// Says in the log what people are not told.
fn refuse(refused: Refused, what: &'static str, why: &str) -> Refused {
    let why: String = why.chars().filter(|c| !c.is_control()).take(500).collect();
    tracing::warn!(what, why, "a login by OpenID Connect came to nothing");
    refused
}
