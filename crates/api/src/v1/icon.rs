//! Icons as Berth writes them.

use serde::Serialize;
use utoipa::ToSchema;

/// A picture that everybody may see.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Icon {
    pub id: i64,
    /// Made of the picture's checksum.
    pub name: String,
    /// Where it is served, on the control server's address.
    pub path: String,
    pub media_type: String,
    pub created: String,
}
