//! The customer API, `/api`: the whole URL table. Customers' own bearer tokens only, never a cookie, and never a token of
//! the Global API.

mod account;
mod caller;
mod console;
mod convert;
mod orders;
mod refusal;
mod servers;
mod tasks;

use axum::{Json, Router, middleware, routing::get};
use berth_api::{
    customer::refusal::Locked,
    refusal::{Conflict, Invalid, Message, NotFound},
};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Context, Error, http::v1::document};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Berth customer API",
        description = "What customers' own programs do with their servers. Every operation takes a bearer token that its customer made in the panel; things are named by UUIDs.",
        license(name = "Apache-2.0")
    ),
    servers((url = "/api")),
    security(("bearer" = [])),
    components(schemas(Message, NotFound, Conflict, Invalid, Locked))
)]
struct Head;

/// Operations and their addresses, one line each.
fn operations() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(account::connect))
        .routes(routes!(account::retrieve))
        .routes(routes!(account::keys, account::add_key))
        .routes(routes!(account::remove_key))
        .routes(routes!(servers::list))
        .routes(routes!(servers::retrieve))
        .routes(routes!(servers::traffic))
        .routes(routes!(servers::templates))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::retrieve))
        .routes(routes!(orders::boot))
        .routes(routes!(orders::shutdown))
        .routes(routes!(orders::restart))
        .routes(routes!(orders::poweroff))
        .routes(routes!(orders::build))
        .routes(routes!(orders::reset_password))
        .routes(routes!(orders::rename))
        .routes(routes!(console::vnc, console::switch_vnc))
        .routes(routes!(console::serial))
}

/// The OpenAPI 3.1 document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document::complete(operations().split_for_parts().1)
}

pub fn router(ctx: &Context) -> Router<Context> {
    let (operations, _) = operations().split_for_parts();
    let document = openapi();
    let document = get(move || async move { Json(document) });
    let with_token = operations
        .fallback(|| async { Error::NotFound("operation") })
        .layer(middleware::from_fn(super::body::limited))
        .layer(super::time_limit())
        .layer(middleware::from_fn_with_state(ctx.clone(), caller::authenticate));
    Router::new().route("/openapi.json", document).merge(with_token)
}
