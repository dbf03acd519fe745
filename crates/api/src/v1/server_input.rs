//! What the operations on servers take. Unknown fields are ignored, as clients of the Global API expect.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// `POST /servers`. What is left out comes from the package.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateServer {
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub package_id: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub user_id: Option<i64>,
    /// The id of a hypervisor group.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub hypervisor_id: Option<i64>,
    /// A template that the server will be built from, so that it goes to a node with such processors; an addition of
    /// Berth's.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub operating_system_id: Option<i64>,
    /// How many IPv4 addresses; 1 by default.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub ipv4: Option<i64>,
    /// GB of the primary disk.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub storage: Option<i64>,
    /// GB a period, up to 999999999; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub traffic: Option<i64>,
    /// MB.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub memory: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub cpu_cores: Option<i64>,
    /// kB/s; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub network_speed_inbound: Option<i64>,
    /// kB/s; 0 is unlimited.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub network_speed_outbound: Option<i64>,
    /// A storage type; 0 is any.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub storage_profile: Option<i64>,
    /// Only blocks with this profile give addresses; 0 is any.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub network_profile: Option<i64>,
    /// `[-1]` forces none.
    #[serde(deserialize_with = "lenient::option_list_i64")]
    pub firewall_rulesets: Option<Vec<i64>>,
    /// At most 16, kept for when there are such groups; `[-1]` forces none.
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub hypervisor_asset_groups: Option<Vec<i64>>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub additional_storage1_enable: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub additional_storage2_enable: Option<bool>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub additional_storage1_profile: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub additional_storage2_profile: Option<i64>,
    /// GB.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub additional_storage1_capacity: Option<i64>,
    /// GB.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub additional_storage2_capacity: Option<i64>,
}

/// `POST /servers/{serverId}/build`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BuildServer {
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub operating_system_id: Option<i64>,
    /// Up to 63 printable characters.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// A host name (RFC 1123).
    #[serde(deserialize_with = "lenient::option_text")]
    pub hostname: Option<String>,
    /// Ids of SSH keys of the server's owner.
    #[serde(deserialize_with = "lenient::list_i64")]
    pub ssh_keys: Vec<i64>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub vnc: Option<bool>,
    /// Whether the server gets an IPv6 subnet if it has none.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub ipv6: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub email: Option<bool>,
    /// MB for 256, 512 and 768, else GB: 1, 1.5, 2, 3, 4, 5, 6, 8.
    #[serde(deserialize_with = "lenient::option_f64")]
    pub swap: Option<f64>,
    /// Cloud-config (a YAML mapping) that is merged under Berth's own; at most 64 KiB. An addition of Berth's.
    #[serde(deserialize_with = "lenient::option_text")]
    pub user_data: Option<String>,
}

/// `POST /servers/{serverId}/resetPassword`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetPassword {
    /// `root` (the default) or `Administrator`, in any case.
    #[serde(deserialize_with = "lenient::option_text")]
    pub user: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub send_mail: Option<bool>,
}

/// `POST /servers/{serverId}/vnc`, in the three forms that clients send. With none of them only the token is renewed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SwitchVnc {
    /// `enable` or `disable`.
    #[serde(deserialize_with = "lenient::option_text")]
    pub action: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub vnc: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
}

/// What a queued action answers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    /// For `GET /queue/{queueId}`.
    pub queue_id: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordReset {
    pub queue_id: i64,
    /// Which the guest has once the queue item is done.
    pub expected_password: String,
}
