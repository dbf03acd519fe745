//! Groups of IP blocks, which serve networks together.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// Blocks of a group give addresses to its networks in their order, after the blocks that are bound to a network itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IpBlockGroup {
    pub id: i64,
    pub name: String,
    /// In the order in which they give addresses.
    pub blocks: Vec<IpBlockOfGroup>,
    /// Networks of hypervisors that have the group.
    pub networks: Vec<NetworkOfIpBlockGroup>,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IpBlockOfGroup {
    pub id: i64,
    pub name: String,
    /// 4 or 6.
    pub r#type: i32,
    /// One that is not gives no addresses.
    pub enabled: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkOfIpBlockGroup {
    pub id: i64,
    pub hypervisor_id: i64,
    pub name: String,
    pub bridge: String,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateIpBlockGroup {
    /// 3 to 100 characters, unique.
    #[schema(required = true)]
    pub name: String,
    /// Ids of at most 100 blocks, in the order in which they give addresses.
    #[serde(deserialize_with = "lenient::list_i64")]
    pub blocks: Vec<i64>,
}

/// What is to change of a group; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateIpBlockGroup {
    /// 3 to 100 characters, unique.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// The group's blocks from now on, at most 100, in their order. Servers keep the addresses that they have.
    #[serde(deserialize_with = "lenient::option_array_i64")]
    pub blocks: Option<Vec<i64>>,
}
