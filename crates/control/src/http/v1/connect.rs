//! Whether the address and the token are right.

use axum::Json;
use serde_json::Value;

/// Test the connection.
#[utoipa::path(get, path = "/connect", tag = "General",
    responses((status = 200, description = "The token is right.", body = Vec<Value>)))]
pub async fn test() -> Json<[Value; 0]> {
    Json([])
}
