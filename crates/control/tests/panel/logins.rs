//! Logins: what is refused, limited and written down.

use berth_control::{
    actions::{
        logins::{ACCOUNT_FAILURES, ADDRESS_FAILURES, FAILURE_WINDOW, IDLE_LIFE, WHOLE_LIFE},
        passwords,
    },
    clock::{DAY, MINUTE},
};
use berth_store::{
    session,
    testing::Database,
    user::{self, Change},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{Browser, PASSWORD, give_password, logged_in},
    rows,
};

berth_store::on_both_databases!(
    a_login_is_a_session_that_ends,
    t05_passwords_are_guessed_ten_times_and_no_more,
    a_session_is_never_another_browsers,
    t08_a_request_that_changes_something_carries_the_sessions_secret,
    a_new_password_ends_the_other_sessions,
    t05_a_password_that_is_changed_while_it_is_looked_at_opens_nothing,
    a_suspended_user_is_out_at_once,
    who_is_logged_in_chooses_a_language,
);

async fn app(database: Database) -> (App, rows::Company) {
    let settings = |config| berth_control::config::Config { strange_requests_per_second: 0, ..config };
    let app = App::start_with(database, settings).await;
    let company = rows::company(&app, 1, 20).await;
    give_password(&app, company.user).await;
    (app, company)
}

async fn audited(app: &App, action: &str) -> Value {
    app.get(&format!("/audit?action={action}")).await.1["data"].clone()
}

async fn who_is_logged_in_chooses_a_language(database: Database) {
    let (app, _) = app(database).await;
    let mut browser = logged_in(&app, "jon@doe.test").await;
    let account = browser.get("/session").await.body["data"]["user"].clone();
    assert_eq!(account["language"], "en");
    for wrong in [json!("german"), json!("de_DE"), json!(""), json!(null), json!(["de"])] {
        let refused = browser.call("PUT", "/language", Some(json!({ "language": wrong }))).await;
        let said = refused.body["errors"][0].as_str().unwrap_or_default();
        assert!(refused.status == 422 && said.contains("language"), "{wrong}: {} {}", refused.status, refused.body);
    }
    assert_eq!(browser.get("/session").await.body["data"]["user"], account);
    assert_eq!(browser.call("PUT", "/language", Some(json!({ "language": "de-at" }))).await.status, 204);
    assert_eq!(browser.get("/session").await.body["data"]["user"]["language"], "de-AT");
    let (_, users) = app.get("/users?email=jon@doe.test").await;
    assert_eq!(users["data"][0]["language"], "de-AT", "the shop sees it");
    let written = audited(&app, "choose_language").await;
    assert_eq!((written.as_array().map(Vec::len), &written[0]["after"]), (Some(1), &json!({ "language": "de-AT" })));
}

