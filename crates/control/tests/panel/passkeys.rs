//! Passkeys: who has one is in, without name and password; whoever has only what was said before is not.

use berth_control::{
    actions::{
        logins::ACCOUNT_FAILURES,
        passkeys::{CHALLENGE_LIFE, MOST_PASSKEYS, OPEN_CHALLENGES},
    },
    clock::{MINUTE, SECOND},
    config::Config,
};
use berth_store::{Micros, testing::Database, user};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    authenticator::{Authenticator, text},
    browser::{Answer, Browser, PASSWORD, give_password, logged_in},
    factors, rows,
};

berth_store::on_both_databases!(
    who_has_a_passkey_is_in_without_name_and_password,
    a_passkey_is_named_and_removed_by_its_owner_alone,
    t05_an_answer_opens_one_session_in_the_browser_that_was_challenged,
    t05_nothing_but_a_verified_user_on_our_page_is_let_in,
    t05_a_counter_that_goes_back_is_refused_and_written_down,
    t05_answers_are_tried_ten_times_and_keep_no_password_out,
    t07_a_passkey_is_added_by_its_session_alone,
    a_passkey_is_added_with_all_that_a_login_takes,
    without_a_public_address_there_are_none,
);

pub const JON: &str = "jon@doe.test";
pub const STAFF: &str = "admin@example.test";

pub async fn app(database: Database) -> App {
    let settings = |config| Config { strange_requests_per_second: 0, ..with_mail(config) };
    let app = App::start_with(database, settings).await;
    let company = rows::company(&app, 1, 10).await;
    give_password(&app, company.user).await;
    let staff = user::by_email(app.ctx.store.read(), STAFF).await.unwrap().unwrap();
    give_password(&app, staff.id).await;
    app
}

