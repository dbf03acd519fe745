//! Networks of nodes: bridges that servers can be attached to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HypervisorNetwork {
    pub id: i64,
    pub name: String,
    /// `simpleBridge`, `lvNatv1` where the node translates addresses, `lvNetwork` where it routes to single ones, or
    /// `lvBridgeOVS` of Open vSwitch.
    pub r#type: String,
    pub bridge: String,
    /// Of guests' interfaces; null is the bridge's.
    pub mtu: Option<i32>,
    /// The node makes the bridge for this network.
    pub made: bool,
    /// The first of the node; it stays.
    pub primary: bool,
    /// New servers are attached to it.
    pub default: bool,
    /// A group whose blocks serve the network, after those that are bound to it.
    pub ip_block_group_id: Option<i64>,
    pub created: String,
    pub updated: String,
}

/// A bridge that the node's owner lists in its configuration becomes a network; or one that the node makes for it, of a
/// name that begins as the node's owner lets bridges be named (`bridge_prefix`). What a node changes of its own network
/// is undone after a minute unless the control server reaches it all the same.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateHypervisorNetwork {
    /// 3 to 30 characters.
    #[schema(required = true)]
    pub name: String,
    /// 1 to 15 of `A-Za-z0-9_.-`; no other network of the node has it.
    #[schema(required = true)]
    pub bridge: String,
    /// `simpleBridge` (the default), `lvNatv1`, `lvNetwork` or `lvBridgeOVS`.
    #[serde(deserialize_with = "lenient::option_text")]
    pub r#type: Option<String>,
    /// 1280 to 9216, and no more than the bridge's; null is the bridge's.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub mtu: Option<i64>,
    /// A group whose blocks serve the network, after those that are bound to it.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub ip_block_group_id: Option<i64>,
}

/// What is to change of a network; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateHypervisorNetwork {
    /// 3 to 30 characters; not of the primary network.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// Another bridge, while no interface is attached.
    #[serde(deserialize_with = "lenient::option_text")]
    pub bridge: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub r#type: Option<String>,
    /// Guests have it from their next start on; null is the bridge's.
    #[serde(deserialize_with = "lenient::nullable_i64")]
    pub mtu: Option<Option<i64>>,
    /// True makes it the network of new servers, instead of the one that was.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub default: Option<bool>,
    /// Null takes the group away; servers keep the addresses that they have.
    #[serde(deserialize_with = "lenient::nullable_i64")]
    pub ip_block_group_id: Option<Option<i64>>,
}
