//! Tokens of the Global API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateToken {
    /// 1 to 100 characters.
    pub name: String,
    /// `read`, `write`, `admin`, `secrets`; all of them by default. Never more than the caller's own, and never more at
    /// any time than the role of the user whose token it is.
    #[serde(default)]
    pub abilities: Option<Vec<String>>,
    /// Addresses or networks in CIDR form, at most 64; every address by default.
    #[serde(default)]
    pub allowed_addresses: Vec<String>,
    /// 1 to 3650; never by default.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub expires_in_days: Option<i64>,
    /// Whose token it is to be: a user who has a role. By default the caller's own.
    #[serde(default, deserialize_with = "lenient::option_i64")]
    pub user_id: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    pub id: i64,
    /// Whose it is.
    pub user_id: i64,
    pub name: String,
    pub abilities: Vec<String>,
    pub allowed_addresses: Vec<String>,
    pub expires: Option<String>,
    pub revoked: Option<String>,
    pub created: String,
    /// Shown once, in the answer to the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}
