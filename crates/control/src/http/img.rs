//! `/img/logo/<icon>`: pictures of templates and groups, for everybody. Billing modules link to them.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};

use crate::{Context, Error, actions::icons};

/// Where icons are served.
pub const LOGOS: &str = "/img/logo/";

/// A name stands for one picture for ever, so that it is asked for once; and whatever it holds, it runs nothing.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "public, max-age=86400"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

pub fn router() -> Router<Context> {
    Router::new().route("/img/logo/{icon}", get(logo))
}

async fn logo(State(ctx): State<Context>, Path(name): Path<String>) -> Result<impl IntoResponse, Error> {
    let picture = icons::picture(&ctx, &name).await?;
    Ok((HEADERS, [(header::CONTENT_TYPE, picture.media_type)], picture.bytes))
}