async fn proposed(browser: &mut Browser) -> Value {
    let answer = browser.call("POST", "/passkeys", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"]["options"].clone()
}

async fn add(browser: &mut Browser, made: Value) -> Answer {
    browser.call("PUT", "/passkeys", Some(json!({ "name": "phone", "credential": made }))).await
}

/// A passkey of whoever is logged in: its id, and what holds it.
pub async fn added(browser: &mut Browser) -> (i64, Authenticator) {
    let mut authenticator = Authenticator::new();
    let made = authenticator.make(&proposed(browser).await);
    let answer = add(browser, made).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    (answer.body["data"]["id"].as_i64().unwrap(), authenticator)
}

/// A stranger's browser, and what it is to answer.
pub async fn challenged(app: &App) -> (Browser, Value) {
    let mut browser = Browser::new(app);
    let answer = browser.call("POST", "/session/passkey", None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let set = answer.headers["set-cookie"].to_str().unwrap();
    for part in ["__Host-berth-passkey=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    (browser, answer.body["data"]["options"].clone())
}

pub async fn show(browser: &mut Browser, answer: Value) -> Answer {
    browser.call("PUT", "/session/passkey", Some(json!({ "credential": answer }))).await
}

pub async fn log_in(app: &App, authenticator: &mut Authenticator) -> (Answer, Browser) {
    let (mut browser, options) = challenged(app).await;
    let answer = show(&mut browser, authenticator.answer(&options)).await;
    if answer.status == 200 {
        browser.csrf = answer.body["data"]["csrf"].as_str().unwrap().to_owned();
    }
    (answer, browser)
}

async fn status(app: &App, authenticator: &mut Authenticator) -> u16 {
    log_in(app, authenticator).await.0.status
}

pub async fn audited(app: &App, action: &str) -> Vec<Value> {
    app.get(&format!("/audit?action={action}&results=200")).await.1["data"].as_array().unwrap().clone()
}

/// Why logins were refused, as the audit log has it.
async fn reasons(app: &App) -> Vec<String> {
    let reason = |entry: &Value| entry["after"]["reason"].as_str().unwrap_or_default().to_owned();
    audited(app, "log_in_refused").await.iter().map(reason).collect()
}

async fn who_has_a_passkey_is_in_without_name_and_password(database: Database) {
    let app = app(database).await;
    for email in [JON, STAFF] {
        let mut browser = logged_in(&app, email).await;
        let options = proposed(&mut browser).await;
        assert_eq!((&options["rp"]["id"], &options["user"]["name"]), (&json!("panel.example.test"), &json!(email)));
        let selection = &options["authenticatorSelection"];
        assert_eq!(
            (&selection["residentKey"], &selection["userVerification"]),
            (&json!("required"), &json!("required"))
        );
        let mut phone = Authenticator::new();
        let made = phone.make(&options);
        let answer = add(&mut browser, made).await;
        assert_eq!((answer.status, &answer.body["data"]["name"]), (201, &json!("phone")), "{}", answer.body);
        assert_eq!(answer.body["data"]["lastUsed"], Value::Null);
        // A second factor is asked of passwords; who has a passkey has shown both.
        factors::switched_on(&app, &mut browser).await;

        let (_, options) = challenged(&app).await;
        assert_eq!(options["allowCredentials"], json!([]), "nobody is named");
        assert_eq!(options["userVerification"], "required");
        for _ in 0..2 {
            app.pass(SECOND);
            let (answer, mut inside) = log_in(&app, &mut phone).await;
            assert_eq!((answer.status, &answer.body["data"]["user"]["email"]), (200, &json!(email)), "{}", answer.body);
            let set: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap()).collect();
            assert!(set[0].starts_with("__Host-berth=") && set[1].starts_with("__Host-berth-passkey=; "), "{set:?}");
            assert_eq!(inside.get("/session").await.body["data"]["user"]["email"], email);
            assert_eq!(inside.call("DELETE", "/session", None).await.status, 204);
        }
        let listed = browser.get("/passkeys").await.body["data"].clone();
        assert_eq!(
            (&listed["on"], &listed["passkeys"][0]["lastUsed"]),
            (&json!(true), &json!("2025-01-20T14:00:49+00:00"))
        );
        app.pass(-2 * SECOND);
    }
    let begun = audited(&app, "log_in").await;
    assert_eq!(begun.iter().filter(|entry| entry["after"]["by"] == "passkey").count(), 4);
    assert_eq!(audited(&app, "add_passkey").await.len(), 2);
    assert_eq!(app.mailed().await.iter().filter(|kind| *kind == "passkey").count(), 2);
}

async fn a_passkey_is_named_and_removed_by_its_owner_alone(database: Database) {
    let app = app(database).await;
    let mary = app.post("/users", json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 })).await.1;
    give_password(&app, mary["data"]["id"].as_i64().unwrap()).await;
    let mut browser = logged_in(&app, "mary@doe.test").await;
    let (id, mut phone) = added(&mut browser).await;
    let path = format!("/passkeys/{id}");
    let mut other = logged_in(&app, STAFF).await;
    assert_eq!(other.call("PUT", &path, Some(json!({ "name": "mine" }))).await.status, 404);
    assert_eq!(other.call("DELETE", &path, None).await.status, 404);
    assert_eq!(other.get("/passkeys").await.body["data"]["passkeys"], json!([]));
    for name in [String::new(), "a".repeat(101), "a\nb".to_owned()] {
        assert_eq!(browser.call("PUT", &path, Some(json!({ "name": name }))).await.status, 422, "{name}");
    }
    assert_eq!(browser.call("PUT", &path, Some(json!({ "name": " My key " }))).await.status, 204);
    assert_eq!(browser.get("/passkeys").await.body["data"]["passkeys"][0]["name"], "My key");
    assert_eq!(audited(&app, "rename_passkey").await[0]["before"], json!({ "name": "phone" }));

    // Its owner is told of a login with another browser.
    let (mut strange, options) = challenged(&app).await;
    strange.user_agent = "Lynx".to_owned();
    assert_eq!(show(&mut strange, phone.answer(&options)).await.status, 200);
    assert_eq!(app.mailed().await[0], "sign_in");

    assert_eq!(app.put("/users/7/byExtRelation", json!({ "enabled": false })).await.0, 201);
    assert_eq!(status(&app, &mut phone).await, 401);
    assert_eq!(reasons(&app).await[0], "the user is suspended");
    assert_eq!(app.put("/users/7/byExtRelation", json!({ "enabled": true })).await.0, 201);
    assert_eq!(status(&app, &mut phone).await, 200);

    assert_eq!(browser.call("DELETE", &path, None).await.status, 204);
    assert_eq!(browser.call("DELETE", &path, None).await.status, 404);
    assert_eq!(status(&app, &mut phone).await, 401, "it is removed");
    assert_eq!(audited(&app, "remove_passkey").await.len(), 1);
}

