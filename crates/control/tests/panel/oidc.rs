//! Staff log in by their company's provider: once for each time that it was begun, with what it really signed, and
//! nobody but staff.

use axum::http::StatusCode;
use berth_control::{
    actions::oidc_logins::{ATTEMPT_LIFE, ATTEMPTS_OF_ADDRESS},
    clock::{MINUTE, SECOND},
    config::Config,
};
use berth_store::{testing::Database, user, user_identity};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    browser::{Answer, Browser, PASSWORD, give_password, suspend},
    provider::{CLIENT, Provider, SECRET, Signed},
};

berth_store::on_both_databases!(
    staff_log_in_by_their_provider,
    t05_a_login_ends_once_in_the_browser_that_began_it,
    t05_whoever_begins_logins_without_end_keeps_nobody_else_out,
    t05_no_false_token_logs_anybody_in,
    t05_nobody_but_staff_is_logged_in_by_a_provider,
    without_its_provider_there_are_still_passwords,
    a_claim_gives_the_role_and_keeps_the_last_owner,
    whoever_has_a_role_becomes_a_user_where_that_is_set,
);

const ADMIN: &str = "admin@example.test";
pub const ANN: &str = "ann@example.test";

pub async fn app(database: Database, provider: &Provider, further: impl FnOnce(Config) -> Config) -> App {
    let settings =
        |config| further(provider.configured(Config { strange_requests_per_second: 0, ..with_mail(config) }));
    App::start_with(database, settings).await
}

/// A user, who is staff unless the role is `customer`.
pub async fn somebody(app: &App, email: &str, role: &str) -> i64 {
    let (status, body) = app.post("/users", json!({ "name": "Ann", "email": email })).await;
    assert_eq!(status, 201, "{body}");
    let id = body["data"]["id"].as_i64().unwrap();
    assert_eq!(app.put(&format!("/users/{id}/role"), json!({ "role": role })).await.0, 200);
    id
}

async fn role(app: &App, id: i64) -> Option<String> {
    user::by_id(app.ctx.store.read(), id).await.unwrap().unwrap().role
}

/// Begins a login, and does at the provider what is asked there: the path that it leads back to.
async fn begun(browser: &mut Browser, next: Option<&str>) -> String {
    begun_at(browser, "/sign-on", next).await
}

pub async fn begun_at(browser: &mut Browser, door: &str, next: Option<&str>) -> String {
    let answer = browser.call("POST", door, Some(json!({ "next": next }))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let to = answer.body["data"]["url"].as_str().unwrap().to_owned();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = client.get(to).send().await.unwrap();
    let back = response.headers()["location"].to_str().unwrap().to_owned();
    back.strip_prefix("https://panel.example.test").unwrap().to_owned()
}

pub async fn back(browser: &mut Browser, path: &str) -> Answer {
    let request = browser.request(Method::GET, path);
    browser.send(request).await
}

pub fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.headers["location"].to_str().unwrap()
}

pub async fn log_in(app: &App) -> (Browser, String) {
    let mut browser = Browser::new(app);
    let path = begun(&mut browser, None).await;
    let answer = back(&mut browser, &path).await;
    let to = location(&answer).to_owned();
    (browser, to)
}

/// The secret that a page reads before it changes something.
pub async fn learn_secret(browser: &mut Browser) {
    browser.csrf = browser.get("/session").await.body["data"]["csrf"].as_str().unwrap().to_owned();
}

async fn is_refused(app: &App, reason: &str, what: &str) {
    let (mut browser, to) = log_in(app).await;
    assert_eq!(to, format!("/login?reason={reason}"), "{what}");
    assert_eq!(browser.get("/session").await.status, 401, "{what}");
}

pub async fn audited(app: &App, action: &str) -> Vec<Value> {
    app.get(&format!("/audit?action={action}")).await.1["data"].as_array().unwrap().clone()
}