async fn a_login_is_a_session_that_ends(database: Database) {
    let (app, _) = app(database).await;
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/session").await.status, 401);
    for (email, password) in [("jon@doe.test", "wrong"), ("nobody@doe.test", PASSWORD), ("", ""), ("jon@doe.test", "")]
    {
        let refused = browser.log_in(email, password).await;
        assert_eq!((refused.status, &refused.body), (401, &json!({ "message": "Unauthenticated." })), "{email}");
        assert_eq!(browser.cookie, None);
    }
    let answer = browser.log_in(" Jon@Doe.test ", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let account = &answer.body["data"]["user"];
    assert_eq!((&account["name"], &account["email"]), (&json!("Jon Doe"), &json!("jon@doe.test")));
    let set = answer.headers["set-cookie"].to_str().unwrap();
    for part in ["__Host-berth=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(part), "{set}");
    }
    let again = browser.get("/session").await;
    assert_eq!((again.status, &again.body), (200, &answer.body));
    let sessions = browser.get("/sessions").await.body["data"].clone();
    assert_eq!((sessions.as_array().unwrap().len(), &sessions[0]["current"]), (1, &json!(true)));
    assert_eq!(sessions[0]["address"], "127.0.0.1");

    // In use it holds, but not for ever.
    let mut used = 0;
    while used + IDLE_LIFE - DAY < WHOLE_LIFE {
        app.pass(IDLE_LIFE - DAY);
        used += IDLE_LIFE - DAY;
        assert_eq!(browser.get("/session").await.status, 200, "after {} days", used / DAY);
    }
    app.pass(IDLE_LIFE - DAY);
    assert_eq!(browser.get("/session").await.status, 401, "after thirty days");
    let mut idle = logged_in(&app, "jon@doe.test").await;
    app.pass(IDLE_LIFE);
    assert_eq!(idle.get("/session").await.status, 401);
    let mut leaving = logged_in(&app, "jon@doe.test").await;
    let stolen = leaving.cookie.clone();
    assert_eq!(leaving.call("DELETE", "/session", None).await.status, 204);
    assert_eq!(leaving.cookie, None);
    leaving.cookie = stolen;
    assert_eq!(leaving.get("/session").await.status, 401, "who kept the cookie has nothing");
    assert_eq!(audited(&app, "log_in").await.as_array().unwrap().len(), 3);
    assert_eq!(audited(&app, "log_out").await.as_array().unwrap().len(), 1);
}

async fn t05_passwords_are_guessed_ten_times_and_no_more(database: Database) {
    let (app, _) = app(database).await;
    // At once, since a limit that looks first and counts later lets a burst through.
    let guesses = (0..30).map(|n| {
        let app = &app;
        async move { Browser::new(app).log_in("jon@doe.test", &format!("guess {n}")).await.status }
    });
    let statuses = join_all(guesses).await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count() as u64;
    assert_eq!((count(401), count(429)), (ACCOUNT_FAILURES, 30 - ACCOUNT_FAILURES));
    let refused = Browser::new(&app).log_in("jon@doe.test", PASSWORD).await;
    assert_eq!(refused.status, 429, "also with the right one");
    assert_eq!(refused.headers["retry-after"], "900");
    assert_eq!(audited(&app, "log_in_refused").await.as_array().unwrap().len() as u64, ACCOUNT_FAILURES);
    app.pass(FAILURE_WINDOW + 1);
    assert_eq!(Browser::new(&app).log_in("jon@doe.test", PASSWORD).await.status, 200);

    // Over many accounts, whether they are there or not.
    for n in 0..ADDRESS_FAILURES {
        assert_eq!(Browser::new(&app).log_in(&format!("user{n}@doe.test"), "guess").await.status, 401, "{n}");
    }
    assert_eq!(Browser::new(&app).log_in("mary@doe.test", "guess").await.status, 429);
    app.pass(FAILURE_WINDOW + 1);
    assert_eq!(Browser::new(&app).log_in("jon@doe.test", PASSWORD).await.status, 200);
}

async fn a_session_is_never_another_browsers(database: Database) {
    let (app, _) = app(database).await;
    // Fixation: a cookie that somebody put there does not become a session.
    let mut victim = Browser::new(&app);
    victim.cookie = Some("__Host-berth=chosenbysomebodyelse".to_owned());
    assert_eq!(victim.log_in("jon@doe.test", PASSWORD).await.status, 200);
    assert!(!victim.cookie.as_ref().unwrap().contains("chosen"));
    // A login in a browser that has a session ends that one.
    let first = victim.cookie.clone();
    assert_eq!(victim.log_in("jon@doe.test", PASSWORD).await.status, 200);
    let second = std::mem::replace(&mut victim.cookie, first);
    assert_eq!(victim.get("/session").await.status, 401);
    victim.cookie = second;
    // Ended from elsewhere, and only one's own.
    let mut elsewhere = logged_in(&app, "jon@doe.test").await;
    let sessions = elsewhere.get("/sessions").await.body["data"].clone();
    let other = sessions.as_array().unwrap().iter().find(|one| one["current"] == false).unwrap()["id"].clone();
    assert_eq!(elsewhere.call("DELETE", &format!("/sessions/{other}"), None).await.status, 204);
    assert_eq!(victim.get("/session").await.status, 401);
    assert_eq!(elsewhere.call("DELETE", &format!("/sessions/{other}"), None).await.status, 404);
    // A bearer token is none of the panel's, and a cookie none of the Global API's.
    let bearer = elsewhere.request(Method::GET, "/panel/api/session").bearer_auth(&app.token);
    let mut nobody = Browser::new(&app);
    assert_eq!(elsewhere.send(bearer).await.status, 200, "the cookie counts");
    let bearer = nobody.request(Method::GET, "/panel/api/session").bearer_auth(&app.token);
    assert_eq!(nobody.send(bearer).await.status, 401);
    let cookie = elsewhere.request(Method::GET, "/api/v1/connect");
    assert_eq!(elsewhere.send(cookie).await.status, 401);
}

async fn t08_a_request_that_changes_something_carries_the_sessions_secret(database: Database) {
    let (app, _) = app(database).await;
    let mut browser = logged_in(&app, "jon@doe.test").await;
    let mut other = logged_in(&app, "jon@doe.test").await;
    let path = "/panel/api/session";
    for (name, csrf) in [("none", ""), ("a guess", "abc"), ("another session's", other.csrf.as_str())] {
        let request = browser.request(Method::DELETE, path).header("x-csrf-token", csrf);
        assert_eq!(browser.send(request).await.status, 403, "{name}");
    }
    let foreign = browser.request(Method::DELETE, path).header("x-csrf-token", &browser.csrf);
    assert_eq!(browser.send(foreign.header("origin", "https://evil.example")).await.status, 403);
    let foreign = other.request(Method::POST, path).header("origin", "https://evil.example");
    let login = json!({ "email": "jon@doe.test", "password": PASSWORD }).to_string();
    assert_eq!(other.send(foreign.body(login)).await.status, 403, "nobody else begins a login");
    assert_eq!(browser.get("/session").await.status, 200, "it is still there");
    assert_eq!(browser.call("DELETE", "/session", None).await.status, 204);
}

async fn a_new_password_ends_the_other_sessions(database: Database) {
    let (app, company) = app(database).await;
    let (mut here, mut there) = (logged_in(&app, "jon@doe.test").await, logged_in(&app, "jon@doe.test").await);
    let new = "a longer password";
    for (current, new, status) in [("wrong", new, 422), (PASSWORD, "short", 422), (PASSWORD, "", 422)] {
        let body = json!({ "current": current, "new": new });
        assert_eq!(here.call("PUT", "/password", Some(body)).await.status, status);
    }
    let body = json!({ "current": PASSWORD, "new": new });
    assert_eq!(here.call("PUT", "/password", Some(body)).await.status, 204);
    assert_eq!((here.get("/session").await.status, there.get("/session").await.status), (200, 401));
    assert_eq!(there.log_in("jon@doe.test", PASSWORD).await.status, 401);
    assert_eq!(there.log_in("jon@doe.test", new).await.status, 200);
    // Given a new one by the billing system, all of them end.
    let relation = json!({ "extRelationId": 7 });
    let (_, user) = app.post("/users", json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 })).await;
    let (id, password) = (user["data"]["id"].as_i64().unwrap(), user["data"]["password"].as_str().unwrap().to_owned());
    assert_ne!(id, company.user);
    let mut mary = Browser::new(&app);
    assert_eq!(mary.log_in("mary@doe.test", &password).await.status, 200, "as it was shown once");
    assert_eq!(app.post("/users/7/byExtRelation/resetPassword", relation).await.0, 201);
    assert_eq!(mary.get("/session").await.status, 401);
    // Guesses of the present password are limited like logins.
    app.pass(FAILURE_WINDOW + MINUTE);
    let mut last = 0;
    for _ in 0..=ACCOUNT_FAILURES {
        let guess = json!({ "current": "guess", "new": new });
        last = here.call("PUT", "/password", Some(guess)).await.status;
    }
    assert_eq!(last, 429);
}

