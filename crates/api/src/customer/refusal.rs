//! What an operation answers instead of what was asked for.

use serde::Serialize;
use utoipa::ToSchema;

/// 401, 403, 429 and 5xx.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// A sentence for a person.
    pub message: String,
}

/// 404: `<thing> not found`. A server of somebody else's is no other than one that there is not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotFound {
    pub msg: String,
}

/// 409: what the request conflicts with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conflict {
    pub msg: String,
    /// The same sentence.
    pub errors: Vec<String>,
}

/// 422: every reason, as sentences for a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invalid {
    pub errors: Vec<String>,
}

/// 423: other work owns the server, or it is suspended or protected.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Locked {
    pub msg: String,
}
