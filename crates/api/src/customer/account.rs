//! Whose token it is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The token that asks.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// What its owner calls it.
    pub token: String,
    /// What it may do, such as `servers:read`.
    pub scopes: Vec<String>,
    pub expires: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// A UUID.
    pub id: String,
    pub name: String,
    pub email: String,
    /// IANA name.
    pub timezone: String,
    /// A tag of BCP 47 such as `de` or `pt-BR`.
    pub language: String,
    pub two_factor_auth: bool,
    pub created: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshKey {
    /// A UUID.
    pub id: String,
    pub name: String,
    pub public_key: String,
    /// As OpenSSH names it: `ssh-ed25519`.
    #[serde(rename = "type")]
    pub kind: String,
    pub enabled: bool,
    pub created: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddSshKey {
    /// 1 to 191 characters.
    pub name: String,
    /// A line of `authorized_keys` without options.
    pub public_key: String,
}
