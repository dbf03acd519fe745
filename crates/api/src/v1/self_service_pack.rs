//! Resource packs: what is sold, and what customers have.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// Totals, and the most of one server; MiB of memory, GiB of storage, GB of traffic. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PackLimits {
    #[serde(deserialize_with = "lenient::i64")]
    pub total_servers: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub total_memory: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub total_storage: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub total_cpu: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub total_traffic: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub max_memory: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub max_storage: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub max_cpu: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub max_traffic: i64,
}

/// A pack as it is sold.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResourcePack {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
    pub limits: PackLimits,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateResourcePack {
    /// 1 to 100 characters, unique.
    pub name: String,
    /// Whether customers may get it, by default true.
    #[serde(default, deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// What is left out is no limit.
    #[serde(default)]
    pub limits: PackLimits,
}

/// What is left out stays. Packs that customers have keep the limits that they got.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateResourcePack {
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    /// All of them: what is left out of it is no limit.
    pub limits: Option<PackLimits>,
}

/// A pack that a customer has.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPack {
    /// `pack`.
    pub r#type: String,
    pub id: i64,
    /// The resource pack that it was made from.
    pub pid: i64,
    pub label: Option<String>,
    pub name: String,
    pub enabled: bool,
    pub user_id: i64,
    pub limits: PackLimits,
    pub used: PackUsed,
    pub usage: PackUsage,
    /// Where they are asked for; those that are being deleted count until they are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<PackServer>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PackUsed {
    pub servers: i64,
    pub memory: i64,
    pub storage: i64,
    pub cpu: i64,
    pub traffic: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PackUsage {
    pub servers: PackShare,
    pub memory: PackShare,
    pub storage: PackShare,
    pub cpu: PackShare,
    pub traffic: PackShare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PackShare {
    /// In total; 0 where there is no limit.
    pub t: i64,
    /// Used.
    pub u: i64,
    /// Free; below zero where there is no limit.
    pub f: i64,
    /// Percent that is used.
    pub p: i64,
    /// Whether there is a limit.
    pub l: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PackServer {
    pub id: i64,
    pub uuid: String,
    pub name: String,
    pub state: String,
    pub suspended: bool,
    /// Whether it is on its way out.
    pub deleting: bool,
    pub memory: i64,
    pub cpu: i64,
    pub traffic: i64,
}
