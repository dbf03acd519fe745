//! The documentation of the two APIs for programs, for people, at `/api/docs/`: Swagger UI over their documents, out of the
//! binary alone.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use crate::Context;

pub const PATH: &str = "/api/docs";

/// What the page may load and talk to: this host, and nothing else. It may not be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

pub fn router() -> Router<Context> {
    let documents =
        [Url::with_primary("Global API", "/api/v1/openapi.json", true), Url::new("Customer API", "/api/openapi.json")];
    let config = Config::new(documents).try_it_out_enabled(true).persist_authorization(false);
    let page = Router::from(SwaggerUi::new(PATH).config(config));
    HEADERS.into_iter().fold(page, |page, (name, value)| {
        page.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
    })
}
