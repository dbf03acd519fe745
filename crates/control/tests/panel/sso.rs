//! Logins from another site: a pair of tokens, once, within a minute.

use berth_control::clock::SECOND;
use berth_store::testing::Database;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{Answer, Browser},
    rows,
};

berth_store::on_both_databases!(a_pair_logs_its_user_in_once_within_a_minute, a_pair_for_a_server_is_for_its_owner);

async fn pair(app: &App, path: &str) -> Value {
    let (status, body) = app.post(path, json!([])).await;
    assert_eq!(status, 200, "{body}");
    body["data"]["authentication"].clone()
}

/// The browser follows the link, as another site's redirect makes it.
async fn follow(browser: &mut Browser, endpoint: &str) -> Answer {
    let request = browser.request(Method::GET, endpoint).header("referer", "https://shop.example/");
    browser.send(request).await
}

async fn a_pair_logs_its_user_in_once_within_a_minute(database: Database) {
    let app = App::start(database).await;
    let user = json!({ "name": "Jon", "email": "jon@doe.test", "extRelationId": 7, "relStr": "client-7" });
    assert_eq!(app.post("/users", user).await.0, 201);
    let path = "/users/7/authenticationTokens";
    let made = pair(&app, path).await;
    let (first, second) = (made["tokens"]["1"].as_str().unwrap(), made["tokens"]["2"].as_str().unwrap());
    assert!(first.len() == 100 && second.len() == 100 && first != second);
    assert_eq!(made["endpoint"], "/token_authenticate");
    let endpoint = made["endpoint_complete"].as_str().unwrap();
    assert_eq!(endpoint, format!("/token_authenticate/?1={first}&2={second}"));
    assert_eq!(made["expiry"]["ttl"], 60);
    assert_eq!(made["expiry"]["expires"], "2025-01-20T14:01:47.000000Z");

    let refused = async |endpoint: &str, reason: &str| {
        let mut stranger = Browser::new(&app);
        let answer = follow(&mut stranger, endpoint).await;
        let wanted = format!("/login?reason={reason}");
        assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, wanted.as_str()), "{endpoint}");
        assert_eq!(stranger.cookie, None);
    };
    for endpoint in [
        "/token_authenticate/".to_owned(),
        format!("/token_authenticate/?1={first}"),
        format!("/token_authenticate/?1={first}&2={first}"),
        format!("/token_authenticate?1={second}&2={first}"),
        format!("/token_authenticate/?1={first}x&2={second}"),
    ] {
        refused(&endpoint, "unknown").await;
    }
    // A double click: one of them is in.
    let clicks = (0..8).map(|_| {
        let app = &app;
        async move {
            let mut browser = Browser::new(app);
            let answer = follow(&mut browser, endpoint).await;
            (answer, browser)
        }
    });
    let (landed, late): (Vec<_>, Vec<_>) =
        join_all(clicks).await.into_iter().partition(|(_, browser)| browser.cookie.is_some());
    assert_eq!((landed.len(), late.len()), (1, 7));
    let (answer, mut browser) = landed.into_iter().next().unwrap();
    assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, "/"));
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(browser.get("/session").await.body["data"]["user"]["email"], "jon@doe.test");
    refused(endpoint, "used").await;

    let made = pair(&app, "/users/client-7/authenticationTokens?relStr=true").await;
    app.pass(60 * SECOND);
    refused(made["endpoint_complete"].as_str().unwrap(), "expired").await;
    let made = pair(&app, path).await;
    assert_eq!(app.put("/users/7/byExtRelation", json!({ "enabled": false })).await.0, 201);
    refused(made["endpoint_complete"].as_str().unwrap(), "suspended").await;
    assert_eq!(app.post("/users/8/authenticationTokens", json!({})).await.1["msg"], "ext_relation_id not found");
    let audited = app.get("/audit?action=create_login_tokens").await.1;
    assert_eq!(audited["total"], 3);
    assert!(!audited.to_string().contains(first), "tokens are written nowhere");
}

async fn a_pair_for_a_server_is_for_its_owner(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let user = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    let mary = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    let id = company.built_server(&app).await;
    let path = format!("/users/7/serverAuthenticationTokens/{id}");
    assert_eq!(app.post(&path, json!({})).await, (404, json!({ "msg": "server not found" })));
    assert_eq!(app.put(&format!("/servers/{id}/owner/{mary}"), json!({})).await.0, 201);
    let made = pair(&app, &path).await;
    let mut browser = Browser::new(&app);
    let answer = follow(&mut browser, made["endpoint_complete"].as_str().unwrap()).await;
    let uuid = app.get(&format!("/servers/{id}")).await.1["data"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(answer.headers["location"], format!("/server/{uuid}"));
    assert_eq!(browser.get(&format!("/servers/{uuid}")).await.status, 200);
    // Given away between the two, it is nobody's page to land on.
    let made = pair(&app, &path).await;
    assert_eq!(app.put(&format!("/servers/{id}/owner/{}", company.user), json!({})).await.0, 201);
    let answer = follow(&mut Browser::new(&app), made["endpoint_complete"].as_str().unwrap()).await;
    assert_eq!(answer.headers["location"], "/");
    assert_eq!(browser.get(&format!("/servers/{uuid}")).await.status, 404);
}
