//! Refusals as customers' programs get them: without the numbers by which the control server itself names its work.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use berth_api::customer::refusal::Locked;

use crate::Error;

pub struct Refusal(Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<berth_store::StoreError> for Refusal {
    fn from(error: berth_store::StoreError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self.0 {
            Error::Locked { msg, queue_id: _ } => (StatusCode::LOCKED, Json(Locked { msg })).into_response(),
            error => error.into_response(),
        }
    }
}
