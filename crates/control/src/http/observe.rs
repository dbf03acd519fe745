//! What is seen of requests: their ids, a line in the log, and figures for Prometheus.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, Method},
    middleware::Next,
    response::Response,
};

use crate::trail::Trail;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ones than this are no ids.
const ID_LIMIT: usize = 64;

/// A client may name its request, by a name that can stand in a log and in the audit log.
pub fn without_strange_id(mut request: Request) -> Request {
    let sound = |id: &[u8]| {
        (1..=ID_LIMIT).contains(&id.len()) && id.iter().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
    };
    if request.headers().get(&REQUEST_ID).is_some_and(|id| !sound(id.as_bytes())) {
        request.headers_mut().remove(&REQUEST_ID);
    }
    request
}

pub fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned)
}

/// All that is logged below a request has its id; `token` is filled in when it is known.
pub fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", id, %method, path, token = tracing::field::Empty)
}

/// Counts and times a request by its route, and logs how it ended: changes always, reads for those who want to see
/// them. The path of no route is not counted by itself, or anybody could make figures without end.
pub async fn measure(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let trail = Trail::of_request(request_id(request.headers()));
    let response = trail.follow(next.run(request)).await;
    let (took, status) = (begun.elapsed(), response.status().as_u16());
    let name = known(&method);
    metrics::counter!("berth_http_requests_total", "method" => name, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("berth_http_request_seconds", "method" => name, "route" => route).record(took.as_secs_f64());
    let took_ms = took.as_secs_f64() * 1e3;
    if matches!(name, "GET" | "HEAD" | "OPTIONS") && status < 500 {
        tracing::debug!(status, took_ms, "answered");
    } else {
        tracing::info!(status, took_ms, "answered");
    }
    response
}

fn known(method: &Method) -> &'static str {
    ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]
        .into_iter()
        .find(|name| *name == method.as_str())
        .unwrap_or("other")
}
