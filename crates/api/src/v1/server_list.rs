//! Servers as lists show them: short in `GET /servers`, and for a user's own view in `GET /servers/user/{userId}`.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{server::ServerGuestOs, server_settings::ServerResources};

/// One line of `GET /servers?type=simple`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerLine {
    pub id: i64,
    pub uuid: Uuid,
    pub name: String,
    /// As `commissionStatus` of the whole server.
    pub commissioned: i32,
    /// The owner's id.
    pub owner: i64,
    pub hypervisor_id: i64,
    pub suspended: bool,
    pub protected: bool,
    pub updated: String,
    pub created: String,
}

/// One server of `GET /servers/user/{userId}`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserServer {
    pub id: i64,
    pub owner_id: i64,
    pub hypervisor_id: i64,
    pub name: String,
    pub hostname: Option<String>,
    pub commission_status: i32,
    pub uuid: Uuid,
    pub state: String,
    pub rebuild: bool,
    pub suspended: bool,
    pub protected: bool,
    pub build_failed: bool,
    #[serde(rename = "backup_level")]
    pub backup_level: i32,
    #[serde(rename = "backup_plan")]
    pub backup_plan: Option<i64>,
    pub os: ServerGuestOs,
    #[serde(rename = "server_info")]
    pub server_info: UserServerInfo,
    pub vnc: UserServerVnc,
    pub resources: UserServerResources,
    pub network: UserServerNetwork,
    pub config: UserServerConfig,
    pub media: UserServerMedia,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserServerInfo {
    pub show: bool,
    pub icon: Option<String>,
    pub name: Option<String>,
    pub label: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserServerVnc {
    #[serde(rename = "expose_details")]
    pub expose_details: bool,
    pub ip: String,
    pub hostname: Option<String>,
    pub port: u16,
    /// 0 or 1.
    pub enabled: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserServerResources {
    #[serde(flatten)]
    pub resources: ServerResources,
    pub cpu_model: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserServerNetwork {
    pub interfaces: Vec<UserServerInterface>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserServerInterface {
    pub order: i32,
    pub enabled: bool,
    pub tag: i64,
    pub name: String,
    pub mac: String,
    pub in_average: i64,
    pub in_peak: i64,
    pub in_burst: i64,
    pub out_average: i64,
    pub out_peak: i64,
    pub out_burst: i64,
    pub is_nat: bool,
    pub ipv4: Vec<UserServerIpv4>,
    pub ipv6: Vec<UserServerIpv6>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserServerIpv4 {
    pub order: i32,
    pub enabled: bool,
    pub address: String,
    pub gateway: String,
    pub netmask: String,
    pub resolver1: String,
    pub resolver2: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserServerIpv6 {
    pub order: i32,
    pub enabled: bool,
    pub addresses: Vec<String>,
    pub subnet: String,
    pub cidr: i32,
    pub gateway: String,
    pub resolver1: String,
    pub resolver2: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserServerConfig {
    pub uefi: bool,
    pub boot_order: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserServerMedia {
    pub iso_mounted: bool,
    pub iso_name: String,
}