async fn staff_log_in_by_their_provider(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    let ann = somebody(&app, ANN, "support").await;
    provider.is_asked_by("7", "Ann@Example.test", json!({}));
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/sign-on").await.body["data"]["label"], "Company login");
    for strange in ["//evil.test/", "https://evil.test/", "profile"] {
        let answer = browser.call("POST", "/sign-on", Some(json!({ "next": strange }))).await;
        let named = answer.body["errors"][0].as_str().is_some_and(|sentence| sentence.contains("next"));
        assert!(answer.status == 422 && named, "{strange}: {}", answer.body);
    }
    let path = begun(&mut browser, Some("/server/1?tab=x")).await;
    let answer = back(&mut browser, &path).await;
    assert_eq!(location(&answer), "/server/1?tab=x");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    let set: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(
        set[0].starts_with("__Host-berth=") && set[1].starts_with("__Host-berth-oidc=; Path=/; Max-Age=0"),
        "{set:?}"
    );
    for cookie in set {
        assert!(["Secure", "HttpOnly", "SameSite=Lax"].iter().all(|word| cookie.contains(word)), "{cookie}");
    }
    assert_eq!(browser.get("/session").await.body["data"]["user"]["email"], ANN);
    learn_secret(&mut browser).await;
    let kept = user_identity::of_user(app.ctx.store.read(), ann).await.unwrap();
    assert_eq!((kept.len(), &*kept[0].issuer, &*kept[0].subject), (1, &*provider.issuer, "7"));
    assert_eq!(audited(&app, "link_identity").await[0]["after"]["subject"], "7");
    assert_eq!(audited(&app, "log_in").await[0]["after"]["by"], "OpenID Connect");

    // From now on it is the subject that is known, whatever the address; and it is told of a login from elsewhere.
    provider.is_asked_by("7", "lee@elsewhere.test", json!({ "email_verified": false }));
    let mut other = Browser::new(&app);
    other.user_agent = "Lynx".to_owned();
    let path = begun(&mut other, None).await;
    let answer = back(&mut other, &path).await;
    assert_eq!(location(&answer), "/");
    assert_eq!(other.get("/session").await.body["data"]["user"]["email"], ANN);
    assert_eq!(audited(&app, "link_identity").await.len(), 1);
    assert_eq!(app.mailed().await, ["sign_in"]);
    assert_eq!(browser.call("DELETE", "/session", None).await.status, 204);
    assert_eq!(browser.get("/session").await.status, 401);

    // A provider that wants the secret in the body, and one that signs on a curve.
    app.pass(61 * MINUTE);
    {
        let mut doing = provider.doing();
        (doing.takes_header, doing.publishes, doing.signed) =
            (false, vec![Signed::Rs256, Signed::Es256], Signed::Es256);
        doing.now_s += 61 * 60;
    }
    let (mut third, to) = log_in(&app).await;
    assert_eq!(to, "/");
    let mine = third.get("/identities").await.body["data"].clone();
    assert_eq!((mine.as_array().unwrap().len(), &mine[0]["issuer"]), (1, &json!(provider.issuer)));
    learn_secret(&mut third).await;
    assert_eq!(third.call("DELETE", &format!("/identities/{}", mine[0]["id"]), None).await.status, 204);
    assert_eq!(audited(&app, "unlink_identity").await[0]["before"]["subject"], "7");
    is_refused(&app, "oidc-unverified", "it goes by the address again").await;
}

