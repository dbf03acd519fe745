//! Second factors: asked for, taken once, not to be guessed, and nobody else's to change.

use berth_control::{
    actions::second_factors::{CODE_FAILURES, CODE_WINDOW, RECOVERY_CODES},
    clock::{DAY, MINUTE, SECOND},
    config::Config,
};
use berth_store::testing::Database;
use futures::future::join_all;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::{
    app::App,
    browser::{Answer, Browser, PASSWORD, give_password, logged_in},
    rows,
};

berth_store::on_both_databases!(
    a_second_factor_is_asked_for_once_it_was_shown,
    t05_a_code_is_taken_once,
    t05_codes_are_guessed_ten_times_a_day_and_no_more,
    t07_a_second_factor_is_switched_off_by_its_owner_alone,
);

const EMAIL: &str = "jon@doe.test";

async fn app(database: Database) -> App {
    let app = App::start_with(database, |config| Config { strange_requests_per_second: 0, ..config }).await;
    let company = rows::company(&app, 1, 10).await;
    give_password(&app, company.user).await;
    app
}

/// What an authenticator with this secret shows now.
pub fn shows(app: &App, secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let now_s = u64::try_from(app.ctx.now() / SECOND).unwrap();
    Builder::new().with_secret(secret).build().unwrap().generate(now_s).to_string()
}

/// Digits that it shows neither now nor right before or after.
pub fn wrong(app: &App, secret: &str) -> String {
    let near = [-30, 0, 30].map(|seconds| {
        app.pass(seconds * SECOND);
        let code = shows(app, secret);
        app.pass(-seconds * SECOND);
        code
    });
    let mut codes = (0..).map(|n| format!("{n:06}"));
    codes.find(|code| !near.contains(code)).unwrap()
}

pub async fn log_in(app: &App, code: Option<&str>) -> (Answer, Browser) {
    let mut browser = Browser::new(app);
    let body = json!({ "email": EMAIL, "password": PASSWORD, "code": code });
    let answer = browser.call("POST", "/session", Some(body)).await;
    if answer.status == 200 {
        browser.csrf = answer.body["data"]["csrf"].as_str().unwrap().to_owned();
    }
    (answer, browser)
}

/// Switches it on: the secret, and the recovery codes.
pub async fn switched_on(app: &App, browser: &mut Browser) -> (String, Vec<String>) {
    let made = browser.call("POST", "/second-factor", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let secret = made.body["data"]["secret"].as_str().unwrap().to_owned();
    let uri = made.body["data"]["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Berth") && uri.contains(&secret), "{uri}");
    let shown = browser.call("PUT", "/second-factor", Some(json!({ "code": shows(app, &secret) }))).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let codes: Vec<String> = serde_json::from_value(shown.body["data"]["codes"].clone()).unwrap();
    assert_eq!(codes.len(), RECOVERY_CODES);
    (secret, codes)
}

pub fn needs_factor(answer: &Answer) -> bool {
    (answer.status, &answer.body["secondFactor"]) == (401, &json!(true))
}

async fn a_second_factor_is_asked_for_once_it_was_shown(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, EMAIL).await;
    assert_eq!(browser.get("/second-factor").await.body["data"], json!({ "on": false, "recoveryCodesLeft": 0 }));
    let refused = browser.call("POST", "/second-factor", Some(json!({ "password": "wrong" }))).await;
    assert_eq!((refused.status, &refused.body["errors"][0]), (422, &json!("That is not your password.")));
    let early = browser.call("PUT", "/second-factor", Some(json!({ "code": "000000" }))).await;
    assert_eq!(early.status, 422, "none was made");
    let made = browser.call("POST", "/second-factor", Some(json!({ "password": PASSWORD }))).await;
    let first = made.body["data"]["secret"].as_str().unwrap().to_owned();
    let bad = browser.call("PUT", "/second-factor", Some(json!({ "code": wrong(&app, &first) }))).await;
    assert_eq!(bad.status, 422, "{}", bad.body);
    assert_eq!(log_in(&app, None).await.0.status, 200, "what was never shown is not asked for");

    let (secret, codes) = switched_on(&app, &mut browser).await;
    assert_ne!(secret, first, "who begins again gets another");
    let state = browser.get("/second-factor").await.body["data"].clone();
    assert_eq!(state, json!({ "on": true, "recoveryCodesLeft": RECOVERY_CODES }));
    assert_eq!(browser.get("/session").await.body["data"]["user"]["twoFactor"], true);
    let again = browser.call("POST", "/second-factor", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(again.status, 422, "there is one");

    for code in [None, Some("")] {
        let (answer, browser) = log_in(&app, code).await;
        assert!(needs_factor(&answer) && browser.cookie.is_none(), "{}", answer.body);
    }
    let mut stranger = Browser::new(&app);
    let told = stranger.call("POST", "/session", Some(json!({ "email": EMAIL, "password": "wrong" }))).await;
    assert_eq!(told.body, json!({ "message": "Unauthenticated." }), "who lacks the password is told nothing");
    app.pass(30 * SECOND);
    let spaced = shows(&app, &secret);
    let (answer, _) = log_in(&app, Some(&format!("{} {}", &spaced[..3], &spaced[3..]))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let typed = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(log_in(&app, Some(&typed)).await.0.status, 200);
    assert!(needs_factor(&log_in(&app, Some(&codes[0])).await.0), "each stands in once");

    // New ones end those before.
    app.pass(30 * SECOND);
    let proof = json!({ "password": PASSWORD, "code": shows(&app, &secret) });
    let renewed = browser.call("POST", "/second-factor/codes", Some(proof)).await;
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    assert!(needs_factor(&log_in(&app, Some(&codes[1])).await.0));
    let fresh = renewed.body["data"]["codes"][0].as_str().unwrap().to_owned();
    assert_eq!(log_in(&app, Some(&fresh)).await.0.status, 200);
    let audited = app.get("/audit?results=200").await.1.to_string();
    for (action, secret) in [("switch_second_factor_on", &secret), ("renew_recovery_codes", &codes[0])] {
        assert!(audited.contains(action) && !audited.contains(secret.as_str()));
    }
}

async fn t05_a_code_is_taken_once(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, EMAIL).await;
    let (secret, codes) = switched_on(&app, &mut browser).await;
    assert!(needs_factor(&log_in(&app, Some(&shows(&app, &secret))).await.0), "it was shown to switch it on");
    app.pass(30 * SECOND);
    for code in [shows(&app, &secret), codes[0].clone()] {
        let all = join_all((0..4).map(|_| log_in(&app, Some(&code)))).await;
        let inside = all.iter().filter(|(answer, _)| answer.status == 200).count();
        assert_eq!(inside, 1, "of four at once");
        assert!(needs_factor(&log_in(&app, Some(&code)).await.0), "and none later");
    }
    // An earlier one than the newest that was taken, though it would still hold.
    let old = shows(&app, &secret);
    app.pass(30 * SECOND);
    assert_eq!(log_in(&app, Some(&shows(&app, &secret))).await.0.status, 200);
    assert!(needs_factor(&log_in(&app, Some(&old)).await.0));
    // One that is too old, and one of the time to come.
    let late = shows(&app, &secret);
    app.pass(90 * SECOND);
    assert!(needs_factor(&log_in(&app, Some(&late)).await.0));
    app.pass(300 * SECOND);
    let future = shows(&app, &secret);
    app.pass(-300 * SECOND);
    assert!(needs_factor(&log_in(&app, Some(&future)).await.0));
}

