//! What is asked of a server. Fields that are not known are refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Build {
    /// UUID of one of the server's templates.
    pub operating_system_id: String,
    /// Up to 63 printable characters; it keeps its name without.
    #[serde(default)]
    pub name: Option<String>,
    /// A host name (RFC 1123); it keeps its own without.
    #[serde(default)]
    pub hostname: Option<String>,
    /// UUIDs of keys of one's own, at most 64.
    #[serde(default)]
    pub ssh_keys: Vec<String>,
    /// Whether its screen can be opened; it stays as it is without.
    #[serde(default)]
    pub vnc: Option<bool>,
    /// Whether it gets an IPv6 subnet if it has none.
    #[serde(default)]
    pub ipv6: Option<bool>,
    /// Whether its owner is mailed when it is ready.
    #[serde(default)]
    pub email: Option<bool>,
    /// MB for 256, 512 and 768, else GB: 1, 1.5, 2, 3, 4, 5, 6, 8.
    #[serde(default)]
    pub swap: Option<f64>,
    /// Cloud-config (a YAML mapping), at most 64 KiB.
    #[serde(default)]
    pub user_data: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewPassword {
    /// `root` (the default) or `Administrator`: whichever the system has.
    pub user: Option<String>,
    /// Whether the server's owner is mailed it; true without.
    pub send_mail: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// Up to 63 printable characters.
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Screen {
    /// `enable` or `disable`; without it only the token is renewed.
    pub action: Option<String>,
}

/// Opens one socket within 60 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScreenAccess {
    pub vnc: ScreenDoor,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScreenDoor {
    /// Whether the screen can be opened.
    pub enabled: bool,
    /// For RFB.
    pub password: String,
    pub wss: Socket,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SerialAccess {
    pub wss: Socket,
}

/// A WebSocket with binary frames.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Socket {
    pub token: String,
    /// With the token in it.
    pub url: String,
}
