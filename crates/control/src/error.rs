//! What an action can answer instead of what was asked for, and the one place that turns it into HTTP.
//!
//! The shapes are those that billing modules read: `message` for 401, 403, 429 and 5xx, `msg` for 404, 409 and 423,
//! and for 422 `errors`, a flat list of sentences.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use berth_store::{AsStoreError, StoreError};
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Unauthenticated.")]
    Unauthenticated,
    /// The password was right.
    #[error("{}", if *.is_wrong { "The code is wrong, or was used already." } else { "A second factor is needed." })]
    SecondFactor { is_wrong: bool },
    #[error("{0}")]
    Forbidden(&'static str),
    /// Whoever logged in has to prove that it is still them, by one of these.
    #[error("Please prove again that it is you.")]
    Proof { by: Vec<&'static str> },
    /// The thing's name, as in "server": a billing module takes `server not found` as already gone.
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("this path does not answer to that method")]
    MethodNotAllowed,
    #[error("{0}")]
    Conflict(String),
    /// Sentences that name the field and what is allowed.
    #[error("{}", .0.join(" "))]
    Invalid(Vec<String>),
    /// Other work owns the server; `queue_id` is that work.
    #[error("{msg}")]
    Locked { msg: String, queue_id: Option<i64> },
    #[error("Too Many Attempts.")]
    TooMany { retry_after_s: u64 },
    /// A part that this needs does not answer now.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("internal: {0}")]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// A single sentence for 422.
    pub fn invalid(sentence: impl Into<String>) -> Self {
        Error::Invalid(vec![sentence.into()])
    }
}

impl AsStoreError for Error {
    fn as_store_error(&self) -> Option<&StoreError> {
        match self {
            Error::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let text = self.to_string();
        let (status, body) = match self {
            Error::Unauthenticated => (StatusCode::UNAUTHORIZED, json!({ "message": text })),
            Error::SecondFactor { .. } => (StatusCode::UNAUTHORIZED, json!({ "message": text, "secondFactor": true })),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, json!({ "message": text })),
            Error::Proof { by } => (StatusCode::FORBIDDEN, json!({ "message": text, "needs": "proof", "by": by })),
            Error::NotFound(_) => (StatusCode::NOT_FOUND, json!({ "msg": text })),
            Error::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, json!({ "message": text })),
            Error::Conflict(_) => (StatusCode::CONFLICT, json!({ "msg": text, "errors": [text] })),
            Error::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, json!({ "errors": errors })),
            Error::Locked { queue_id, .. } => (StatusCode::LOCKED, json!({ "msg": text, "queueId": queue_id })),
            Error::TooMany { retry_after_s } => {
                let mut response = (StatusCode::TOO_MANY_REQUESTS, Json(json!({ "message": text }))).into_response();
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
                return response;
            }
            Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": text })),
            Error::Store(StoreError::Busy(why)) => {
                tracing::warn!(why, "the database stayed busy");
                (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": "The database is busy. Please try again." }))
            }
            Error::Store(why @ (StoreError::Full(_) | StoreError::Away(_))) => {
                tracing::error!(%why, "the database can't be used");
                (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": "The database can't be used at the moment." }))
            }
            // The cause may hold what a caller must not see, so it goes to the log only.
            Error::Store(_) | Error::Internal(_) => {
                tracing::error!(error = %text, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": "Server Error" }))
            }
        };
        (status, Json(body)).into_response()
    }
}
