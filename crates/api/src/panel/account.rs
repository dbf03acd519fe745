//! Who is logged in, and what one may do about one's own account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    pub email: String,
    pub password: String,
    /// What the authenticator shows, or a recovery code; where a second factor is asked for.
    #[serde(default)]
    pub code: Option<String>,
}

/// The second factor of somebody whom another site sent here.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowCode {
    /// What the authenticator shows, or a recovery code.
    pub code: String,
}

/// Shows again that it is still whoever logged in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveAgain {
    /// Where the account has no second factor.
    #[serde(default)]
    pub password: Option<String>,
    /// Where it has one: what the authenticator shows, or a recovery code.
    #[serde(default)]
    pub code: Option<String>,
}

/// The provider by which staff log in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SignOn {
    /// What stands on its button; null where there is none.
    pub label: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginSignOn {
    /// The path of the panel that the browser lands on, of at most 500 characters.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SignOnBegun {
    /// Where the browser goes.
    pub url: String,
}

/// An account at a provider by which one logs in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    pub id: i64,
    /// As the provider names itself.
    pub issuer: String,
    pub created: String,
    pub last_used: String,
}

/// Who forgot a password.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgottenPassword {
    pub email: String,
}

/// What the holder of a mailed link chose.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenPassword {
    /// Of the link.
    pub token: String,
    /// 12 to 200 characters.
    pub new: String,
}

/// One's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Factor {
    /// Whether it is asked for.
    pub on: bool,
    pub recovery_codes_left: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeFactor {
    /// One's present password.
    pub password: String,
}

/// A second factor that is not asked for yet.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Proposal {
    /// Base32, to be typed.
    pub secret: String,
    /// `otpauth://`, to be scanned.
    pub uri: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmFactor {
    /// What the authenticator shows.
    pub code: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prove {
    /// One's present password.
    pub password: String,
    /// What the authenticator shows, or a recovery code.
    pub code: String,
}

/// Each stands in for the second factor once.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown once.
    pub codes: Vec<String>,
}

/// Who is logged in, and what the requests of this session that change something repeat in `X-CSRF-Token`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LoggedIn {
    pub user: Account,
    pub csrf: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub name: String,
    pub email: String,
    /// IANA name.
    pub timezone: String,
    /// A tag of BCP 47 such as `de` or `pt-BR`.
    pub language: String,
    pub admin: bool,
    pub two_factor: bool,
    /// Whether one may create servers by one's own right.
    pub self_service: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: i64,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Where the login came from.
    pub address: Option<String>,
    pub user_agent: String,
    pub created: String,
    /// To the minute.
    pub last_seen: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    /// 12 to 200 characters.
    pub new: String,
}

/// What the panel is shown in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseLanguage {
    /// A tag of BCP 47 such as `de` or `pt-BR`.
    pub language: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddKey {
    /// 1 to 191 characters.
    pub name: String,
    /// A line of `authorized_keys` without options.
    pub public_key: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Key {
    pub id: i64,
    pub name: String,
    /// As OpenSSH names it: `ssh-ed25519`.
    #[serde(rename = "type")]
    pub kind: String,
    pub created: String,
}