/// As a mailed link does it: another password, and no session.
async fn set_anew(app: &App, id: i64, hash: &str) {
    let now = app.ctx.now();
    let set = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let hash = hash.to_owned();
        Box::pin(async move {
            let row = user::by_id(tx, id).await?.unwrap();
            user::change(tx, row, Change { password_hash: Some(hash), ..Change::default() }, now).await?;
            Ok(session::end_others(tx, id, None).await?)
        })
    });
    set.await.unwrap();
}

/// Sets it once one of the account is looked at, which was read before.
async fn set_meanwhile(app: &App, id: i64, hash: &str, hashed: u64) {
    while app.ctx.hashing.done() == hashed {
        tokio::task::yield_now().await;
    }
    set_anew(app, id, hash).await;
}

async fn t05_a_password_that_is_changed_while_it_is_looked_at_opens_nothing(database: Database) {
    let (app, company) = app(database).await;
    let (id, email, new) = (company.user, "jon@doe.test", "a longer password");
    let (old_hash, new_hash) =
        (passwords::hash(&app.ctx, PASSWORD).await.unwrap(), passwords::hash(&app.ctx, new).await.unwrap());
    let mut late = Browser::new(&app);
    let hashed = app.ctx.hashing.done();
    tokio::join!(late.log_in(email, PASSWORD), set_meanwhile(&app, id, &new_hash, hashed));
    assert_eq!(late.get("/session").await.status, 401, "no session is left of the old one");

    // Nor does it take the new one's place.
    assert_eq!(late.log_in(email, new).await.status, 200);
    let hashed = app.ctx.hashing.done();
    let change = json!({ "current": new, "new": "what somebody else chose" });
    tokio::join!(late.call("PUT", "/password", Some(change)), set_meanwhile(&app, id, &old_hash, hashed));
    assert_eq!(late.get("/session").await.status, 401);
    assert_eq!(late.log_in(email, PASSWORD).await.status, 200);
}

async fn a_suspended_user_is_out_at_once(database: Database) {
    let (app, _) = app(database).await;
    let (_, user) = app.post("/users", json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 })).await;
    let password = user["data"]["password"].as_str().unwrap();
    let mut mary = Browser::new(&app);
    assert_eq!(mary.log_in("mary@doe.test", password).await.status, 200);
    assert_eq!(app.put("/users/7/byExtRelation", json!({ "enabled": false })).await.0, 201);
    assert_eq!(mary.get("/session").await.status, 401);
    assert_eq!(mary.log_in("mary@doe.test", password).await.status, 401);
    assert_eq!(app.post("/users/7/authenticationTokens", json!({})).await.0, 422);
    assert_eq!(app.delete("/users/7/byExtRelation").await.0, 204, "sessions are not in the way");
}