async fn t05_a_login_ends_once_in_the_browser_that_began_it(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    somebody(&app, ANN, "admin").await;
    provider.is_asked_by("7", ANN, json!({}));
    let refused = |answer: &Answer, reason: &str| assert_eq!(location(answer), format!("/login?reason={reason}"));

    let (mut victim, mut thief) = (Browser::new(&app), Browser::new(&app));
    let path = begun(&mut thief, None).await;
    refused(&back(&mut victim, &path).await, "oidc-browser");
    begun(&mut victim, None).await;
    refused(&back(&mut victim, &path).await, "oidc-browser");
    for strange in ["/oidc/callback", "/oidc/callback?code=x", "/oidc/callback?code=x&state=x"] {
        refused(&back(&mut thief, strange).await, "oidc-over");
    }
    // Many at once, and again: one of them is in.
    let cookie = thief.sign_on.clone();
    let clicks = (0..8).map(|_| {
        let (app, path, cookie) = (&app, &path, cookie.clone());
        async move {
            let mut browser = Browser::new(app);
            browser.sign_on = cookie;
            location(&back(&mut browser, path).await).to_owned()
        }
    });
    let landed = join_all(clicks).await;
    assert_eq!(landed.iter().filter(|to| *to == "/").count(), 1, "{landed:?}");
    assert_eq!(landed.iter().filter(|to| *to == "/login?reason=oidc-over").count(), 7, "{landed:?}");
    let mut again = Browser::new(&app);
    again.sign_on = cookie;
    refused(&back(&mut again, &path).await, "oidc-over");

    let mut slow = Browser::new(&app);
    let path = begun(&mut slow, None).await;
    app.pass(ATTEMPT_LIFE);
    refused(&back(&mut slow, &path).await, "oidc-over");
    let mut sorry = Browser::new(&app);
    let path = begun(&mut sorry, None).await;
    let state = path.split("state=").nth(1).unwrap();
    refused(&back(&mut sorry, &format!("/oidc/callback?error=access_denied&state={state}")).await, "oidc-denied");
    let mut mixed = Browser::new(&app);
    let path = begun(&mut mixed, None).await;
    refused(&back(&mut mixed, &format!("{path}&iss=https://evil.test")).await, "oidc-denied");
    let rows = serde_json::to_string(&audited(&app, "log_in").await).unwrap();
    assert!(!rows.contains("code-") && !rows.contains(state), "{rows}");
}

async fn t05_whoever_begins_logins_without_end_keeps_nobody_else_out(database: Database) {
    let provider = Provider::start().await;
    let behind = |config| Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..config };
    let app = app(database, &provider, behind).await;
    let (mut browser, mut other) = (Browser::new(&app), Browser::new(&app));
    let mut begin = async |address: &str| {
        let request = browser.request(Method::POST, "/panel/api/sign-on").header("x-forwarded-for", address);
        browser.send(request.header("content-type", "application/json").body("{}")).await
    };
    for n in 0..ATTEMPTS_OF_ADDRESS {
        assert_eq!(begin("198.51.100.1").await.status, 200, "{n}");
    }
    let refused = begin("198.51.100.1").await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(refused.headers["retry-after"], "600");
    assert_eq!(begin("198.51.100.2").await.status, 200);
    let body = json!({ "email": ADMIN, "password": "guess" }).to_string();
    let login = other.request(Method::POST, "/panel/api/session").header("x-forwarded-for", "198.51.100.1");
    let login = other.send(login.header("content-type", "application/json").body(body)).await;
    assert_eq!(login.status, 401, "its passwords are looked at");
    app.pass(ATTEMPT_LIFE);
    assert_eq!(begin("198.51.100.1").await.status, 200);
}

async fn t05_no_false_token_logs_anybody_in(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    somebody(&app, ANN, "admin").await;
    let now_s = provider.doing().now_s;
    let false_claims = [
        json!({ "nonce": "of another login" }),
        json!({ "nonce": null }),
        json!({ "aud": "another" }),
        json!({ "aud": [CLIENT, "another"] }),
        json!({ "azp": "another" }),
        json!({ "iss": "https://evil.test" }),
        json!({ "exp": now_s - 60 }),
        json!({ "exp": null }),
        json!({ "iat": now_s + 61 }),
        json!({ "sub": "" }),
        json!({ "sub": "x".repeat(256) }),
    ];
    for claims in false_claims {
        provider.is_asked_by("7", ANN, claims.clone());
        is_refused(&app, "oidc-token", &claims.to_string()).await;
    }
    provider.is_asked_by("7", ANN, json!({}));
    assert_eq!(log_in(&app).await.1, "/", "and a good one does");
    // Its keys change: they are read anew, though not for everybody who names one that is not there.
    {
        let mut doing = provider.doing();
        (doing.publishes, doing.signed) = (vec![Signed::Es256], Signed::Es256);
    }
    is_refused(&app, "oidc-token", "a new key at once").await;
    app.pass(MINUTE);
    assert_eq!(log_in(&app).await.1, "/");
    provider.doing().publishes.push(Signed::Rs256);
    app.pass(MINUTE);
    for signed in [Signed::Not, Signed::Hs256, Signed::UnknownKey, Signed::Forged, Signed::Changed] {
        provider.doing().signed = signed;
        is_refused(&app, "oidc-token", &format!("{signed:?}")).await;
    }
    provider.doing().signed = Signed::Rs256;
    provider.doing().secret = "another secret";
    is_refused(&app, "oidc-token", "the secret").await;
    provider.doing().secret = SECRET;
    let mut browser = Browser::new(&app);
    let path = begun(&mut browser, None).await;
    let answer = back(&mut browser, &path.replace("code=code-", "code=another-")).await;
    assert_eq!(location(&answer), "/login?reason=oidc-token", "another code");
}