async fn t05_an_answer_opens_one_session_in_the_browser_that_was_challenged(database: Database) {
    let app = app(database).await;
    let (_, mut phone) = added(&mut logged_in(&app, JON).await).await;
    let (mut browser, options) = challenged(&app).await;
    let answer = phone.answer(&options);
    let cookie = browser.cookie.clone();
    // Somebody else's browser, with a challenge of its own, and one that never asked.
    let (mut other, _) = challenged(&app).await;
    assert_eq!(show(&mut other, answer.clone()).await.status, 401);
    assert_eq!(show(&mut Browser::new(&app), answer.clone()).await.status, 401);
    assert_eq!(show(&mut browser, answer.clone()).await.status, 200);
    for cookie in [cookie, browser.cookie.clone(), None] {
        let mut again = Browser::new(&app);
        again.cookie = cookie;
        assert_eq!(show(&mut again, answer.clone()).await.status, 401, "once");
        assert_eq!(again.get("/session").await.status, if again.cookie == browser.cookie { 200 } else { 401 });
    }
    let reasons = reasons(&app).await;
    let (first, others) = reasons.split_last().unwrap();
    assert_eq!(first, "the answer does not hold", "it answers another challenge than the one of that browser");
    assert!(others.len() == 4 && others.iter().all(|reason| reason.starts_with("the challenge was")), "{others:?}");

    // At once.
    let (browser, options) = challenged(&app).await;
    let answer = phone.answer(&options);
    let all = join_all((0..4).map(|_| {
        let mut one = Browser::new(&app);
        one.cookie = browser.cookie.clone();
        let answer = answer.clone();
        async move { show(&mut one, answer).await.status }
    }));
    assert_eq!(all.await.into_iter().filter(|status| *status == 200).count(), 1);

    for (life, wanted) in [(CHALLENGE_LIFE, 401), (CHALLENGE_LIFE - SECOND, 200)] {
        let (mut browser, options) = challenged(&app).await;
        app.pass(life);
        assert_eq!(show(&mut browser, phone.answer(&options)).await.status, wanted, "after {life}");
    }
}

