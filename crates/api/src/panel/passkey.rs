//! Passkeys: what a browser is asked for and answers, as WebAuthn writes both in JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Whether there are passkeys here.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PasskeyLogin {
    /// Whether one may log in with a passkey.
    pub on: bool,
}

/// One's passkeys.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Passkeys {
    /// Whether they log in, and more may be added.
    pub on: bool,
    /// Why not.
    pub reason: Option<String>,
    /// The newest first.
    pub passkeys: Vec<Passkey>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    pub id: i64,
    pub name: String,
    pub created: String,
    pub last_used: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposePasskey {
    /// One's present password.
    pub password: String,
    /// What the authenticator shows, or a recovery code; where a second factor is asked for.
    #[serde(default)]
    pub code: Option<String>,
}

/// What a browser makes a passkey by.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PasskeyProposal {
    /// `PublicKeyCredentialCreationOptionsJSON` of WebAuthn.
    #[schema(value_type = Object)]
    pub options: Value,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPasskey {
    /// 1 to 100 characters.
    pub name: String,
    /// What the browser made: `RegistrationResponseJSON` of WebAuthn.
    #[schema(value_type = Object)]
    pub credential: Value,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePasskey {
    /// 1 to 100 characters.
    pub name: String,
}

/// What a browser is to answer with a passkey.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PasskeyChallenge {
    /// `PublicKeyCredentialRequestOptionsJSON` of WebAuthn.
    #[schema(value_type = Object)]
    pub options: Value,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// What the browser answered: `AuthenticationResponseJSON` of WebAuthn.
    #[schema(value_type = Object)]
    pub credential: Value,
}
