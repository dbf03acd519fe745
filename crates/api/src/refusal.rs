//! What an operation of any API answers instead of what was asked for.

use serde::Serialize;
use utoipa::ToSchema;

/// 401, 403, 429 and 5xx.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// A sentence for a person.
    pub message: String,
}

/// 404: `<thing> not found`. What the token may not see is not there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotFound {
    pub msg: String,
}

/// 409: what the request conflicts with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conflict {
    pub msg: String,
    /// The same sentence, for clients that read only this field.
    pub errors: Vec<String>,
}

/// 422: every reason, as sentences for a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invalid {
    pub errors: Vec<String>,
}
