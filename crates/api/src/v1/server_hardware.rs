//! `PUT /servers/{serverId}/hardware`, an addition of Berth's.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::lenient;

/// What is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeHardware {
    /// `hd`, `cdrom` and `network`, each at most once.
    #[serde(default)]
    pub boot_order: Option<Vec<String>>,
    /// `inherit` (the node chooses), `q35` or `pc`, the last two also of a version, as in `pc-q35-7.2`.
    #[serde(default)]
    pub machine_type: Option<String>,
    /// `inherit` (the node chooses), `host-model`, `host-passthrough` or a model of libvirt's.
    #[serde(default)]
    pub cpu_type: Option<String>,
    /// 0 none, 1 TPM 1.2, 2 TPM 2.0.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub tpm_type: Option<i64>,
}