async fn t05_nobody_but_staff_is_logged_in_by_a_provider(database: Database) {
    let provider = Provider::start().await;
    let only = |config| Config { oidc_email_domains: vec!["example.test".to_owned()], ..config };
    let app = app(database, &provider, only).await;
    let ann = somebody(&app, ANN, "read-only").await;
    somebody(&app, "customer@example.test", "customer").await;
    somebody(&app, "strange@elsewhere.test", "admin").await;
    somebody(&app, "kim@example.test", "admin").await;
    let cases = [
        ("oidc-unverified", ANN, json!({ "email_verified": false })),
        ("oidc-unverified", ANN, json!({ "email_verified": null })),
        ("oidc-unverified", ANN, json!({ "email": null })),
        ("oidc-domain", "strange@elsewhere.test", json!({})),
        ("oidc-domain", "ann@example.test@elsewhere.test", json!({})),
        ("oidc-nobody", "nobody@example.test", json!({})),
        // Its small letter is a `k`, and the mailbox another one.
        ("oidc-nobody", "\u{212a}im@example.test", json!({})),
        ("oidc-nobody", "customer@example.test", json!({})),
    ];
    for (reason, email, further) in cases {
        provider.is_asked_by("7", email, further.clone());
        is_refused(&app, reason, &format!("{email} {further}")).await;
    }
    assert_eq!(audited(&app, "log_in_refused").await[0]["after"]["reason"], "oidc-nobody");
    assert_eq!(user_identity::of_user(app.ctx.store.read(), ann).await.unwrap(), []);

    provider.is_asked_by("7", ANN, json!({}));
    assert_eq!(log_in(&app).await.1, "/");
    provider.is_asked_by("8", ANN, json!({}));
    is_refused(&app, "oidc-other", "the address went to somebody else").await;
    provider.is_asked_by("7", ANN, json!({}));
    suspend(&app, ann, true).await;
    is_refused(&app, "suspended", "suspended").await;
    assert_eq!(audited(&app, "log_in_refused").await[0]["after"]["reason"], "suspended");
    suspend(&app, ann, false).await;
    assert_eq!(app.put(&format!("/users/{ann}/role"), json!({ "role": "customer" })).await.0, 200);
    is_refused(&app, "oidc-nobody", "who is no longer staff").await;
}

