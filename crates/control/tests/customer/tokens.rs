//! Customers' tokens: made with a fresh proof, shown once, bounded, and of their own API alone.

use berth_control::{
    actions::customer_tokens::MOST_TOKENS,
    clock::{DAY, MINUTE},
    config::Config,
    proof,
};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{PASSWORD, logged_in, suspend},
    program::{EVERY_SCOPE, call, make, person, start, token, wish},
    rows::Company,
};

berth_store::on_both_databases!(
    a_token_is_shown_once_and_ends_when_it_is_revoked,
    a_token_holds_for_its_time_from_its_addresses_and_while_its_owner_is_let_in,
    t01_neither_api_takes_the_others_tokens,
    a_new_password_keeps_the_tokens_and_says_so,
    t09_what_may_not_be_wished_is_refused_by_name,
);

async fn plain(database: Database) -> (App, Company) {
    start(database, |config| config).await
}

async fn a_token_is_shown_once_and_ends_when_it_is_revoked(database: Database) {
    let (app, _) = plain(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    app.pass(proof::LIFE);
    assert_eq!(
        jon.call("POST", "/tokens", Some(wish(&["servers:read"]))).await.status,
        403,
        "with a fresh proof alone"
    );
    jon.prove().await;
    let made = make(&mut jon, wish(&["account:read", "servers:read", "account:read"])).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("brc_") && secret.len() == 47, "{secret}");
    assert_eq!((&made["scopes"], &made["expires"]), (&json!(["servers:read", "account:read"]), &Value::Null));
    let list = jon.get("/tokens").await.body["data"].clone();
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["secret"], &list[0]["lastUsed"]),
        (1, &Value::Null, &Value::Null)
    );
    assert!(!list.to_string().contains(secret));
    let (status, told) = call(&app, secret, "GET", "/connect", None).await;
    assert_eq!((status, &told["data"]["scopes"]), (200, &json!(["servers:read", "account:read"])));
    let used = async |jon: &mut crate::browser::Browser| jon.get("/tokens").await.body["data"][0]["lastUsed"].clone();
    let first = used(&mut jon).await;
    assert!(first.is_string());
    app.pass(MINUTE);
    call(&app, secret, "GET", "/connect", None).await;
    assert_eq!(used(&mut jon).await, first, "to some minutes");
    app.pass(5 * MINUTE);
    call(&app, secret, "GET", "/connect", None).await;
    assert_ne!(used(&mut jon).await, first);
    person(&app, "mary").await;
    let path = format!("/tokens/{}", made["id"]);
    let mut mary = logged_in(&app, "mary@doe.test").await;
    assert_eq!(mary.call("DELETE", &path, None).await.status, 404, "another's");
    assert_eq!(jon.call("DELETE", &path, None).await.status, 204);
    assert_eq!(
        (jon.call("DELETE", &path, None).await.status, call(&app, secret, "GET", "/connect", None).await.0),
        (404, 401)
    );
    assert_eq!(app.mailed().await, ["api_token"], "nobody makes one unseen");
    for action in ["create_api_token", "revoke_api_token"] {
        let audited = app.get(&format!("/audit?action={action}")).await.1;
        assert_eq!(audited["total"], 1, "{action}");
        assert!(!audited.to_string().contains(secret));
    }
}

