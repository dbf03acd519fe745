//! OpenID Connect (<https://openid.net/specs/openid-connect-core-1_0.html>): staff log in by their company's own
//! provider, by the code flow with PKCE. What is asked of the provider is in `provider`, and only compiled with the
//! feature `oidc`; who is then let in is decided in `actions/oidc_logins.rs`.

#[cfg(feature = "oidc")]
mod provider;
mod settings;

#[cfg(feature = "oidc")]
pub use provider::Provider;
pub use settings::Settings;

use berth_store::Micros;

use crate::{clock::MINUTE, permissions::Role};

/// By how much the provider's clock and ours may differ.
pub const SKEW: Micros = MINUTE;

/// Why nobody is logged in; a word that the login page has a sentence for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The state is nobody's, was used or is too old.
    Over,
    /// It was begun in another browser.
    Browser,
    /// The provider, or who was asked there, said no.
    Denied,
    /// The provider does not answer, or not with what can be read.
    Away,
    /// What it answered is not good: signature, issuer, audience, time, nonce, or the code.
    Token,
    /// It does not vouch for an e-mail address.
    Unverified,
    /// The address is of no domain that may log in.
    Domain,
    /// Nobody of the staff has the address.
    Nobody,
    /// Whoever has the address is somebody else at the provider.
    Other,
    /// No role follows from what the provider says.
    Role,
    /// It did not ask again who somebody is, or does not say so.
    Stale,
    /// Whoever was to prove something is somebody else there.
    Stranger,
    Suspended,
}

impl Refused {
    pub fn word(self) -> &'static str {
        match self {
            Refused::Over => "oidc-over",
            Refused::Browser => "oidc-browser",
            Refused::Denied => "oidc-denied",
            Refused::Away => "oidc-away",
            Refused::Token => "oidc-token",
            Refused::Unverified => "oidc-unverified",
            Refused::Domain => "oidc-domain",
            Refused::Nobody => "oidc-nobody",
            Refused::Other => "oidc-other",
            Refused::Role => "oidc-role",
            Refused::Stale => "oidc-stale",
            Refused::Stranger => "oidc-stranger",
            Refused::Suspended => "suspended",
        }
    }
}

/// Whether a browser that the provider knows is enough for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// It is: single sign-on.
    Once,
    /// Whoever sits there shows again who they are.
    Again,
}

/// What ties an answer to the login that was begun. Letters and digits.
#[derive(Clone)]
pub struct Secrets {
    pub state: String,
    pub nonce: String,
    /// Of PKCE (RFC 7636): 43 to 128 characters.
    pub verifier: String,
}

/// What the provider says of somebody, checked.
#[derive(Clone, Debug)]
pub struct Told {
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    /// When it last asked who somebody is (`auth_time`).
    pub asked_at: Option<Micros>,
    /// The most that its claim is mapped to.
    pub role: Option<Role>,
}

impl Told {
    /// Whether somebody showed the provider who they are since then, and not only that their browser is known there.
    pub fn is_shown_since(&self, begun: Micros) -> bool {
        self.asked_at.is_some_and(|at| at >= begun - SKEW)
    }
}

/// Never there: settings are refused at the start of a program that was built without.
#[cfg(not(feature = "oidc"))]
pub enum Provider {}

#[cfg(not(feature = "oidc"))]
impl Provider {
    pub fn of(config: &crate::config::Config) -> anyhow::Result<Option<Self>> {
        let is_off = Settings::of(config)?.is_none();
        anyhow::ensure!(is_off, "oidc_issuer: this program was built without OpenID Connect (its feature `oidc`)");
        Ok(None)
    }

    pub fn settings(&self) -> &Settings {
        match *self {}
    }

    pub async fn leads_to(&self, _: &Secrets, _: Asks, _: Micros) -> Result<url::Url, Refused> {
        match *self {}
    }

    pub async fn redeem(&self, _: &str, _: &Secrets, _: Micros) -> Result<Told, Refused> {
        match *self {}
    }
}
