//! The audit log as Berth writes it.

use serde::Serialize;
use utoipa::ToSchema;

/// One change: who, from where, what, before and after. Never with a secret.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: i64,
    pub at: String,
    pub actor: AuditActor,
    /// The address that the request came from; null for what the control server did by itself.
    pub address: Option<String>,
    /// As the answer's `X-Request-Id` and the log say it.
    pub request_id: Option<String>,
    /// What was done, as in `create_server`.
    pub action: String,
    pub subject: AuditSubject,
    /// Null where something was made.
    pub before: Option<serde_json::Value>,
    /// Null where something was removed.
    pub after: Option<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `token`, `user` (somebody in the panel), `node` or `system`.
    pub r#type: String,
    /// The token's or the user's.
    pub id: Option<i64>,
    /// Whose token it is, or who it was.
    pub user_id: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditSubject {
    /// As in `server`.
    pub r#type: String,
    pub id: Option<i64>,
}
