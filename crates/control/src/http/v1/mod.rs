//! The Global API, `/api/v1`: the whole URL table. Bearer tokens only, never a cookie.

mod connect;
mod hypervisors;
mod ip_blocks;
mod packages;
mod queue;
mod servers;
mod ssh_keys;
mod templates;
mod tokens;
mod users;

use axum::{Json, Router, extract::DefaultBodyLimit, middleware, routing::get};
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
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::retrieve))
        .routes(routes!(users::by_relation, users::delete))
        .routes(routes!(ssh_keys::create))
        .routes(routes!(ssh_keys::retrieve, ssh_keys::delete))
        .routes(routes!(ssh_keys::of_user))
        .routes(routes!(packages::list, packages::create))
        .routes(routes!(packages::retrieve))
        .routes(routes!(hypervisors::list))
        .routes(routes!(hypervisors::retrieve))
        .routes(routes!(hypervisors::create_enrolment_token))
        .routes(routes!(hypervisors::list_groups, hypervisors::create_group))
        .routes(routes!(hypervisors::retrieve_group))
        .routes(routes!(hypervisors::group_resources))
        .routes(routes!(ip_blocks::create))
        .routes(routes!(templates::list, templates::create))
        .routes(routes!(templates::of_package))
        .routes(routes!(templates::of_server))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(queue::list))
        .routes(routes!(queue::retrieve))
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

/// Bodies that are streamed to disk and have limits of their own.
fn uploads() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(templates::upload))
}

/// The OpenAPI 3.1 document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = operations().into_openapi();
    document.merge(uploads().into_openapi());
    document
}

pub fn router(ctx: &Context) -> Router<Context> {
    let (operations, mut document) = operations().split_for_parts();
    let (uploads, of_uploads) = uploads().split_for_parts();
    document.merge(of_uploads);
    let document = get(move || async move { Json(document) });
    let with_token = operations
        .fallback(|| async { Error::NotFound("operation") })
        .layer(super::body_limit())
        .merge(uploads.layer(DefaultBodyLimit::disable()))
        .layer(middleware::from_fn_with_state(ctx.clone(), auth::authenticate));
    Router::new().route("/openapi.json", document).merge(with_token)
}
