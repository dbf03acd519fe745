//! One's own tokens of the customer API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a token may do, at most what its owner may.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
pub enum Scope {
    /// See servers, their traffic and their tasks.
    #[serde(rename = "servers:read")]
    ServersRead,
    #[serde(rename = "servers:power")]
    ServersPower,
    /// Screens and serial consoles.
    #[serde(rename = "servers:console")]
    ServersConsole,
    /// Build anew, which shows the password of the build.
    #[serde(rename = "servers:build")]
    ServersBuild,
    /// New passwords of administrators of guests.
    #[serde(rename = "servers:password")]
    ServersPassword,
    /// What servers are called.
    #[serde(rename = "servers:settings")]
    ServersSettings,
    /// See the account and its SSH keys.
    #[serde(rename = "account:read")]
    AccountRead,
    /// Add and remove SSH keys.
    #[serde(rename = "account:keys")]
    AccountKeys,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateToken {
    /// 1 to 100 characters.
    pub name: String,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// 1 to 365; it holds for ever without.
    #[serde(default)]
    pub expires_in_days: Option<i64>,
    /// Addresses and networks in CIDR form, at most 32; none allows every address.
    #[serde(default)]
    pub allowed_addresses: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    pub id: i64,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub allowed_addresses: Vec<String>,
    pub expires: Option<String>,
    /// Its time is over.
    pub expired: bool,
    /// To some minutes.
    pub last_used: Option<String>,
    pub created: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CreatedToken {
    #[serde(flatten)]
    pub token: ApiToken,
    /// Shown once.
    pub secret: String,
}
