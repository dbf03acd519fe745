//! The panel's own files, which are in this program: pages with a policy of their own each time, assets for ever.
//!
//! `make build` makes them before the program (`scripts/web`). A program that was built without them says so instead.

use std::borrow::Cow;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::{Embed, EmbeddedFile};

use crate::{Context, Error};

#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Stands in the pages where the nonce goes.
const NONCE_PLACE: &str = "__CSP_NONCE__";
/// Letters and digits: 130 bits.
const NONCE_LETTERS: usize = 22;
/// Names of assets have a hash of what is in them.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const NEVER_KEPT: HeaderValue = HeaderValue::from_static("no-store");
/// How the build compressed a file, best first: the coding's name and the end of the file's.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Berth</title><h1>Berth</h1>\
    <p>This program was built without the panel. <code>make build</code> builds both.</p>\
    <p><a href=\"/api/docs/\">The API</a> works all the same.</p></html>\n";

/// The panel's addresses; `web/src/router.tsx` has what is behind each.
pub fn router() -> Router<Context> {
    Router::new()
        .route("/", get(page))
        .route("/login", get(page))
        .route("/forgotten", get(page))
        .route("/new-password", get(page))
        .route("/server/{uuid}", get(page))
        .route("/server/{uuid}/{room}", get(page))
        .route("/profile", get(page))
        .route("/new", get(page))
        .route("/billing", get(page))
        .route("/assets/{file}", get(asset))
        .route("/favicon.svg", get(|headers: HeaderMap| async move { known("favicon.svg", &headers) }))
        .route("/robots.txt", get(|headers: HeaderMap| async move { known("robots.txt", &headers) }))
        .route("/vnc/vnc.js", get(viewer_script))
}

async fn page(State(ctx): State<Context>) -> Response {
    document(&ctx, StatusCode::OK, "index.html", "'none'")
}

/// What no door is at: people get a page that says so, programs JSON.
pub async fn unknown(State(ctx): State<Context>, request: Request) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_for_people = request.method() == Method::GET && accepts.contains("text/html");
    if !is_for_people || request.uri().path().starts_with("/api") || Dist::get("index.html").is_none() {
        return Error::NotFound("page").into_response();
    }
    document(&ctx, StatusCode::NOT_FOUND, "index.html", "'none'")
}

/// The page that shows a screen and nothing else. Configured pages may frame it.
pub fn viewer(ctx: &Context) -> Response {
    document(ctx, StatusCode::OK, "viewer.html", &ancestors(&ctx.config.console_origins))
}

/// Origins as a policy says them; what is none would end the policy early and is left out.
fn ancestors(origins: &[String]) -> String {
    let origin = |text: &String| {
        let url = url::Url::parse(text).ok()?;
        url.origin().is_tuple().then(|| url.origin().ascii_serialization())
    };
    let origins: Vec<String> = origins.iter().filter_map(origin).collect();
    if origins.is_empty() { "'none'".to_owned() } else { format!("'self' {}", origins.join(" ")) }
}

fn document(ctx: &Context, status: StatusCode, name: &str, ancestors: &str) -> Response {
    let nonce = ctx.rng.letters_and_digits(NONCE_LETTERS);
    let (status, text) = match Dist::get(name) {
        Some(file) => (status, String::from_utf8_lossy(&file.data).replace(NONCE_PLACE, &nonce)),
        None => (StatusCode::NOT_FOUND, NOT_BUILT.to_owned()),
    };
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, NEVER_KEPT);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    // Of letters, digits and origins only.
    let policy = HeaderValue::from_str(&policy(&nonce, ancestors)).unwrap_or(HeaderValue::from_static(CLOSED));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    with_type_believed(response)
}

const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=(), fullscreen=*");
const CLOSED: &str = "default-src 'none'";

/// What a page may load and talk to: this host, and nothing else. Styles that scripts make carry the nonce; no script
/// is in a page, and none is made of text.
fn policy(nonce: &str, ancestors: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    if name.contains('/') {
        return Error::NotFound("file").into_response();
    }
    let mut response = known(&format!("assets/{name}"), &headers);
    if response.status().is_success() {
        response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    }
    response
}

/// Shops' pages load it, also as a module, from another origin. It holds nothing that is anybody's.
async fn viewer_script(headers: HeaderMap) -> Response {
    let mut response = known("vnc.js", &headers);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let everybody = HeaderValue::from_static("cross-origin");
    response.headers_mut().insert(HeaderName::from_static("cross-origin-resource-policy"), everybody);
    response
}

/// A file, in a coding that the client takes; nothing where it has it already.
fn known(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Dist::get(name) else { return Error::NotFound("file").into_response() };
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if asked.is_some_and(|asked| asked.split(',').any(|one| one.trim() == tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let taken = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        coded(name, file, taken)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    with_type_believed(response)
}

fn coded(name: &str, file: EmbeddedFile, taken: &str) -> Response {
    let coding = CODINGS.into_iter().filter(|(coding, _)| takes(taken, coding));
    let found = coding.filter_map(|(coding, end)| Some((coding, Dist::get(&format!("{name}{end}"))?))).next();
    let (coding, data) = match found {
        Some((coding, file)) => (Some(coding), file.data),
        None => (None, file.data),
    };
    let mut response = match data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    }
    .into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, content_type(name));
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether `Accept-Encoding` names a coding and does not refuse it (RFC 9110, 12.5.3).
fn takes(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |text| text.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case(coding) && weight > 0.0
    })
}

fn content_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

fn with_type_believed(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_get_into_the_policy() {
        let of = |origins: &[&str]| ancestors(&origins.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), "'none'");
        assert_eq!(of(&["https://shop.example/"]), "'self' https://shop.example");
        assert_eq!(
            of(&["https://a.example", "https://b.example:8443"]),
            "'self' https://a.example https://b.example:8443"
        );
        assert_eq!(of(&["*", "data:text/html,x", "; script-src *", "https://x.example; script-src *"]), "'none'");
    }

    #[test]
    fn a_coding_is_taken_that_the_client_names() {
        for (accepted, coding, taken) in [
            ("gzip, deflate, br, zstd", "br", true),
            ("gzip;q=1.0, br;q=0.5", "br", true),
            ("br;q=0, gzip", "br", false),
            ("br;q=0.000", "br", false),
            ("", "gzip", false),
            ("identity", "gzip", false),
        ] {
            assert_eq!(takes(accepted, coding), taken, "{accepted}");
        }
    }
}
