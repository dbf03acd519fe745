//! One's servers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::share::Right;

/// A server in the list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerCard {
    pub uuid: String,
    pub name: String,
    pub hostname: Option<String>,
    /// `allocated`, `queued`, `building`, `complete` or `failed`.
    pub state: String,
    /// `running`, `off`, `paused`, `crashed`, `shutdown` (on its way to off) or `unknown`.
    pub power: String,
    pub suspended: bool,
    /// Whether work on it is queued or running.
    pub working: bool,
    /// What it was last built from.
    pub os: Option<ServerSystem>,
    pub cpu_cores: i64,
    pub memory_mb: i64,
    /// Of the primary disk.
    pub disk_gb: i64,
    pub ipv4: Vec<String>,
    /// Addresses with the length of their subnet.
    pub ipv6: Vec<String>,
    /// The name of the owner who shares it; null for one's own.
    pub shared_by: Option<String>,
    /// What whoever asks may do with it.
    pub rights: Vec<Right>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerSystem {
    pub name: String,
    /// A file below `/img/logo/`.
    pub icon: String,
}

/// A server on its own page.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerPage {
    #[serde(flatten)]
    pub card: ServerCard,
    pub created: String,
    pub built: Option<String>,
    /// Refuses to be built anew and deleted.
    pub protected: bool,
    /// Was created by one's own right, and may be resized and deleted.
    pub self_service: bool,
    /// Whether its screen can be opened.
    pub vnc: bool,
    /// Null while its node tells nothing.
    pub live: Option<LiveFigures>,
    /// The picture of its screen, for those who may open it: a PNG in base64.
    pub screen: Option<String>,
    /// What waits for its next start.
    pub pending: Vec<PendingChange>,
    /// The newest ten, the newest first.
    pub jobs: Vec<ServerJob>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveFigures {
    /// Of all its cores, 0 to 100.
    pub cpu_percent: f64,
    /// As the guest counts it; null where it does not say.
    pub memory_used_mb: Option<u64>,
    pub memory_mb: Option<u64>,
    /// Of its file systems together; null where the guest does not say.
    pub disk_used_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    /// Since the guest was started.
    pub in_bytes: u64,
    pub out_bytes: u64,
    pub sampled: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PendingChange {
    pub action: String,
    /// The power actions of which each applies it.
    pub requires: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerJob {
    pub id: i64,
    /// `build_server`, `boot_server` and so on.
    pub action: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// The step that it is at.
    pub step: String,
    /// The steps that it takes one after the other; none where its progress says it all.
    pub steps: Vec<String>,
    /// 0 to 100.
    pub progress: i32,
    /// Why it failed, or what it waits for.
    pub message: Option<String>,
    pub created: String,
    pub finished: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    Boot,
    Shutdown,
    Restart,
    Poweroff,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerOrder {
    pub action: Power,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    pub queue_id: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPassword {
    /// Shown once.
    pub password: String,
    pub queue_id: i64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// Up to 63 printable characters.
    pub name: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildOrder {
    pub template_id: i64,
    /// A host name (RFC 1123).
    pub hostname: String,
    /// Ids of one's own keys, also on a server that is shared.
    #[serde(default)]
    pub ssh_keys: Vec<i64>,
}

/// A build that is queued.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Built {
    /// Of the guest's administrator; shown once.
    pub password: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Console {
    Vnc,
    Serial,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsoleOrder {
    pub kind: Console,
}

/// Opens one socket within 60 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ConsoleAccess {
    /// Of the WebSocket, on the panel's own host.
    pub path: String,
    /// For RFB; empty for the serial console.
    pub password: String,
}

/// Templates of one family.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Family {
    pub name: String,
    /// A file below `/img/logo/`.
    pub icon: String,
    pub templates: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Choice {
    pub id: i64,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    /// A file below `/img/logo/`.
    pub icon: String,
}
