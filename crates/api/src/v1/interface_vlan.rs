//! VLANs of an interface.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceVlan {
    pub id: i64,
    pub vlan: i32,
    /// How frames without a tag are of it: `untagged` or `tagged`; null where they are not.
    pub native_mode: Option<String>,
    pub trunk: bool,
    pub created: String,
}

/// One more VLAN of an interface.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateVlan {
    /// 1 to 4094; the interface has it once.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub vlan: Option<i64>,
    /// Of a trunk: `untagged` makes frames without a tag of this VLAN, in both directions; `tagged` those that the server
    /// sends, while it gets them with a tag. One VLAN of an interface has it.
    #[serde(deserialize_with = "lenient::option_text")]
    pub native_mode: Option<String>,
    /// True: the server's frames carry the VLAN's tag, and it may have several. False (the default): it is the interface's
    /// only one, and the server sees no tag.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub trunk: Option<bool>,
}

/// A change of a VLAN; what is absent stays, null takes the native mode away.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateVlan {
    #[serde(deserialize_with = "lenient::option_i64")]
    pub vlan: Option<i64>,
    #[serde(deserialize_with = "lenient::nullable_text")]
    pub native_mode: Option<Option<String>>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub trunk: Option<bool>,
}