async fn t05_nothing_but_a_verified_user_on_our_page_is_let_in(database: Database) {
    let app = app(database).await;
    let (_, mut phone) = added(&mut logged_in(&app, JON).await).await;
    let (_, other) = added(&mut logged_in(&app, STAFF).await).await;
    for origin in ["https://evil.example", "https://panel.example.test.evil.example", "https://panel.example.test:444"]
    {
        let (mut browser, options) = challenged(&app).await;
        phone.origin = origin.to_owned();
        assert_eq!(show(&mut browser, phone.answer(&options)).await.status, 401, "{origin}");
    }
    phone.origin = crate::authenticator::ORIGIN.to_owned();
    let refused = async |phone: &mut Authenticator, change: &dyn Fn(&mut Value, &mut Value), what: &str| {
        let (mut browser, mut options) = challenged(&app).await;
        let mut nothing = json!({ "response": {} });
        change(&mut options, &mut nothing);
        let mut answer = phone.answer(&options);
        change(&mut options, &mut answer);
        let answered = show(&mut browser, answer).await;
        assert_eq!((answered.status, &answered.body), (401, &json!({ "message": "Unauthenticated." })), "{what}");
    };
    refused(&mut phone, &|options, _| options["rpId"] = json!("evil.example"), "another site's key").await;
    refused(&mut phone, &|options, _| options["challenge"] = json!(text(&[7; 32])), "a challenge of one's own").await;
    refused(&mut phone, &|_, answer| answer["response"]["signature"] = json!(text(&[7; 70])), "not signed").await;
    refused(&mut phone, &|_, answer| answer["response"]["userHandle"] = Value::Null, "nobody's").await;
    let handle = other.user_handle.clone();
    refused(&mut phone, &|_, answer| answer["response"]["userHandle"] = json!(handle), "another's name on it").await;
    app.pass(16 * MINUTE);
    let id = text(&other.id);
    let theirs = |_: &mut Value, answer: &mut Value| {
        answer["id"] = json!(id);
        answer["rawId"] = json!(id);
        answer["response"]["userHandle"] = json!(handle);
    };
    refused(&mut phone, &theirs, "another's key").await;
    refused(&mut phone, &|_, answer| answer["rawId"] = json!(text(&[7; 32])), "a key that there is not").await;
    let written = audited(&app, "log_in_refused").await[0].clone();
    assert_eq!(
        (&written["after"]["reason"], &written["subject"]["id"]),
        (&json!("there is no such passkey"), &Value::Null)
    );
    phone.verifies = false;
    refused(&mut phone, &|_, _| (), "the user was not verified").await;
    phone.verifies = true;
    for odd in [json!({}), json!([]), json!("x"), json!({ "id": 1 }), Value::Null] {
        let (mut browser, _) = challenged(&app).await;
        assert_eq!(show(&mut browser, odd).await.status, 422);
    }
    assert_eq!(status(&app, &mut phone).await, 200, "the true one");
}

async fn t05_a_counter_that_goes_back_is_refused_and_written_down(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, JON).await;
    let (_, mut phone) = added(&mut browser).await;
    phone.counter = 5;
    assert_eq!(status(&app, &mut phone).await, 200);
    for counter in [5, 2] {
        phone.counter = counter;
        assert_eq!(status(&app, &mut phone).await, 401, "a copy of it, that counted less");
        assert_eq!(reasons(&app).await[0], "the counter went back: somebody may have a copy of the key");
    }
    (phone.counts, phone.counter) = (false, 0);
    assert_eq!(status(&app, &mut phone).await, 401, "one that counts does not stop");
    (phone.counts, phone.counter) = (true, 6);
    assert_eq!(status(&app, &mut phone).await, 200);
    assert_eq!(audited(&app, "log_in_refused").await.len(), 3);

    // Of two answers at once no copy gets in beside its original.
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (browser, options) = challenged(&app).await;
        phone.counter = 9;
        answers.push((browser, phone.answer(&options)));
    }
    let statuses = join_all(
        answers.into_iter().map(|(mut browser, answer)| async move { show(&mut browser, answer).await.status }),
    );
    assert_eq!(statuses.await.into_iter().filter(|status| *status == 200).count(), 1);

    // Those that are kept on several devices count nothing at all.
    let mut synced = Authenticator::new();
    synced.counts = false;
    let made = synced.make(&proposed(&mut browser).await);
    assert_eq!(add(&mut browser, made).await.status, 201);
    for _ in 0..3 {
        assert_eq!(status(&app, &mut synced).await, 200);
    }
}

