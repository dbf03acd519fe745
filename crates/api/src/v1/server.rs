//! A server as retrieve, create and build answer it: the whole object.
//!
//! Shapes follow the Global API's examples field by field. Fields whose feature does not exist are null or empty,
//! never made up.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    server_network::ServerNetwork,
    server_node::ServerNode,
    server_remote::RemoteState,
    server_settings::{ServerCpu, ServerCustomXml, ServerSettings},
    server_storage::ServerDisk,
};

/// The whole server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    pub id: i64,
    pub owner_id: i64,
    /// The node that the server is on (in `POST /servers` the same word means a group).
    pub hypervisor_id: i64,
    /// 1 x86_64, 2 aarch64.
    pub arch: i32,
    pub name: String,
    /// 0: not made by self service.
    pub self_service: i32,
    pub self_service_settings: Vec<String>,
    pub hostname: Option<String>,
    /// 0 not built, 1 queued, 2 building or failed, 3 built.
    pub commission_status: i32,
    pub uuid: Uuid,
    /// `allocated`, `queued`, `building`, `complete` or `failed`.
    pub state: String,
    /// False: no server can be moved to another node yet.
    pub migratable: bool,
    /// IANA name; `_default` is the template's.
    pub timezone: String,
    pub migrate_level: i32,
    /// 1 while a delayed deletion waits.
    pub delete_level: i32,
    pub config_level: i32,
    pub backup_level: i32,
    pub elevated: bool,
    pub elevate_id: Option<i64>,
    pub elevate: bool,
    pub destroyable: bool,
    pub rebuild: bool,
    pub suspended: bool,
    pub protected: bool,
    pub build_failed: bool,
    pub primary_network_dhcp4: bool,
    pub primary_network_dhcp6: bool,
    /// Time of the last successful build.
    pub built: Option<String>,
    pub created: String,
    pub updated: String,
    pub traffic: ServerTraffic,
    pub settings: ServerSettings,
    pub cpu: ServerCpu,
    #[serde(rename = "customXML")]
    pub custom_xml: ServerCustomXml,
    pub qemu_commandline: Vec<String>,
    pub qemu_agent: ServerGuestAgent,
    pub media: ServerMedia,
    pub backup_plan: ServerBackupPlan,
    pub backup_manager: ServerBackupManager,
    pub vnc: ServerVnc,
    pub network: ServerNetwork,
    pub storage: Vec<ServerDisk>,
    pub hypervisor_assets: Vec<i64>,
    /// Whose assets it was ordered with, kept for when there are any. An addition of Berth's.
    pub hypervisor_asset_groups: Vec<i64>,
    pub hypervisor: ServerNode,
    pub owner: ServerOwner,
    pub ssh_keys: Vec<ServerSshKey>,
    /// Ids of the users who accepted that it is shared with them.
    pub shared_users: Vec<i64>,
    pub tasks: ServerTasks,
    /// Absent until a template was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<ServerOs>,
    /// `false` where it was not asked for.
    pub remote_state: RemoteState,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerTraffic {
    pub public: ServerTrafficPublic,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerTrafficPublic {
    /// 1: the sum of the directions that count.
    pub count_method: i32,
    pub current_period: ServerTrafficPeriod,
}

/// From the day of the month on which the server was created to the day before the next, in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerTrafficPeriod {
    pub start: String,
    pub end: String,
    /// GB (10^9 bytes); 0 is unmetered.
    pub limit: i64,
}

/// What the guest's agent told; empty without one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ServerGuestAgent {
    pub os: ServerGuestOs,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ServerGuestOs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "pretty-name", skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    #[serde(rename = "kernel-release", skip_serializing_if = "Option::is_none")]
    pub kernel_release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Icon of the template's category or of the template, under `/img/logo/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub img: Option<String>,
    /// A small PNG of what the guest shows, in base64; absent where it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerOs {
    pub template_id: i64,
    pub template_name: String,
    pub icon: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerMedia {
    pub iso_mounted: bool,
    pub iso_type: String,
    pub iso_name: String,
    pub iso_filename: String,
    pub iso_url: String,
    pub iso_download: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerBackupPlan {
    pub id: Option<i64>,
    pub name: Option<String>,
}

/// An addition of Berth's.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerBackupManager {
    /// `inherit`, `disabled`, `scheduled`, `view_restore`, `full` or `manual`.
    pub access: String,
}

/// Where the console is reached.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerVnc {
    pub ip: String,
    pub port: u16,
    pub enabled: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerOwner {
    pub id: i64,
    pub admin: bool,
    pub ext_relation_id: Option<i64>,
    pub name: String,
    pub email: String,
    pub timezone: String,
    pub suspended: bool,
    pub two_factor_auth: bool,
    pub created: String,
    pub updated: String,
}

/// A key that the last build put into the server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerSshKey {
    pub id: i64,
    pub owner_id: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub public: String,
    pub enabled: bool,
    pub created: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerTasks {
    /// Whether work of the queue is waiting or running for the server.
    pub active: bool,
    pub last_on: Option<String>,
    pub actions: ServerActions,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ServerActions {
    pub pending: Vec<PendingAction>,
}

/// A change that waits for one of the power actions in `requires`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PendingAction {
    pub id: i64,
    pub action: String,
    pub requires: Vec<String>,
    pub collected: bool,
    pub complete: bool,
    pub failed: bool,
    #[schema(value_type = Object)]
    pub payload: serde_json::Value,
    pub created: String,
}
