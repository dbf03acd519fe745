//! Servers, as their owners and guests see them.

use serde::Serialize;
use utoipa::ToSchema;

/// A server in the list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// A UUID.
    pub id: String,
    pub name: String,
    pub hostname: Option<String>,
    /// `allocated`, `queued`, `building`, `complete` or `failed`.
    pub build_state: String,
    pub suspended: bool,
    /// Refuses to be built anew and deleted.
    pub protected: bool,
    pub migrating: bool,
    /// It is going to be deleted.
    pub deleting: bool,
    pub backup_creating: bool,
    pub rescue: bool,
    pub vnc_enabled: bool,
    pub iso_mounted: bool,
    pub uefi: bool,
    /// `hd`, `cdrom`, `network`: what it starts from, the first first.
    pub boot_order: Vec<String>,
    /// As in `2048 MB`.
    pub memory: String,
    /// As in `2 Core`.
    pub cpu: String,
    pub storage: Vec<Disk>,
    pub network: Network,
    pub resources: Resources,
    pub current_monthly_period: Span,
    /// What it was last built from.
    pub os: Option<SystemName>,
    /// The name of the owner who shares it; null for one's own.
    pub shared_by: Option<String>,
    /// What the token's owner may do with it: `view`, `power`, `console`, `rebuild`, `password`, `settings`. It takes a
    /// scope of the token besides.
    pub rights: Vec<String>,
    pub created: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SystemName {
    pub name: String,
    /// A file below `/img/logo/`.
    pub icon: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Disk {
    /// As in `40 GB`.
    pub capacity: String,
    /// Whether the guest has it.
    pub enabled: bool,
    pub primary: bool,
    pub created: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Network {
    pub primary: Option<Interface>,
    pub secondary: Vec<Interface>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Interface {
    pub mac: String,
    /// Of the primary interface's traffic in a period, as in `500 GB`; `Unlimited` without one.
    pub limit: Option<String>,
    pub ipv4: Vec<Ipv4>,
    pub ipv6: Vec<Ipv6>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Ipv4 {
    pub address: String,
    pub gateway: String,
    pub netmask: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Ipv6 {
    /// In CIDR form.
    pub subnet: String,
    pub gateway: String,
    /// Those that the guest is told.
    pub addresses: Vec<String>,
}

/// Sizes as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    pub memory_mb: i64,
    pub cpu_cores: i64,
    /// Of the primary disk.
    pub disk_gb: i64,
    /// Of a period; 0 is without limit.
    pub traffic_gb: i64,
}

/// Both ends belong to it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Span {
    pub start: String,
    pub end: String,
}

/// A server by itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WholeServer {
    #[serde(flatten)]
    pub server: Server,
    pub state: State,
    /// What waits for its next start.
    pub pending: Vec<String>,
}

/// How it is now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// `running`, `off`, `paused`, `crashed`, `shutdown` (on its way to off) or `unknown`.
    pub power: String,
    pub running: bool,
    /// Whether a task of it is queued or running.
    pub working: bool,
    /// Null while its node tells nothing.
    pub figures: Option<Figures>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
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

/// Templates of one family.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TemplateFamily {
    pub name: String,
    /// A file below `/img/logo/`.
    pub icon: String,
    pub templates: Vec<Template>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Template {
    /// A UUID.
    pub id: String,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    /// A file below `/img/logo/`.
    pub icon: String,
    /// `linux`, `windows` or `unix`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Every period of the last three years, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Traffic {
    pub monthly: Vec<TrafficMonth>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficMonth {
    /// The first is 1.
    pub month: u32,
    pub start: String,
    pub end: String,
    /// Bytes.
    pub rx: i64,
    pub tx: i64,
    pub total: i64,
    /// GB; 0 is without limit.
    pub limit: i64,
    /// GB that were added to this period.
    pub added: i64,
}
