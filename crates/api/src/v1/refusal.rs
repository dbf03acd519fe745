//! What an operation answers while other work owns the server; the rest is every API's (`crate::refusal`).

use serde::Serialize;
use utoipa::ToSchema;

/// 423: other work owns the server, or it is suspended or protected.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Locked {
    pub msg: String,
    /// The queue item that has to end first, where there is one.
    pub queue_id: Option<i64>,
}
