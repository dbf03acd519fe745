//! Ports of a node that lead to a server behind its address translation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortForward {
    pub id: i64,
    /// The tag of the server's interface.
    pub interface: i64,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The node's address by which the control server knows it; it has others, and the port leads from all of them.
    pub public_address: String,
    pub public_port: i32,
    pub address: String,
    pub port: i32,
    pub created: String,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreatePortForward {
    /// `primary`, `secondary` or a tag; by default the primary one.
    #[serde(deserialize_with = "lenient::option_text")]
    pub interface: Option<String>,
    /// `tcp` or `udp`.
    #[schema(required = true)]
    pub protocol: String,
    /// Of the node, 10000 to 59999; by default the first that is free from 20000 on.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub public_port: Option<i64>,
    /// An address of the interface; by default its first.
    #[serde(deserialize_with = "lenient::option_text")]
    pub address: Option<String>,
    /// Of the server, 1 to 65535.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub port: Option<i64>,
}
