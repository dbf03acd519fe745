//! Attacks on logins: guessed, replayed and reused, a thousand at once; each is refused, limited and written down. What
//! single doors do is beside them (`logins`, `factors`, `sso`, `mail`), requests of other sites are in `access`.

use berth_control::{
    actions::{
        forgotten_passwords::LINK_LIFE,
        logins::{ACCOUNT_FAILURES, ADDRESS_FAILURES, FAILURE_WINDOW},
        second_factors::CODE_FAILURES,
    },
    clock::{MINUTE, SECOND},
    config::Config,
    http::auth::hash_token,
};
use berth_store::{password_link, testing::Database};
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    browser::{Answer, Browser, PASSWORD, give_password, logged_in, set_hash, suspend},
    factors::{log_in, needs_factor, shows, switched_on, wrong},
    rows, shares,
};

berth_store::on_both_databases!(
    t05_a_thousand_guesses_of_an_account_are_ten_from_wherever_they_come,
    t05_a_thousand_guesses_of_an_address_are_fifty_over_all_accounts,
    t05_a_login_to_no_account_costs_the_work_of_one_to_an_account,
    t05_guesses_in_an_open_session_are_counted_over_all_its_doors_and_written_down,
    t05_codes_are_counted_over_all_doors_and_a_burst_is_no_more,
    t05_a_code_that_opened_one_door_opens_no_other,
    t05_a_mailed_link_is_taken_once_by_many_at_once_and_skips_no_second_factor,
    t05_a_login_from_another_site_keeps_no_cookie_that_was_there,
    t05_what_the_database_holds_opens_nothing,
);

/// So many are on their way at once.
const AT_ONCE: usize = 16;
const GUESSES: u64 = 1_000;

/// With Jon, and a proxy in front, so that a test asks from many addresses.
async fn app(database: Database) -> App {
    app_with(database, 0).await
}

async fn app_with(database: Database, strange_requests_per_second: u32) -> App {
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let settings = |config| with_mail(Config { strange_requests_per_second, trusted_proxies, ..config });
    let app = App::start_with(database, settings).await;
    let company = rows::company(&app, 1, 10).await;
    give_password(&app, company.user).await;
    app
}

fn address(n: u64) -> String {
    format!("198.51.{}.{}", n / 250, 1 + n % 250)
}

/// A request from an address, through the proxy.
fn from(browser: &Browser, address: &str, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = browser.request(method, path).header("x-forwarded-for", address);
    request.header("content-type", "application/json").body(body.to_string())
}

async fn guess(browser: &Browser, address: &str, email: &str, password: &str) -> (u16, Value) {
    let body = json!({ "email": email, "password": password });
    App::answer(from(browser, address, Method::POST, "/panel/api/session", &body)).await
}

async fn audited(app: &App, action: &str) -> u64 {
    app.get(&format!("/audit?action={action}&results=1")).await.1["total"].as_u64().unwrap()
}

fn count(statuses: &[u16], wanted: u16) -> u64 {
    statuses.iter().filter(|status| **status == wanted).count() as u64
}

