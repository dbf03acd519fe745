//! The Global API, `/api/v1`: the whole URL table. Bearer tokens only, never a cookie.

mod connect;
mod servers;

use axum::{Json, Router, middleware, routing::get};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Context, Error, http::auth};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Berth Global API",
        description = "What billing systems drive Berth with. Every operation takes a bearer token.",
        license(name = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    security(("bearer" = []))
)]
struct Document;

/// Operations and their addresses, one line each.
fn operations() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(connect::test))
        .routes(routes!(servers::create::create, servers::list::list))
        .routes(routes!(servers::list::of_user))
        .routes(routes!(servers::retrieve::retrieve, servers::delete::delete))
        .routes(routes!(servers::delete::cancel))
        .routes(routes!(servers::build::build))
        .routes(routes!(servers::power::boot))
        .routes(routes!(servers::power::shutdown))
        .routes(routes!(servers::power::restart))
        .routes(routes!(servers::power::poweroff))
        .routes(routes!(servers::build::reset_password))
        .routes(routes!(servers::console::vnc, servers::console::switch_vnc))
        .routes(routes!(servers::console::serial))
}

/// The OpenAPI 3.1 document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    operations().into_openapi()
}

pub fn router(ctx: &Context) -> Router<Context> {
    let (operations, document) = operations().split_for_parts();
    let document = get(move || async move { Json(document) });
    let with_token = operations
        .fallback(|| async { Error::NotFound("operation") })
        .layer(super::body_limit())
        .layer(middleware::from_fn_with_state(ctx.clone(), auth::authenticate));
    Router::new().route("/openapi.json", document).merge(with_token)
}
