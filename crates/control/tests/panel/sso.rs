//! Logins from another site: a pair of tokens, once, within a minute.

use berth_control::{
    actions::{arrivals::WAIT_LIFE, second_factors::CODE_FAILURES},
    clock::SECOND,
    config::Config,
};
use berth_store::testing::Database;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    browser::{Answer, Browser, PASSWORD, give_password, logged_in},
    factors::{shows, switched_on, wrong},
    rows,
};

berth_store::on_both_databases!(
    a_pair_logs_its_user_in_once_within_a_minute,
    a_pair_for_a_server_is_for_its_owner,
    whom_another_site_vouches_for_has_proved_nothing,
    t05_another_sites_word_is_no_second_factor,
    t05_codes_are_not_guessed_by_way_of_another_site,
    whoever_arrives_is_judged_as_they_are_then,
);

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

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p mary";

/// With a customer, Mary, whose relation is 7, and who has a password.
async fn with_mary(database: Database) -> (App, i64) {
    let settings = |config| Config { strange_requests_per_second: 0, ..with_mail(config) };
    let app = App::start_with(database, settings).await;
    let user = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    let mary = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    give_password(&app, mary).await;
    (app, mary)
}

/// A browser that another site sent.
async fn arrived(app: &App) -> (Answer, Browser) {
    let made = pair(app, "/users/7/authenticationTokens").await;
    let mut browser = Browser::new(app);
    let answer = follow(&mut browser, made["endpoint_complete"].as_str().unwrap()).await;
    (answer, browser)
}

fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

async fn show(browser: &mut Browser, code: &str) -> Answer {
    let answer = browser.call("POST", "/session/code", Some(json!({ "code": code }))).await;
    if answer.status == 200 {
        browser.csrf = answer.body["data"]["csrf"].as_str().unwrap().to_owned();
    }
    answer
}

async fn add_key(browser: &mut Browser) -> u16 {
    browser.call("POST", "/keys", Some(json!({ "name": "laptop", "publicKey": KEY }))).await.status
}

async fn whom_another_site_vouches_for_has_proved_nothing(database: Database) {
    let (app, _) = with_mary(database).await;
    let (_, mut browser) = arrived(&app).await;
    browser.csrf = browser.get("/session").await.body["data"]["csrf"].as_str().unwrap().to_owned();
    assert_eq!(browser.get("/keys").await.status, 200);
    assert_eq!(add_key(&mut browser).await, 403);
    browser.prove().await;
    assert_eq!(add_key(&mut browser).await, 201);
    // The first of all is their own; one from elsewhere is told, as of any login.
    assert_eq!(app.mailed().await, [] as [&str; 0]);
    let made = pair(&app, "/users/7/authenticationTokens").await;
    let mut elsewhere = Browser::new(&app);
    elsewhere.user_agent = "Lynx".to_owned();
    follow(&mut elsewhere, made["endpoint_complete"].as_str().unwrap()).await;
    assert!(elsewhere.cookie.is_some());
    assert_eq!(app.mailed().await, ["sign_in"]);
}

