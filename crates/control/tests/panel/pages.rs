//! The panel's own files: where they are, and what their pages may do.

use berth_control::config::Config;
use berth_store::testing::Database;
use reqwest::{Client, Response, header};

use crate::app::App;

const SHOP: &str = "https://shop.example";

async fn app() -> App {
    let settings = |config| Config { console_origins: vec![SHOP.to_owned(), "; script-src *".to_owned()], ..config };
    App::start_with(Database::sqlite(), settings).await
}

async fn get(app: &App, path: &str) -> Response {
    Client::new().get(format!("{}{path}", app.url)).header("accept", "text/html,*/*").send().await.unwrap()
}

fn named(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The page, or nothing where this program was built without the panel, and says so. `scripts/test` builds it first.
async fn page(app: &App, path: &str) -> Option<(Response, String)> {
    let response = get(app, path).await;
    let (status, policy) = (response.status(), named(&response, "content-security-policy"));
    let again = get(app, path).await;
    assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert_ne!(policy, named(&again, "content-security-policy"), "a nonce is of one answer");
    let text = again.text().await.unwrap();
    if status == 404 {
        assert!(text.contains("built without the panel"), "{text}");
        return None;
    }
    assert_eq!(status, 200, "{path}");
    assert!(!text.contains("__CSP_NONCE__"));
    Some((response, text))
}

#[tokio::test]
async fn a_page_lets_in_what_is_ours_and_is_kept_nowhere() {
    let app = app().await;
    for path in [
        "/",
        "/login",
        "/login?reason=used",
        "/profile",
        "/new",
        "/billing",
        "/server/x",
        "/server/x/console",
        "/server/x/rebuild",
    ] {
        let Some((response, _)) = page(&app, path).await else { continue };
        assert!(named(&response, "content-security-policy").ends_with("frame-ancestors 'none'"), "{path}");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(named(&response, name), value, "{path}: {name}");
        }
        let policy = named(&response, "content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        let text = response.text().await.unwrap();
        assert!(text.contains(&format!("nonce=\"{nonce}\"")), "{path}: its styles carry the nonce");
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains("onload="), "{text}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_come_compressed() {
    let app = app().await;
    let Some((_, text)) = page(&app, "/").await else { return };
    let assets: Vec<&str> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(assets.len() > 2, "{text}");
    let client = Client::new();
    let ask = |path: &str, name: header::HeaderName, value: &str| {
        client.get(format!("{}{path}", app.url)).header(name, value).send()
    };
    for path in assets {
        for (accepted, coding) in [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, identity", "")] {
            let response = ask(path, header::ACCEPT_ENCODING, accepted).await.unwrap();
            assert_eq!((response.status().as_u16(), named(&response, "content-encoding").as_str()), (200, coding));
            assert_eq!(named(&response, "cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(named(&response, "vary"), "accept-encoding");
            assert!(named(&response, "content-type").starts_with("text/"), "{path}");
        }
        let tag = named(&get(&app, path).await, "etag");
        assert_eq!(ask(path, header::IF_NONE_MATCH, &tag).await.unwrap().status(), 304);
        assert_eq!(ask(path, header::IF_NONE_MATCH, "\"another\"").await.unwrap().status(), 200);
    }
    for (path, kind) in [("/favicon.svg", "image/svg+xml"), ("/robots.txt", "text/plain; charset=utf-8")] {
        let response = get(&app, path).await;
        assert_eq!((response.status().as_u16(), named(&response, "content-type").as_str()), (200, kind));
        assert_eq!(named(&response, "cache-control"), "no-cache");
    }
}

#[tokio::test]
async fn t04_no_address_leads_to_another_file() {
    let app = app().await;
    for path in [
        "/assets/nothing.js",
        "/assets/..%2findex.html",
        "/assets/..%2f..%2f..%2fCargo.toml",
        "/assets/%2fetc%2fpasswd",
        "/assets/.gitkeep",
        "/assets/",
    ] {
        let client = Client::new();
        let response = client.get(format!("{}{path}", app.url)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), named(&response, "content-type").as_str()), (404, "application/json"));
    }
}

#[tokio::test]
async fn people_are_told_of_a_wrong_address_by_a_page_and_programs_by_json() {
    let app = app().await;
    let is_built = page(&app, "/").await.is_some();
    let response = get(&app, "/nothing/here").await;
    assert_eq!(response.status(), 404);
    assert_eq!(named(&response, "content-type").starts_with("text/html"), is_built);
    for (path, accept) in [("/nothing/here", "*/*"), ("/api/v1/nothing", "text/html"), ("/api/nothing", "text/html")] {
        let response = Client::new().get(format!("{}{path}", app.url)).header("accept", accept).send().await.unwrap();
        assert!(named(&response, "content-type").starts_with("application/json"), "{path}");
    }
    let posted = Client::new().post(format!("{}/nothing", app.url)).header("accept", "text/html").send().await.unwrap();
    assert_eq!((posted.status().as_u16(), named(&posted, "content-type").as_str()), (404, "application/json"));
}

#[tokio::test]
async fn t15_configured_pages_frame_a_screen_and_no_others() {
    let app = app().await;
    if let Some((response, text)) = page(&app, "/vnc/").await {
        let policy = named(&response, "content-security-policy");
        assert!(policy.ends_with(&format!("frame-ancestors 'self' {SHOP}")), "{policy}");
        assert!(text.contains("/vnc/vnc.js"));
        let script = get(&app, "/vnc/vnc.js").await;
        assert_eq!((script.status().as_u16(), named(&script, "access-control-allow-origin").as_str()), (200, "*"));
        assert_eq!(named(&script, "cross-origin-resource-policy"), "cross-origin");
        assert_eq!(named(&script, "content-type"), "text/javascript; charset=utf-8");
    }
    // With a token it is a socket's address: nothing is shown, and nothing used up.
    for path in ["/vnc/?token=x", "/vnc?token=x", "/vnc/serial"] {
        assert_eq!(get(&app, path).await.status(), 405, "{path}");
    }
    let posted = Client::new().post(format!("{}/vnc/", app.url)).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}
