//! The envelope of everything that is not a page of a list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `{"data": ...}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Data<T> {
    pub data: T,
}