async fn a_token_holds_for_its_time_from_its_addresses_and_while_its_owner_is_let_in(database: Database) {
    let (app, company) = plain(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let of = |made: &Value| made["secret"].as_str().unwrap().to_owned();
    let mut days = wish(&["servers:read"]);
    days["expiresInDays"] = json!(1);
    let short = of(&make(&mut jon, days).await);
    let mut bound = async |addresses: Value| {
        let mut wish = wish(&["servers:read"]);
        wish["allowedAddresses"] = addresses;
        make(&mut jon, wish).await
    };
    let elsewhere = bound(json!(["192.0.2.7", "2001:db8::/32"])).await;
    assert_eq!(elsewhere["allowedAddresses"], json!(["192.0.2.7/32", "2001:db8::/32"]));
    let here = of(&bound(json!(["192.0.2.0/24", "127.0.0.0/8"])).await);
    let status = async |token: &str| call(&app, token, "GET", "/server", None).await.0;
    assert_eq!((status(&short).await, status(&here).await, status(&of(&elsewhere)).await), (200, 200, 403));
    suspend(&app, company.user, true).await;
    assert_eq!(status(&here).await, 401);
    suspend(&app, company.user, false).await;
    app.pass(DAY);
    assert_eq!((status(&short).await, status(&here).await), (401, 200));
    let list = logged_in(&app, "jon@doe.test").await.get("/tokens").await.body["data"].clone();
    assert_eq!((&list[2]["expired"], &list[0]["expired"]), (&json!(true), &json!(false)));
}

async fn t01_neither_api_takes_the_others_tokens(database: Database) {
    let (app, _) = plain(database).await;
    let customers = token(&app, "jon@doe.test", &EVERY_SCOPE).await;
    assert_eq!(call(&app, &app.token, "GET", "/connect", None).await.0, 401, "the Global API's here");
    assert_eq!(app.call_as(&customers, "GET", "/connect", None).await.0, 401, "a customer's there");
    assert_eq!(app.call_as(&customers, "GET", "/servers", None).await.0, 401);
    // Even under the other's name.
    let disguised = customers.replace("brc_", "brt_");
    assert_eq!(app.call_as(&disguised, "GET", "/connect", None).await.0, 401);
    assert_eq!(call(&app, &app.token.replace("brt_", "brc_"), "GET", "/connect", None).await.0, 401);
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let cookie = jon.request(reqwest::Method::GET, "/api/connect");
    assert_eq!(jon.send(cookie).await.status, 401, "nor a cookie");
    let mut nobody = crate::browser::Browser::new(&app);
    let bearer = nobody.request(reqwest::Method::GET, "/panel/api/session").bearer_auth(&customers);
    assert_eq!(nobody.send(bearer).await.status, 401, "nor does the panel take a token");
    assert_eq!(call(&app, &customers, "GET", "/nothing", None).await.0, 404);
    assert_eq!(call(&app, "", "GET", "/nothing", None).await.0, 401);
}

async fn a_new_password_keeps_the_tokens_and_says_so(database: Database) {
    let (app, _) = plain(database).await;
    let kept = token(&app, "jon@doe.test", &["servers:read"]).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let change = json!({ "current": PASSWORD, "new": "another good one" });
    assert_eq!(jon.call("PUT", "/password", Some(change)).await.status, 204);
    assert_eq!(call(&app, &kept, "GET", "/server", None).await.0, 200);
    assert_eq!(app.mailed().await[0], "password_changed");
}

async fn t09_what_may_not_be_wished_is_refused_by_name(database: Database) {
    let (app, _) = plain(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    for (field, value, named) in [
        ("name", json!(""), "name"),
        ("name", json!("x".repeat(101)), "name"),
        ("scopes", json!([]), "scopes"),
        ("scopes", json!(["*"]), "scopes"),
        ("scopes", json!(["servers:delete"]), "scopes"),
        ("expiresInDays", json!(0), "expiresInDays"),
        ("expiresInDays", json!(366), "expiresInDays"),
        ("allowedAddresses", json!(["anywhere"]), "allowedAddresses"),
        ("allowedAddresses", json!(vec!["192.0.2.1"; 33]), "allowedAddresses"),
        ("userId", json!(1), "userId"),
        ("abilities", json!(["admin"]), "abilities"),
    ] {
        let mut wish = wish(&["servers:read"]);
        wish[field] = value;
        let refused = jon.call("POST", "/tokens", Some(wish)).await;
        assert_eq!(refused.status, 422, "{field}: {}", refused.body);
        assert!(refused.body["errors"][0].as_str().unwrap().contains(named), "{field}: {}", refused.body);
    }
    for _ in 0..MOST_TOKENS {
        make(&mut jon, wish(&["servers:read"])).await;
    }
    assert_eq!(jon.call("POST", "/tokens", Some(wish(&["servers:read"]))).await.status, 422, "no more than that");
}

#[tokio::test]
async fn a_customers_tokens_together_ask_so_often_and_no_oftener() {
    let settings = |config| Config { customer_requests_per_second: 2, ..config };
    let (app, _) = start(Database::sqlite(), settings).await;
    person(&app, "mary").await;
    let first = token(&app, "jon@doe.test", &["servers:read"]).await;
    let second = token(&app, "jon@doe.test", &["servers:read"]).await;
    let other = token(&app, "mary@doe.test", &["servers:read"]).await;
    for n in 0..20 {
        let token = if n % 2 == 0 { &first } else { &second };
        assert_eq!(call(&app, token, "GET", "/connect", None).await.0, 200, "{n}");
    }
    assert_eq!(call(&app, &first, "GET", "/connect", None).await.0, 429);
    assert_eq!(call(&app, &second, "GET", "/connect", None).await.0, 429, "another token is no second customer");
    assert_eq!(call(&app, &other, "GET", "/connect", None).await.0, 200);
}