async fn t05_codes_are_guessed_ten_times_a_day_and_no_more(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, EMAIL).await;
    let (secret, codes) = switched_on(&app, &mut browser).await;
    let mut refused = 0;
    for guess in 0..CODE_FAILURES + 2 {
        let (answer, browser) = log_in(&app, Some(&wrong(&app, &secret))).await;
        assert!(answer.status != 200 && browser.cookie.is_none());
        refused += u64::from(needs_factor(&answer));
        if answer.status == 429 {
            assert_eq!(guess, CODE_FAILURES);
            break;
        }
    }
    assert_eq!(refused, CODE_FAILURES);
    // The account may be tried again, its second factor may not.
    app.pass(16 * MINUTE);
    for code in [shows(&app, &secret), codes[0].clone()] {
        let (answer, _) = log_in(&app, Some(&code)).await;
        assert_eq!(answer.status, 429, "{}", answer.body);
        assert!(answer.headers.contains_key("retry-after"));
    }
    let audited = app.get("/audit?action=log_in_refused").await.1;
    assert_eq!(audited["total"], CODE_FAILURES, "each of them is written down");
    app.pass(CODE_WINDOW);
    assert_eq!(log_in(&app, Some(&codes[0])).await.0.status, 200);
}

async fn t07_a_second_factor_is_switched_off_by_its_owner_alone(database: Database) {
    let app = app(database).await;
    let user = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    let mary = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    give_password(&app, mary).await;
    let mut browser = logged_in(&app, EMAIL).await;
    let (secret, codes) = switched_on(&app, &mut browser).await;
    // Whoever sits down at an open session lacks one of the two; another customer has both, of herself.
    app.pass(30 * SECOND);
    for (password, code, status) in
        [("wrong", shows(&app, &secret), 422), (PASSWORD, wrong(&app, &secret), 422), (PASSWORD, String::new(), 422)]
    {
        let proof = Some(json!({ "password": password, "code": code }));
        for path in ["/second-factor/end", "/second-factor/codes"] {
            assert_eq!(browser.call("POST", path, proof.clone()).await.status, status);
        }
    }
    let mut other = logged_in(&app, "mary@doe.test").await;
    let proof = Some(json!({ "password": PASSWORD, "code": codes[0] }));
    assert_eq!(other.call("POST", "/second-factor/end", proof.clone()).await.status, 422);
    let (hers, _) = switched_on(&app, &mut other).await;
    let strange = log_in(&app, Some(&shows(&app, &hers))).await.0;
    assert!(needs_factor(&strange), "another's code opens nothing");
    for odd in [json!({ "password": PASSWORD, "code": 1 }), json!([]), json!({ "password": PASSWORD }), Value::Null] {
        assert_eq!(browser.call("POST", "/second-factor/end", Some(odd)).await.status, 422);
    }
    app.pass(DAY);
    let mut browser = log_in(&app, Some(&shows(&app, &secret))).await.1;
    assert_eq!(browser.call("POST", "/second-factor/end", proof).await.status, 204);
    assert_eq!(log_in(&app, None).await.0.status, 200, "it is not asked for any more");
    assert_eq!(browser.get("/second-factor").await.body["data"]["recoveryCodesLeft"], 0);
    assert!(needs_factor(&{
        let mut stranger = Browser::new(&app);
        stranger.call("POST", "/session", Some(json!({ "email": "mary@doe.test", "password": PASSWORD }))).await
    }));
}