async fn t05_another_sites_word_is_no_second_factor(database: Database) {
    let (app, mary) = with_mary(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    assert_eq!(app.put(&format!("/servers/{id}/owner/{mary}"), json!({})).await.0, 201);
    let uuid = app.get(&format!("/servers/{id}")).await.1["data"]["uuid"].as_str().unwrap().to_owned();
    let mut owner = logged_in(&app, "mary@doe.test").await;
    let (secret, codes) = switched_on(&app, &mut owner).await;
    app.pass(30 * SECOND);

    let made = pair(&app, &format!("/users/7/serverAuthenticationTokens/{id}")).await;
    let endpoint = made["endpoint_complete"].as_str().unwrap();
    let mut browser = Browser::new(&app);
    browser.user_agent = "Lynx".to_owned();
    let answer = follow(&mut browser, endpoint).await;
    assert_eq!((answer.status, location(&answer)), (303, &*format!("/login?reason=code&next=/server/{uuid}")));
    let waiting = browser.cookie.clone().unwrap();
    assert!(waiting.starts_with("__Host-berth-arrival="), "{waiting}");
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("; Max-Age=600; Secure; HttpOnly; SameSite=Lax"), "{set}");
    assert_eq!(location(&follow(&mut Browser::new(&app), endpoint).await), "/login?reason=used", "the pair is taken");
    let as_session = waiting.replace("__Host-berth-arrival=", "__Host-berth=");
    for cookie in [&waiting, &as_session] {
        browser.cookie = Some(cookie.clone());
        assert_eq!(browser.get("/session").await.status, 401, "nobody is logged in");
    }
    browser.cookie = Some(waiting.clone());
    assert_eq!(owner.get("/sessions").await.body["data"].as_array().unwrap().len(), 1);

    for code in ["", &wrong(&app, &secret)] {
        let refused = show(&mut browser, code).await;
        assert_eq!((refused.status, &refused.body["secondFactor"]), (401, &json!(true)), "{code:?}");
    }
    let nothing = show(&mut Browser::new(&app), &shows(&app, &secret)).await;
    assert_eq!((nothing.status, &nothing.body), (401, &json!({ "message": "Unauthenticated." })));
    let foreign = browser.request(Method::POST, "/panel/api/session/code").header("origin", "https://evil.example");
    let body = json!({ "code": shows(&app, &secret) }).to_string();
    assert_eq!(browser.send(foreign.body(body)).await.status, 403);

    // Four at once with two codes that hold: one of them is in.
    let tries = (0..4).map(|n| {
        let (app, waiting) = (&app, waiting.clone());
        let code = if n % 2 == 0 { shows(app, &secret) } else { codes[0].clone() };
        async move {
            let mut tab = Browser::new(app);
            (tab.cookie, tab.user_agent) = (Some(waiting), "Lynx".to_owned());
            let answer = show(&mut tab, &code).await;
            (answer, tab)
        }
    });
    let (inside, outside): (Vec<_>, Vec<_>) =
        join_all(tries).await.into_iter().partition(|(answer, _)| answer.status == 200);
    assert_eq!((inside.len(), outside.len()), (1, 3));
    let (answer, mut inside) = inside.into_iter().next().unwrap();
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("__Host-berth=") && cookies[1].starts_with("__Host-berth-arrival=;"), "{cookies:?}");
    assert_eq!(inside.get(&format!("/servers/{uuid}")).await.status, 200);
    assert_eq!(add_key(&mut inside).await, 201, "a code was shown, which is a proof");
    assert_eq!(show(&mut browser, &codes[1]).await.status, 401, "it waits no more");
    assert_eq!(app.mailed().await, ["sign_in"], "told once somebody is in");
    let audited = app.get("/audit?action=log_in").await.1.to_string();
    assert!(audited.contains("another site and second factor"), "{audited}");
    assert_eq!(app.get("/audit?action=log_in_refused").await.1["total"], json!(1 + refused_codes(&outside)));

    app.pass(30 * SECOND);
    let (_, mut late) = arrived(&app).await;
    app.pass(WAIT_LIFE);
    let answer = show(&mut late, &shows(&app, &secret)).await;
    assert_eq!((answer.status, &answer.body["secondFactor"]), (401, &Value::Null));
}

/// How many of them were told that their code was wrong, and not that nothing waited any more.
fn refused_codes(outside: &[(Answer, Browser)]) -> usize {
    outside.iter().filter(|(answer, _)| answer.body["secondFactor"] == true).count()
}

async fn t05_codes_are_not_guessed_by_way_of_another_site(database: Database) {
    let (app, _) = with_mary(database).await;
    let mut owner = logged_in(&app, "mary@doe.test").await;
    let (secret, _) = switched_on(&app, &mut owner).await;
    app.pass(30 * SECOND);
    for guess in 0..CODE_FAILURES {
        let (_, mut browser) = arrived(&app).await;
        assert_eq!(show(&mut browser, &wrong(&app, &secret)).await.status, 401, "{guess}");
    }
    let (_, mut browser) = arrived(&app).await;
    assert_eq!(show(&mut browser, &shows(&app, &secret)).await.status, 429, "over all pairs");
    // Whoever got hold of the account at the shop must not lock its owner out here.
    let login = json!({ "email": "mary@doe.test", "password": PASSWORD, "code": shows(&app, &secret) });
    assert_eq!(Browser::new(&app).call("POST", "/session", Some(login)).await.status, 200);
}

async fn whoever_arrives_is_judged_as_they_are_then(database: Database) {
    let (app, mary) = with_mary(database).await;
    let enable = async |enabled: bool| {
        assert_eq!(app.put("/users/7/byExtRelation", json!({ "enabled": enabled })).await.0, 201);
    };
    let role = async |role: &str| {
        let (status, body) = app.put(&format!("/users/{mary}/role"), json!({ "role": role })).await;
        assert!((200..300).contains(&status), "{body}");
    };
    let made = pair(&app, "/users/7/authenticationTokens").await;
    let endpoint = made["endpoint_complete"].as_str().unwrap();
    role("read-only").await;
    let mut browser = Browser::new(&app);
    assert_eq!(location(&follow(&mut browser, endpoint).await), "/login?reason=staff");
    role("customer").await;
    enable(false).await;
    assert_eq!(location(&follow(&mut browser, endpoint).await), "/login?reason=suspended");
    assert_eq!(browser.cookie, None);
    enable(true).await;
    assert_eq!(location(&follow(&mut browser, endpoint).await), "/");

    // The same of whoever waits for a second factor.
    let mut owner = logged_in(&app, "mary@doe.test").await;
    let (secret, codes) = switched_on(&app, &mut owner).await;
    app.pass(30 * SECOND);
    let (_, mut waiting) = arrived(&app).await;
    role("support").await;
    assert_eq!(show(&mut waiting, &codes[0]).await.status, 401);
    role("customer").await;
    enable(false).await;
    assert_eq!(show(&mut waiting, &codes[1]).await.status, 401);
    enable(true).await;
    assert_eq!(show(&mut waiting, &shows(&app, &secret)).await.status, 200);
}
