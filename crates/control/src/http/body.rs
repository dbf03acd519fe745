//! Bodies of requests: bounded, and read whole before anything looks at them.
//!
//! A server that answers while a client still sends closes the connection, and the client takes that for an outage
//! instead of reading the answer. So what is too large is read on for a while and thrown away.

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;

use crate::Error;

/// A body that is larger is refused; images go through their own door.
pub const BODY_LIMIT_BYTES: usize = 1 << 20;
/// Who sends more is not heard out.
const PATIENCE_BYTES: usize = 16 << 20;

pub async fn limited(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (mut pieces, mut bytes, mut length) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Error::invalid(format!("The body was cut off: {error}.")).into_response(),
        };
        length += piece.len();
        if length <= BODY_LIMIT_BYTES {
            bytes.extend_from_slice(&piece);
        } else if length > PATIENCE_BYTES {
            break;
        }
    }
    if length > BODY_LIMIT_BYTES {
        return Error::invalid(format!("The body is larger than {BODY_LIMIT_BYTES} bytes.")).into_response();
    }
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}
