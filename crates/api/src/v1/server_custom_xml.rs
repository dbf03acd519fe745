//! `POST /servers/{serverId}/customXML`

use serde::Deserialize;
use utoipa::ToSchema;

use crate::lenient;

/// What is left out stays as it is. Each text is the children of its section of libvirt's definition, with or without
/// the section's element around them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SetCustomXml {
    #[serde(deserialize_with = "lenient::option_text")]
    pub domain: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub os: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub devices: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub features: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub clock: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub cpu_tune: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub domain_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub os_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub devices_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub features_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub clock_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub cpu_tune_enabled: Option<bool>,
}
