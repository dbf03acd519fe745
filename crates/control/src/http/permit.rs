//! Whether whoever asks may: what the table of permissions says of an operation, before its handler runs.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{Error, actor::Actor, http::extract, permissions};

/// Where the operations of the table are.
const PREFIX: &str = "/api/v1";

/// Lets a request pass whose [`Actor`] has what its operation takes, or answers 403.
pub async fn permit(request: Request, next: Next) -> Response {
    if let Err(error) = judge(&request) {
        extract::discard(request.into_body()).await;
        return error.into_response();
    }
    next.run(request).await
}

fn judge(request: &Request) -> Result<(), Error> {
    // What leads to no route is told so behind this.
    let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    let path = path.as_str().strip_prefix(PREFIX).unwrap_or_default();
    let actor = request.extensions().get::<Actor>().ok_or(Error::Unauthenticated)?;
    let method = match request.method().as_str() {
        // Served by the same handler.
        "HEAD" => "GET",
        method => method,
    };
    // A route that is not in the table is nobody's.
    actor.require(permissions::needed(method, path).ok_or(Error::MethodNotAllowed)?)
}
