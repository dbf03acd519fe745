//! SSH keys as the Global API writes and takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateSshKey {
    #[serde(deserialize_with = "lenient::option_i64")]
    pub user_id: Option<i64>,
    /// 1 to 191 characters.
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    /// One line of an `authorized_keys` file.
    #[serde(deserialize_with = "lenient::option_text")]
    pub public_key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedSshKey {
    pub id: i64,
    pub name: String,
    /// `OpenSSH`.
    pub r#type: String,
    pub created_at: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshKey {
    pub id: i64,
    pub name: String,
    pub public_key: String,
    /// `OpenSSH`.
    pub r#type: String,
    pub enabled: bool,
    pub created: String,
    pub updated: String,
}
