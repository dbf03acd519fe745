//! Further MAC addresses of an interface: each address and subnet of it may have one of its own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

/// Under which MAC address one of an interface's addresses is used.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SetMac {
    /// Six pairs of hexadecimal digits with `:` or `-`, a locally administered unicast address (its second digit is 2,
    /// 6, A or E) that does not begin with `52:54:00` or `fe`; null is the interface's own.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(required = true)]
    pub mac: Option<Option<String>>,
}

/// A MAC address with what is used under it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InterfaceMac {
    pub mac: String,
    /// The interface's own, under which everything is used that has no other.
    pub own: bool,
    pub ipv4: Vec<MacIpv4>,
    pub ipv6: Vec<MacIpv6>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MacIpv4 {
    pub id: i64,
    pub address: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MacIpv6 {
    pub id: i64,
    pub subnet: String,
    pub cidr: i32,
}
