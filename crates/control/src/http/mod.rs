//! HTTP: thin doors. A handler parses, calls an action and converts; nothing is decided here.

pub mod address;
pub mod auth;
pub mod extract;
mod node;
pub mod page;
mod serve;
pub mod v1;
mod vnc;

use std::time::Duration;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower::{Layer, ServiceBuilder};
use tower_http::{
    catch_panic::CatchPanicLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use crate::{Context, Error};

pub use serve::{certificate_files, serve};

/// A body that is larger is refused; images go through their own door.
pub const BODY_LIMIT_BYTES: usize = 1 << 20;
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// Everything that is served over TLS.
pub fn router(ctx: &Context) -> Router {
    let doors = Router::new()
        .nest("/api/v1", v1::router(ctx))
        .route("/node/enrol", axum::routing::post(node::enrol))
        .merge(vnc::router())
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(|| async { Error::NotFound("page") })
        .with_state(ctx.clone());
    // Routing looks at the path before any layer of the router, so the trailing slash goes outside of it.
    let trimmed = tower::util::MapRequestLayer::new(without_trailing_slash).layer(doors);
    Router::new().fallback_service(trimmed).layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(TraceLayer::new_for_http().make_span_with(span))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(middleware::from_fn(json_for_bare_errors))
            .layer(CatchPanicLayer::custom(|_| Error::Internal(anyhow::anyhow!("a handler panicked")).into_response()))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_LIMIT)),
    )
}

/// For small bodies; the image door has a limit of its own.
pub fn body_limit() -> RequestBodyLimitLayer {
    RequestBodyLimitLayer::new(BODY_LIMIT_BYTES)
}

async fn ready(State(ctx): State<Context>) -> Result<&'static str, Error> {
    berth_store::setting::get(ctx.store.read(), "cluster_uuid").await?;
    Ok("ready\n")
}

fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

/// `POST /servers/` is `POST /servers`, without a redirect, for every path and method.
fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let path = uri.path();
    if path.len() > 1 && path.ends_with('/') && path.starts_with("/api/") {
        let trimmed = path.trim_end_matches('/');
        let text = uri.query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
        if let Ok(uri) = text.parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Answers that a layer or the router made without a body get the JSON that clients expect.
async fn json_for_bare_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let bare =
        response.headers().get("content-type").is_none_or(|kind| !kind.as_bytes().starts_with(b"application/json"));
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED if bare => Error::MethodNotAllowed.into_response(),
        StatusCode::PAYLOAD_TOO_LARGE if bare => {
            Error::invalid(format!("The body is larger than {BODY_LIMIT_BYTES} bytes.")).into_response()
        }
        StatusCode::SERVICE_UNAVAILABLE if bare => {
            Error::Unavailable("The request took too long.".to_owned()).into_response()
        }
        _ => response,
    }
}