async fn t05_a_thousand_guesses_of_an_account_are_ten_from_wherever_they_come(database: Database) {
    let app = app(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let (before, browser) = (app.ctx.hashing.done(), Browser::new(&app));
    let guesses = stream::iter(0..GUESSES).map(|n| {
        let browser = &browser;
        async move { guess(browser, &address(n), "jon@doe.test", &format!("guess {n}")).await.0 }
    });
    let statuses: Vec<u16> = guesses.buffer_unordered(AT_ONCE).collect().await;
    assert_eq!((count(&statuses, 401), count(&statuses, 429)), (ACCOUNT_FAILURES, GUESSES - ACCOUNT_FAILURES));
    assert_eq!(app.ctx.hashing.done() - before, ACCOUNT_FAILURES, "the others cost next to nothing");
    assert_eq!(audited(&app, "log_in_refused").await, ACCOUNT_FAILURES);
    assert_eq!(guess(&browser, &address(0), "jon@doe.test", PASSWORD).await.0, 429, "also with the right one");
    assert_eq!(jon.get("/session").await.status, 200, "who is inside stays there");
    app.pass(FAILURE_WINDOW + 1);
    assert_eq!(guess(&browser, &address(0), "jon@doe.test", PASSWORD).await.0, 200);
}

async fn t05_a_thousand_guesses_of_an_address_are_fifty_over_all_accounts(database: Database) {
    let app = app(database).await;
    let (before, browser) = (app.ctx.hashing.done(), Browser::new(&app));
    let guesses = stream::iter(0..GUESSES).map(|n| {
        let browser = &browser;
        async move { guess(browser, &address(0), &format!("user{n}@doe.test"), PASSWORD).await.0 }
    });
    let statuses: Vec<u16> = guesses.buffer_unordered(AT_ONCE).collect().await;
    assert_eq!((count(&statuses, 401), count(&statuses, 429)), (ADDRESS_FAILURES, GUESSES - ADDRESS_FAILURES));
    assert_eq!(app.ctx.hashing.done() - before, ADDRESS_FAILURES);
    let log = app.get("/audit?action=log_in_refused&results=200").await.1;
    assert_eq!((&log["total"], &log["data"][0]["address"]), (&json!(ADDRESS_FAILURES), &json!(address(0))));
    assert_eq!(log["data"][0]["subject"]["id"], Value::Null, "there are no such accounts");
    assert!(!log.to_string().contains("@doe.test"), "what was typed may be a password");
    assert_eq!(guess(&browser, &address(0), "jon@doe.test", PASSWORD).await.0, 429);
    assert_eq!(guess(&browser, &address(1), "jon@doe.test", PASSWORD).await.0, 200, "nobody else is in the way");
}

/// Not by the clock: what is done is counted.
async fn t05_a_login_to_no_account_costs_the_work_of_one_to_an_account(database: Database) {
    let app = app(database).await;
    let out = shares::person(&app, "out").await;
    suspend(&app, out, true).await;
    let unset = app.post("/users", json!({ "name": "Unset", "email": "unset@doe.test" })).await.1["data"]["id"].clone();
    set_hash(&app, unset.as_i64().unwrap(), String::new()).await;
    let long = "x".repeat(100_000);
    let mut told = Vec::new();
    for (who, email, password) in [
        ("an account", "jon@doe.test", "a wrong password"),
        ("no account", "nobody@doe.test", "a wrong password"),
        ("one that is suspended", "out@doe.test", PASSWORD),
        ("one without a password", "unset@doe.test", ""),
        ("too long a password", "jon@doe.test", long.as_str()),
        ("too long a password of nobody's", "nobody@doe.test", long.as_str()),
        ("no password", "jon@doe.test", ""),
    ] {
        let (hashed, written) = (app.ctx.hashing.done(), audited(&app, "log_in_refused").await);
        let Answer { status, headers, body } = Browser::new(&app).log_in(email, password).await;
        let mut names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort_unstable();
        let work = (app.ctx.hashing.done() - hashed, audited(&app, "log_in_refused").await - written);
        assert_eq!((status, work), (401, (1, 1)), "{who}");
        told.push((who, body, names));
    }
    for (who, body, names) in &told {
        assert_eq!((body, names), (&told[0].1, &told[0].2), "{who}");
    }
    let hashed = app.ctx.hashing.done();
    logged_in(&app, "jon@doe.test").await;
    assert_eq!(app.ctx.hashing.done() - hashed, 1, "nor does the right one cost more");
}

async fn t05_guesses_in_an_open_session_are_counted_over_all_its_doors_and_written_down(database: Database) {
    let app = app(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let doors = [
        ("PUT", "/password", json!({ "current": "a guess", "new": "another good one" })),
        ("POST", "/second-factor", json!({ "password": "a guess" })),
        ("POST", "/session/proof", json!({ "password": "a guess" })),
    ];
    let hashed = app.ctx.hashing.done();
    for n in 0..ACCOUNT_FAILURES {
        let (method, path, body) = &doors[usize::try_from(n).unwrap() % doors.len()];
        assert_eq!(jon.call(method, path, Some(body.clone())).await.status, 422, "{n}: {path}");
    }
    for (method, path, body) in &doors {
        assert_eq!(jon.call(method, path, Some(body.clone())).await.status, 429, "{path}");
    }
    assert_eq!(Browser::new(&app).log_in("jon@doe.test", PASSWORD).await.status, 429, "and at the login");
    assert_eq!(app.ctx.hashing.done() - hashed, ACCOUNT_FAILURES);
    let proofs = audited(&app, "prove_refused").await;
    let log = app.get("/audit?action=confirm_refused&results=1").await.1;
    assert_eq!((proofs, &log["total"]), (3, &json!(ACCOUNT_FAILURES - 3)));
    assert_eq!(
        (&log["data"][0]["after"], &log["data"][0]["actor"]["type"]),
        (&json!({ "lacks": "password" }), &json!("user"))
    );
}

async fn t05_codes_are_counted_over_all_doors_and_a_burst_is_no_more(database: Database) {
    let app = app(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let (secret, codes) = switched_on(&app, &mut jon).await;
    let bad = wrong(&app, &secret);
    let proof = json!({ "password": PASSWORD, "code": bad });
    for path in ["/second-factor/end", "/second-factor/codes"] {
        assert_eq!(jon.call("POST", path, Some(proof.clone())).await.status, 422, "{path}");
    }
    assert_eq!(audited(&app, "confirm_refused").await, 2);
    let burst = join_all((0..30).map(|_| log_in(&app, Some(&bad)))).await;
    let looked_at = burst.iter().filter(|(answer, _)| needs_factor(answer)).count() as u64;
    assert_eq!(looked_at, CODE_FAILURES - 2, "two were wrong before");
    assert!(burst.iter().all(|(answer, browser)| answer.status != 200 && browser.cookie.is_none()));
    // The account may be tried again; its codes wait, at every door.
    app.pass(FAILURE_WINDOW + MINUTE);
    let good = json!({ "password": PASSWORD, "code": codes[0] });
    for path in ["/second-factor/end", "/second-factor/codes"] {
        assert_eq!(jon.call("POST", path, Some(good.clone())).await.status, 429, "{path}");
    }
    assert_eq!(log_in(&app, Some(&shows(&app, &secret))).await.0.status, 429);
}

async fn t05_a_code_that_opened_one_door_opens_no_other(database: Database) {
    let app = app(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let (secret, codes) = switched_on(&app, &mut jon).await;
    app.pass(30 * SECOND);
    let code = shows(&app, &secret);
    for used in [code, codes[0].clone()] {
        assert_eq!(log_in(&app, Some(&used)).await.0.status, 200);
        let proof = json!({ "password": PASSWORD, "code": used });
        for path in ["/second-factor/end", "/second-factor/codes"] {
            assert_eq!(jon.call("POST", path, Some(proof.clone())).await.status, 422, "{path}");
        }
        assert!(needs_factor(&log_in(&app, Some(&used)).await.0));
    }
    app.pass(30 * SECOND);
    let code = shows(&app, &secret);
    let proof = json!({ "password": PASSWORD, "code": code });
    assert_eq!(jon.call("POST", "/second-factor/codes", Some(proof)).await.status, 200);
    assert!(needs_factor(&log_in(&app, Some(&code)).await.0), "nor a login, once it renewed the others");
}

async fn t05_a_mailed_link_is_taken_once_by_many_at_once_and_skips_no_second_factor(database: Database) {
    let app = app(database).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let (_, codes) = switched_on(&app, &mut jon).await;
    let token = link(&app, "jon@doe.test").await;
    let new = "another good one";
    let all = join_all((0..8).map(|_| {
        let (app, body) = (&app, json!({ "token": token, "new": new }));
        async move { Browser::new(app).call("PUT", "/forgotten-password", Some(body)).await }
    }));
    let all = all.await;
    let statuses: Vec<u16> = all.iter().map(|answer| answer.status).collect();
    assert_eq!((count(&statuses, 204), count(&statuses, 422)), (1, 7), "{statuses:?}");
    assert!(all.iter().all(|answer| !answer.headers.contains_key("set-cookie")), "it logs nobody in");
    assert_eq!(audited(&app, "set_forgotten_password").await, 1);
    assert_eq!(jon.get("/session").await.status, 401);
    let mut browser = Browser::new(&app);
    let asked = browser.log_in("jon@doe.test", new).await;
    assert!(needs_factor(&asked) && browser.cookie.is_none(), "{}", asked.body);
    let with_code = json!({ "email": "jon@doe.test", "password": new, "code": codes[0] });
    assert_eq!(browser.call("POST", "/session", Some(with_code)).await.status, 200);
}

/// A link's token, as it would be mailed.
async fn link(app: &App, email: &str) -> String {
    let user = berth_store::user::by_email(app.ctx.store.read(), email).await.unwrap().unwrap();
    let (token, now) = (app.ctx.rng.letters_and_digits(43), app.ctx.now());
    let (id, hash) = (user.id, hash_token(&token));
    let made = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let hash = hash.clone();
        Box::pin(async move { Ok(password_link::insert(tx, id, &hash, now + LINK_LIFE, now).await?) })
    });
    made.await.unwrap();
    token
}

/// Another site's link, as the shop would be told.
async fn pair(app: &App) -> (String, String, String) {
    let made = app.post("/users/7/authenticationTokens", json!({})).await.1["data"]["authentication"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["tokens"]["1"]), text(&made["tokens"]["2"]), text(&made["endpoint_complete"]))
}

async fn t05_a_login_from_another_site_keeps_no_cookie_that_was_there(database: Database) {
    let app = app(database).await;
    let mary = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    assert_eq!(app.post("/users", mary).await.0, 201);
    // Somebody put the cookie of their own session there, to be in it too once it is Mary's.
    let mut mallory = logged_in(&app, "jon@doe.test").await;
    for planted in [mallory.cookie.clone(), Some(format!("__Host-berth={}", "a".repeat(43)))] {
        let mut victim = Browser::new(&app);
        victim.cookie = planted.clone();
        let endpoint = pair(&app).await.2;
        let landing = victim.request(Method::GET, &endpoint);
        assert_eq!(victim.send(landing).await.status, 303);
        assert!(victim.cookie.is_some() && victim.cookie != planted);
        let session = victim.get("/session").await;
        assert_eq!(session.body["data"]["user"]["email"], "mary@doe.test");
        assert_ne!(session.body["data"]["csrf"], mallory.csrf);
        mallory.cookie = planted;
        assert_eq!(mallory.get("/session").await.status, 401, "what was planted is no session any more");
    }
}

async fn t05_what_the_database_holds_opens_nothing(database: Database) {
    let app = app(database).await;
    let mary = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    assert_eq!(app.post("/users", mary).await.0, 201);
    let jon = logged_in(&app, "jon@doe.test").await;
    let cookie = jon.cookie.clone().unwrap().replace("__Host-berth=", "");
    let mut thief = Browser::new(&app);
    for kept in [hash_token(&cookie), jon.csrf.clone(), app.token.clone(), hash_token(&app.token)] {
        thief.cookie = Some(format!("__Host-berth={kept}"));
        assert_eq!(thief.get("/session").await.status, 401);
        assert_eq!(app.call_as(&kept, "GET", "/connect", None).await.0 == 200, kept == app.token);
    }
    thief.cookie = None;
    assert_eq!(app.call_as(&cookie, "GET", "/connect", None).await.0, 401, "nor is a session a token");
    let link = link(&app, "jon@doe.test").await;
    let body = json!({ "token": hash_token(&link), "new": "another good one" });
    assert_eq!(thief.call("PUT", "/forgotten-password", Some(body)).await.status, 422);
    let (first, second, _) = pair(&app).await;
    let hashes = format!("/token_authenticate/?1={}&2={}", hash_token(&first), hash_token(&second));
    let landing = thief.request(Method::GET, &hashes);
    assert_eq!(thief.send(landing).await.headers["location"], "/login?reason=unknown");
    assert_eq!(thief.cookie, None);
}

/// The rate of those without a session, a link or a pair; ten seconds of it may come at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t05_a_thousand_guessed_cookies_links_and_pairs_are_ten_of_an_address() {
    let app = app_with(Database::sqlite(), 1).await;
    let hashed = app.ctx.hashing.done();
    for (n, method, path, refused) in [
        (1, Method::GET, "/panel/api/session", 401),
        (2, Method::PUT, "/panel/api/forgotten-password", 422),
        (3, Method::GET, "/token_authenticate/", 303),
    ] {
        let browser = Browser::new(&app);
        let guesses = stream::iter(0..GUESSES).map(|guess| {
            let body = json!({ "token": format!("guess {guess}"), "new": "another good one" });
            let request = from(&browser, &address(n), method.clone(), &format!("{path}?1={guess}&2={guess}"), &body);
            let request = request.header("cookie", format!("__Host-berth=guess{guess}"));
            async move { request.send().await.unwrap().status().as_u16() }
        });
        let statuses: Vec<u16> = guesses.buffer_unordered(AT_ONCE).collect().await;
        assert_eq!((count(&statuses, refused), count(&statuses, 429)), (10, GUESSES - 10), "{path}");
        let elsewhere = from(&browser, &address(9), method, path, &json!({ "token": "x", "new": "another good one" }));
        assert_eq!(elsewhere.send().await.unwrap().status().as_u16(), refused, "{path}: others are not in the way");
    }
    assert_eq!(
        app.ctx.hashing.done() - hashed,
        11,
        "a password is hashed for links alone, and never for who must wait"
    );
}