async fn t05_answers_are_tried_ten_times_and_keep_no_password_out(database: Database) {
    let app = app(database).await;
    let (_, mut phone) = added(&mut logged_in(&app, JON).await).await;
    let (_, mut laptop) = added(&mut logged_in(&app, JON).await).await;
    // Guesses of the password keep no passkey out.
    for _ in 0..ACCOUNT_FAILURES {
        assert_eq!(Browser::new(&app).log_in(JON, "guess").await.status, 401);
    }
    assert_eq!(Browser::new(&app).log_in(JON, PASSWORD).await.status, 429);
    assert_eq!(status(&app, &mut phone).await, 200);
    phone.verifies = false;
    for _ in 0..ACCOUNT_FAILURES {
        assert_eq!(status(&app, &mut phone).await, 401);
    }
    phone.verifies = true;
    let (answer, _) = log_in(&app, &mut phone).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "900"));
    assert_eq!(status(&app, &mut laptop).await, 200, "another key's are its own");
    app.pass(16 * MINUTE);
    assert_eq!(status(&app, &mut phone).await, 200);
    assert_eq!(Browser::new(&app).log_in(JON, PASSWORD).await.status, 200);

    // Nobody has more challenges than these; those that were answered are none.
    app.pass(CHALLENGE_LIFE);
    for _ in 0..OPEN_CHALLENGES {
        challenged(&app).await;
    }
    let refused = Browser::new(&app).call("POST", "/session/passkey", None).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "300"));
    app.pass(CHALLENGE_LIFE);
    assert_eq!(status(&app, &mut phone).await, 200);
}

async fn t07_a_passkey_is_added_by_its_session_alone(database: Database) {
    let app = app(database).await;
    let (mut browser, mut second) = (logged_in(&app, JON).await, logged_in(&app, JON).await);
    let mut other = logged_in(&app, STAFF).await;
    let mut phone = Authenticator::new();
    let none = add(&mut browser, phone.make(&json!({ "user": { "id": "" }, "rp": { "id": "x" } }))).await;
    assert_eq!(none.status, 422, "none was asked for");
    let made = phone.make(&proposed(&mut browser).await);
    for stranger in [&mut other, &mut second] {
        let options = proposed(stranger).await;
        assert_ne!(options["challenge"], json!(null));
        assert_eq!(add(stranger, made.clone()).await.status, 422, "the challenge is another session's");
    }
    assert_eq!(add(&mut browser, made.clone()).await.status, 201);
    let again = add(&mut browser, made.clone()).await;
    assert_eq!(again.body["errors"][0], "No passkey was asked for here, or too long ago. Begin again.");
    for stranger in [&mut browser, &mut other] {
        let options = proposed(stranger).await;
        let made = phone.make(&options);
        assert_eq!(add(stranger, made).await.status, 422, "it is registered already");
    }

    let refused = async |browser: &mut Browser, phone: &mut Authenticator, pause: Micros, what: &str| {
        let options = proposed(browser).await;
        let made = phone.make(&options);
        app.pass(pause);
        let answer = add(browser, made).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.body);
    };
    let mut fresh = Authenticator::new();
    refused(&mut browser, &mut fresh, CHALLENGE_LIFE, "too late").await;
    fresh.verifies = false;
    refused(&mut browser, &mut fresh, 0, "who made it was not verified").await;
    fresh.verifies = true;
    fresh.origin = "https://evil.example".to_owned();
    refused(&mut browser, &mut fresh, 0, "another page's").await;
    let mut fresh = Authenticator::new();
    let mut made = fresh.make(&proposed(&mut browser).await);
    made["clientExtensionResults"]["credProps"]["rk"] = json!(false);
    let kept_nowhere = add(&mut browser, made).await;
    assert_eq!(kept_nowhere.body["errors"][0], "The authenticator did not keep the passkey. Try another one.");
    for odd in [json!({}), json!(1), Value::Null, json!({ "id": "x", "rawId": "x", "type": "public-key" })] {
        assert_eq!(add(&mut browser, odd).await.status, 422);
    }
    assert_eq!(browser.get("/passkeys").await.body["data"]["passkeys"].as_array().unwrap().len(), 1);
    assert_eq!(other.get("/passkeys").await.body["data"]["passkeys"], json!([]));
}