async fn without_its_provider_there_are_still_passwords(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    give_password(&app, 1).await;
    provider.is_asked_by("7", ADMIN, json!({}));
    let away = async |body: &str| {
        let mut browser = Browser::new(&app);
        let answer = browser.call("POST", "/sign-on", Some(json!({}))).await;
        let said = answer.body["message"].as_str().unwrap_or_default();
        assert!(answer.status == 503 && said.contains("Log in with your password"), "{body}: {}", answer.body);
        assert_eq!(browser.log_in(ADMIN, PASSWORD).await.status, 200);
    };
    let huge = json!({ "issuer": provider.issuer, "x": "x".repeat(300 * 1024) }).to_string();
    let other = json!({ "issuer": "https://evil.test" }).to_string();
    let broken = [
        (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        (StatusCode::FOUND, String::new()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, huge),
        (StatusCode::OK, other),
    ];
    for (status, body) in broken {
        provider.doing().broken = Some((status, body.clone()));
        away(&body).await;
        app.pass(10 * SECOND);
    }
    provider.doing().broken = None;
    assert_eq!(log_in(&app).await.1, "/");
    // Between the two.
    let mut browser = Browser::new(&app);
    let path = begun(&mut browser, None).await;
    provider.doing().broken = Some((StatusCode::BAD_GATEWAY, String::new()));
    let answer = back(&mut browser, &path).await;
    assert_eq!(location(&answer), "/login?reason=oidc-away");
}

fn with_roles(config: Config) -> Config {
    let roles = ["owners=owner", "admins=admin", "helpers=support"].map(str::to_owned);
    Config { oidc_role_claim: Some("realm.groups".to_owned()), oidc_roles: roles.to_vec(), ..config }
}

fn in_groups(groups: &[&str]) -> Value {
    json!({ "realm": { "groups": groups } })
}

async fn a_claim_gives_the_role_and_keeps_the_last_owner(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, with_roles).await;
    let ann = somebody(&app, ANN, "read-only").await;
    for (groups, given) in [
        (&["helpers", "strange"][..], "support"),
        (&["helpers", "admins"][..], "admin"),
        (&["owners"][..], "owner"),
        (&["helpers"][..], "support"),
    ] {
        provider.is_asked_by("7", ANN, in_groups(groups));
        assert_eq!(log_in(&app).await.1, "/");
        assert_eq!(role(&app, ann).await.as_deref(), Some(given));
    }
    let log = audited(&app, "set_user_role").await;
    assert_eq!((&log[0]["before"]["role"], &log[0]["after"]["role"]), (&json!("owner"), &json!("support")));
    let given = log.len();
    assert_eq!(log_in(&app).await.1, "/");
    assert_eq!(audited(&app, "set_user_role").await.len(), given, "nothing changed");
    for further in [json!({}), in_groups(&[]), in_groups(&["Admins"]), json!({ "realm": true })] {
        provider.is_asked_by("7", ANN, further.clone());
        is_refused(&app, "oidc-role", &further.to_string()).await;
    }
    assert_eq!(role(&app, ann).await.as_deref(), Some("support"));
    assert_eq!(audited(&app, "log_in_refused").await[0]["after"]["reason"], "oidc-role");

    // There is one owner, and there will be.
    provider.is_asked_by("1", ADMIN, in_groups(&["helpers"]));
    assert_eq!(log_in(&app).await.1, "/");
    assert_eq!(role(&app, 1).await.as_deref(), Some("owner"));
    assert_eq!(app.put(&format!("/users/{ann}/role"), json!({ "role": "owner" })).await.0, 200);
    assert_eq!(log_in(&app).await.1, "/");
    assert_eq!(role(&app, 1).await.as_deref(), Some("support"));
}

async fn whoever_has_a_role_becomes_a_user_where_that_is_set(database: Database) {
    let provider = Provider::start().await;
    let settings = |config| Config {
        oidc_email_domains: vec!["example.test".to_owned()],
        oidc_create_users: true,
        ..with_roles(config)
    };
    let app = app(database, &provider, settings).await;
    let customer = somebody(&app, "customer@example.test", "customer").await;
    for (reason, email, further) in [
        ("oidc-role", ANN, json!({})),
        ("oidc-unverified", ANN, json!({ "realm": { "groups": ["helpers"] }, "email_verified": false })),
        ("oidc-domain", "ann@elsewhere.test", in_groups(&["helpers"])),
        ("oidc-nobody", "customer@example.test", in_groups(&["owners"])),
    ] {
        provider.is_asked_by("7", email, further.clone());
        is_refused(&app, reason, &format!("{email} {further}")).await;
    }
    assert_eq!(role(&app, customer).await, None, "a customer stays one");
    provider.is_asked_by("7", ANN, in_groups(&["helpers"]));
    for _ in 0..2 {
        let (mut browser, to) = log_in(&app).await;
        assert_eq!(to, "/");
        let user = browser.get("/session").await.body["data"]["user"].clone();
        assert_eq!((&user["name"], &user["email"]), (&json!("Ann Lee"), &json!(ANN)));
    }
    let made = user::by_email(app.ctx.store.read(), ANN).await.unwrap().unwrap();
    assert_eq!((made.role.as_deref(), made.admin), (Some("support"), false));
    let log = audited(&app, "create_user").await;
    assert_eq!((log.len(), &log[0]["actor"]["type"]), (2, &json!("system")), "{log:?}");
    assert_eq!(Browser::new(&app).log_in(ANN, PASSWORD).await.status, 401);
}
