//! Letters to users, as far as they are told of: never what is in one.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    pub id: i64,
    /// The user may be gone by now.
    pub user_id: i64,
    pub recipient: String,
    /// What it tells, as in `server_built`.
    pub kind: String,
    /// `waiting`, `sent` or `given_up`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Why the last try failed.
    pub error: Option<String>,
    pub created: String,
    /// When it is tried next.
    pub due: Option<String>,
    pub sent: Option<String>,
}