async fn a_passkey_is_added_with_all_that_a_login_takes(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, JON).await;
    for password in ["", "wrong"] {
        let refused = browser.call("POST", "/passkeys", Some(json!({ "password": password }))).await;
        assert_eq!((refused.status, &refused.body["errors"][0]), (422, &json!("That is not your password.")));
    }
    let (secret, _) = factors::switched_on(&app, &mut browser).await;
    app.pass(30 * SECOND);
    let shown = factors::shows(&app, &secret);
    for (code, status) in [(None, 422), (Some(""), 422), (Some("x"), 422), (Some(&*shown), 200), (Some(&*shown), 422)] {
        let answer = browser.call("POST", "/passkeys", Some(json!({ "password": PASSWORD, "code": code }))).await;
        assert_eq!(answer.status, status, "{code:?}: {}", answer.body);
    }
    let proof = |secret: &str| json!({ "password": PASSWORD, "code": factors::shows(&app, secret) });
    for count in 1..=MOST_PASSKEYS {
        app.pass(30 * SECOND);
        let answer = browser.call("POST", "/passkeys", Some(proof(&secret))).await;
        let options = &answer.body["data"]["options"];
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), count - 1);
        let made = Authenticator::new().make(options);
        assert_eq!(add(&mut browser, made).await.status, 201);
    }
    app.pass(30 * SECOND);
    let full = browser.call("POST", "/passkeys", Some(proof(&secret))).await;
    assert_eq!(
        (full.status, &full.body["errors"][0]),
        (422, &json!("There are at most 10 passkeys. Remove one first."))
    );

    // A new password leaves them, and says so; they go with their owner.
    let change = json!({ "current": PASSWORD, "new": "another good one" });
    assert_eq!(browser.call("PUT", "/password", Some(change)).await.status, 204);
    let (letters, _) = berth_store::mail::page(app.ctx.store.read(), 0, 1).await.unwrap();
    let body = app.ctx.open("mails", "body_enc", letters[0].uuid, letters[0].body_enc.as_ref().unwrap()).unwrap();
    assert!(body.contains("Your passkeys stay valid, 10 of them."), "{body}");
    let email = json!({ "name": "Gone", "email": "gone@doe.test", "extRelationId": 9 });
    let gone = app.post("/users", email).await.1["data"]["id"].as_i64().unwrap();
    give_password(&app, gone).await;
    let (_, mut phone) = added(&mut logged_in(&app, "gone@doe.test").await).await;
    assert_eq!(app.delete("/users/9/byExtRelation").await.0, 204);
    assert_eq!(status(&app, &mut phone).await, 401);
}

async fn without_a_public_address_there_are_none(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    give_password(&app, company.user).await;
    let mut browser = logged_in(&app, JON).await;
    assert_eq!(Browser::new(&app).get("/session/passkey").await.body["data"], json!({ "on": false }));
    let why = "Passkeys are off: the panel has no public address (public_url).";
    let listed = browser.get("/passkeys").await.body["data"].clone();
    assert_eq!(listed, json!({ "on": false, "reason": why, "passkeys": [] }));
    for (method, path, body) in [
        ("POST", "/session/passkey", Value::Null),
        ("PUT", "/session/passkey", json!({ "credential": {} })),
        ("POST", "/passkeys", json!({ "password": PASSWORD })),
        ("PUT", "/passkeys", json!({ "name": "phone", "credential": {} })),
    ] {
        let answer = browser.call(method, path, Some(body)).await;
        assert_eq!((answer.status, &answer.body["errors"][0]), (422, &json!(why)), "{method} {path}");
    }
}
