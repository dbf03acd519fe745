//! What operations that remove something ask for.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::lenient;

/// Says that the removal is meant.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Confirm {
    /// Must be true.
    #[serde(deserialize_with = "lenient::bool")]
    pub confirm: bool,
}
