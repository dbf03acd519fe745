//! How often one may ask: by token, and by address where there is no good token.

use berth_control::config::Config;
use berth_store::testing::Database;

use crate::app::App;

async fn with_limits() -> App {
    let limits = |config| Config { requests_per_second: 2, strange_requests_per_second: 1, ..config };
    App::start_with(Database::sqlite(), limits).await
}

/// How many of thirty requests were answered with `status`, and the last refusal's wait.
async fn ask(app: &App, token: &str, status: u16) -> (usize, Option<String>) {
    let (mut answered, mut wait) = (0, None);
    for _ in 0..30 {
        let answer = app.request(token, "GET", "/connect").send().await.unwrap();
        if answer.status() == 429 {
            wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
            let body: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert!(body["message"].is_string(), "{body}");
        } else {
            assert_eq!(answer.status(), status);
            answered += 1;
        }
    }
    (answered, wait)
}

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_how_long_to_wait() {
    let app = with_limits().await;
    assert_eq!(ask(&app, &app.token, 200).await, (20, Some("1".to_owned())), "ten seconds' worth at once");
    app.pass(3_000_000);
    assert_eq!(ask(&app, &app.token, 200).await.0, 6, "then at its rate");
    let other = crate::access::token(&app, &["read"], None).await.1;
    assert_eq!(ask(&app, &other, 200).await.0, 20, "another token has its own");
}

#[tokio::test]
async fn an_address_without_a_good_token_is_limited_and_good_tokens_there_are_not() {
    let app = with_limits().await;
    let wrong = berth_control::http::auth::new_token(app.ctx.rng.as_ref());
    assert_eq!(ask(&app, &wrong, 401).await, (10, Some("1".to_owned())));
    assert_eq!(ask(&app, "", 401).await.0, 0, "it is the address that counts");
    assert_eq!(ask(&app, &app.token, 200).await.0, 20);
    let enrol = reqwest::Client::new().post(format!("{}/node/enrol", app.url));
    let knock = enrol.header("content-type", "application/json").body("{}").send().await.unwrap();
    assert_eq!(knock.status(), 429, "the nodes' door counts too");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(reqwest::get(format!("{}{path}", app.url)).await.unwrap().status(), 200);
    }
}
