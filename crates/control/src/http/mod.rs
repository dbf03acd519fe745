//! HTTP: thin doors. A handler parses, calls an action and converts; nothing is decided here.

pub mod address;
pub mod auth;
mod body;
pub mod customer;
mod docs;
pub mod extract;
pub mod health;
mod img;
mod node;
pub mod node_install;
mod observe;
mod origin;
pub mod page;
pub mod panel;
mod permit;
mod serve;
pub mod streams;
pub mod v1;
mod vnc;

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower::{Layer, ServiceBuilder};
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use crate::{Context, Error};

pub use serve::{certificate_files, serve};

/// Whether a statement that is downloaded is `final` or `provisional`.
pub const STATEMENT_STATUS: HeaderName = HeaderName::from_static("statement-status");
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// Everything that is served over TLS.
pub fn router(ctx: &Context) -> Router {
    let doors = Router::new()
        .nest("/api/v1", v1::router(ctx))
        .nest("/api", customer::router(ctx))
        .merge(docs::router())
        .merge(node::router().layer(time_limit()))
        .merge(node_install::router().layer(time_limit()))
        .merge(vnc::router())
        .nest("/panel/api", panel::router(ctx))
        .merge(panel::sso::router().layer(time_limit()))
        .merge(panel::sign_on::router().layer(time_limit()))
        .merge(img::router().layer(time_limit()))
        .merge(panel::assets::router().layer(time_limit()))
        .merge(health::router())
        .fallback(panel::assets::unknown)
        .layer(middleware::from_fn(observe::measure))
        .with_state(ctx.clone());
    // Routing looks at the path before any layer of the router, so the trailing slash goes outside of it.
    let trimmed = tower::util::MapRequestLayer::new(without_trailing_slash).layer(doors);
    Router::new().fallback_service(trimmed).layer(
        ServiceBuilder::new()
            .layer(tower::util::MapRequestLayer::new(observe::without_strange_id))
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(TraceLayer::new_for_http().make_span_with(observe::span).on_request(()).on_response(()))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(middleware::from_fn(json_for_bare_errors))
            .layer(CatchPanicLayer::custom(|_| Error::Internal(anyhow::anyhow!("a handler panicked")).into_response())),
    )
}

/// How long a request may take; an image takes what its size needs, and has limits of its own.
pub fn time_limit() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_LIMIT)
}

/// `POST /servers/` is `POST /servers`, without a redirect, for every path and method.
fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let path = uri.path();
    // A page's own files are found from the address with the slash.
    if path.ends_with('/')
        && (path.starts_with("/api/") || path == panel::sso::PATH_WITH_SLASH)
        && !path.starts_with(docs::PATH)
    {
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
        StatusCode::SERVICE_UNAVAILABLE if bare => {
            Error::Unavailable("The request took too long.".to_owned()).into_response()
        }
        _ => response,
    }
}
