//! Dangerous operations want a fresh proof that it is still whoever logged in.

use std::collections::BTreeSet;

use berth_control::{
    actions::{
        logins::{ACCOUNT_FAILURES, FAILURE_WINDOW},
        second_factors::CODE_FAILURES,
    },
    clock::{MINUTE, SECOND},
    config::Config,
    http::panel,
    proof::{LIFE, OPERATIONS, Wants},
};
use berth_store::testing::Database;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    browser::{Answer, Browser, PASSWORD, give_password, logged_in},
    factors::{shows, switched_on, wrong},
    passkeys,
    people::identity,
    rows::{self, Company},
    shares, shop,
};

berth_store::on_both_databases!(
    each_dangerous_operation_wants_a_fresh_proof,
    a_proof_is_of_one_session_and_for_a_quarter_of_an_hour,
    where_there_is_a_second_factor_its_code_is_the_proof,
    t05_passwords_are_not_guessed_by_proofs,
    t05_codes_are_not_guessed_by_proofs_and_nobody_is_kept_out_by_them,
);

const EMAIL: &str = "jon@doe.test";
const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon";

async fn app(database: Database) -> (App, Company) {
    // There are passkeys where the panel has a name.
    let settings = |config| Config { strange_requests_per_second: 0, ..with_mail(config) };
    let app = App::start_with(database, settings).await;
    let company = rows::company(&app, 1, 100).await;
    give_password(&app, company.user).await;
    (app, company)
}

fn needs_proof(answer: &Answer, by: &str) -> bool {
    let wanted = json!({ "message": "Please prove again that it is you.", "needs": "proof", "by": [by] });
    (answer.status, &answer.body) == (403, &wanted)
}

/// Something dangerous that can be done again and again: a key that comes, and goes.
async fn dangerous(browser: &mut Browser) -> Answer {
    let key = json!({ "name": "laptop", "publicKey": PUBLIC_KEY });
    let added = browser.call("POST", "/keys", Some(key)).await;
    if added.status == 201 {
        let gone = browser.call("DELETE", &format!("/keys/{}", added.body["data"]["id"]), None).await;
        assert_eq!(gone.status, 204);
    }
    added
}

async fn prove(browser: &mut Browser, proof: Value) -> u16 {
    browser.call("POST", "/session/proof", Some(proof)).await.status
}

async fn audited(app: &App, action: &str) -> Value {
    app.get(&format!("/audit?action={action}")).await.1["total"].clone()
}

#[test]
fn every_operation_says_what_it_wants() {
    let served: BTreeSet<String> =
        panel::served().into_iter().map(|(method, path)| format!("{method} {path}")).collect();
    let listed: BTreeSet<String> = OPERATIONS.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let without_line: Vec<_> = served.difference(&listed).collect();
    let without_operation: Vec<_> = listed.difference(&served).collect();
    assert!(without_line.is_empty(), "say in proof.rs what they want: {without_line:?}");
    assert!(without_operation.is_empty(), "nothing answers to {without_operation:?}");
}

/// What a dangerous operation accepts.
fn body(company: &Company, method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("POST", "/tokens") => json!({ "name": "cron", "scopes": ["servers:read"] }),
        ("POST", "/keys") => json!({ "name": "laptop", "publicKey": PUBLIC_KEY }),
        ("POST", "/servers/{uuid}/password") => json!({}),
        ("POST", "/servers/{uuid}/build") => {
            json!({ "templateId": company.template, "hostname": "a.example", "sshKeys": [company.key] })
        }
        ("POST", "/servers/{uuid}/shares") => json!({ "email": "guest@doe.test", "rights": ["power"] }),
        ("PUT", "/servers/{uuid}/shares/{id}") => json!({ "rights": ["power"] }),
        ("DELETE", _) => return None,
        _ => panic!("{method} {path}: say here which body it takes"),
    })
}

/// A dangerous operation's path at something of Jon's own.
async fn at(app: &App, company: &Company, jon: &mut Browser, path: &str) -> String {
    let uuid = match path {
        // Only what its owner created by self service is deleted by them.
        "/servers/{uuid}" => {
            let order = shop::order(company, company.package);
            jon.call("POST", "/shop/servers", Some(order)).await.body["data"]["uuid"].as_str().unwrap().to_owned()
        }
        _ if path.contains("{uuid}") => {
            let id = company.built_server(app).await;
            app.get(&format!("/servers/{id}")).await.1["data"]["uuid"].as_str().unwrap().to_owned()
        }
        _ => String::new(),
    };
    let thing = match path {
        "/sessions/{id}" => jon.get("/sessions").await.body["data"][0]["id"].to_string(),
        "/identities/{id}" => identity(app, company.user, "https://id.example").await.to_string(),
        "/servers/{uuid}/shares/{id}" => shares::invite(jon, &uuid, "somebody@doe.test", &[]).await.to_string(),
        "/passkeys/{id}" => passkeys::added(jon).await.0.to_string(),
        "/keys/{id}" => {
            let key = json!({ "name": "to go", "publicKey": PUBLIC_KEY });
            jon.call("POST", "/keys", Some(key)).await.body["data"]["id"].to_string()
        }
        _ => String::new(),
    };
    path.replace("{uuid}", &uuid).replace("{id}", &thing)
}

async fn each_dangerous_operation_wants_a_fresh_proof(database: Database) {
    let (app, company) = app(database).await;
    shop::self_serving(&app, &company).await;
    let dangerous: Vec<_> = OPERATIONS.iter().filter(|(.., wants)| *wants == Wants::Proof).collect();
    assert!(dangerous.len() >= 9);
    for (method, path, _) in dangerous {
        let mut jon = logged_in(&app, EMAIL).await;
        let at = at(&app, &company, &mut jon, path).await;
        let body = body(&company, method, path);
        app.pass(LIFE);
        let refused = jon.call(method, &at, body.clone()).await;
        // Who has a passkey may show that instead.
        let by: &[&str] = if path.starts_with("/passkeys") { &["password", "passkey"] } else { &["password"] };
        let wanted = (403, &json!("proof"), &json!(by));
        assert_eq!((refused.status, &refused.body["needs"], &refused.body["by"]), wanted, "{method} {path}");
        jon.prove().await;
        let allowed = jon.call(method, &at, body).await;
        assert!((200..300).contains(&allowed.status), "{method} {path}: {} {}", allowed.status, allowed.body);
    }
    // The rest is as it was: an old proof, or none, keeps nobody from it.
    let mut jon = logged_in(&app, EMAIL).await;
    app.pass(LIFE);
    for (method, path, wants) in OPERATIONS {
        let is_harmless = *wants == Wants::Nothing && *method == "GET" && !path.contains('{');
        if is_harmless {
            let answer = jon.get(path).await;
            assert_ne!(answer.status, 403, "{path}: {}", answer.body);
        }
    }
    let id = company.built_server(&app).await;
    let uuid = app.get(&format!("/servers/{id}")).await.1["data"]["uuid"].as_str().unwrap().to_owned();
    let power = json!({ "action": "shutdown" });
    assert_eq!(jon.call("POST", &format!("/servers/{uuid}/power"), Some(power)).await.status, 200);
    let head = jon.request(Method::HEAD, "/panel/api/servers");
    assert_eq!(jon.send(head).await.status, 200);
    assert_eq!(jon.call("PATCH", "/keys", None).await.status, 405);
}

async fn a_proof_is_of_one_session_and_for_a_quarter_of_an_hour(database: Database) {
    let (app, _) = app(database).await;
    let (mut here, mut there) = (logged_in(&app, EMAIL).await, logged_in(&app, EMAIL).await);
    assert_eq!(
        (dangerous(&mut here).await.status, dangerous(&mut there).await.status),
        (201, 201),
        "logins are proofs"
    );
    app.pass(LIFE - 1);
    assert_eq!(dangerous(&mut here).await.status, 201);
    app.pass(1);
    assert!(needs_proof(&dangerous(&mut here).await, "password"));
    let stranger = Browser::new(&app).call("POST", "/session/proof", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(stranger.status, 401);
    for wrong in [
        json!({ "password": "not the password" }),
        json!({ "password": "" }),
        json!({ "code": "000000" }),
        json!({ "password": 1 }),
        json!({ "password": PASSWORD, "session": 1 }),
        json!([]),
    ] {
        assert_eq!(prove(&mut here, wrong.clone()).await, 422, "{wrong}");
    }
    assert!(needs_proof(&dangerous(&mut here).await, "password"));
    here.prove().await;
    assert_eq!(dangerous(&mut here).await.status, 201);
    assert!(needs_proof(&dangerous(&mut there).await, "password"), "each session by itself");
    app.pass(LIFE);
    assert!(needs_proof(&dangerous(&mut here).await, "password"), "use does not renew it");
    assert_eq!((audited(&app, "prove").await, audited(&app, "prove_refused").await), (json!(1), json!(1)));
    let written = app.get("/audit?results=200").await.1.to_string();
    assert!(!written.contains(PASSWORD) && !written.contains("not the password"));
    // A request that another page makes proves nothing.
    let proof = json!({ "password": PASSWORD }).to_string();
    let foreign = here.request(Method::POST, "/panel/api/session/proof").body(proof);
    assert_eq!(here.send(foreign).await.status, 403);
}

async fn where_there_is_a_second_factor_its_code_is_the_proof(database: Database) {
    let (app, _) = app(database).await;
    let mut browser = logged_in(&app, EMAIL).await;
    let (secret, codes) = switched_on(&app, &mut browser).await;
    app.pass(LIFE);
    assert!(needs_proof(&dangerous(&mut browser).await, "code"));
    for proof in [json!({ "password": PASSWORD }), json!({ "code": wrong(&app, &secret) }), json!({ "code": "" })] {
        assert_eq!(prove(&mut browser, proof.clone()).await, 422, "{proof}");
    }
    assert!(needs_proof(&dangerous(&mut browser).await, "code"));
    let code = json!({ "code": shows(&app, &secret) });
    let at_once = join_all((0..4).map(|_| {
        let (cookie, csrf) = (browser.cookie.clone(), browser.csrf.clone());
        let (app, code) = (&app, code.clone());
        async move {
            let mut tab = Browser::new(app);
            (tab.cookie, tab.csrf) = (cookie, csrf);
            prove(&mut tab, code).await
        }
    }));
    assert_eq!(at_once.await.into_iter().filter(|status| *status == 204).count(), 1, "a code is taken once");
    assert_eq!(dangerous(&mut browser).await.status, 201);
    app.pass(LIFE);
    assert_eq!(prove(&mut browser, json!({ "code": codes[0] })).await, 204, "a recovery code stands in");
    assert_eq!(prove(&mut browser, json!({ "code": codes[0] })).await, 422, "once");
    assert_eq!(dangerous(&mut browser).await.status, 201);
}

async fn t05_passwords_are_not_guessed_by_proofs(database: Database) {
    let (app, _) = app(database).await;
    let browser = logged_in(&app, EMAIL).await;
    app.pass(LIFE);
    let guesses = (0..ACCOUNT_FAILURES + 5).map(|n| {
        let (cookie, csrf, app) = (browser.cookie.clone(), browser.csrf.clone(), &app);
        async move {
            let mut tab = Browser::new(app);
            (tab.cookie, tab.csrf) = (cookie, csrf);
            prove(&mut tab, json!({ "password": format!("guess {n}") })).await
        }
    });
    let statuses = join_all(guesses).await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count() as u64;
    assert_eq!((count(422), count(429)), (ACCOUNT_FAILURES, 5), "at once no more than in a row");
    assert_eq!(audited(&app, "prove_refused").await, json!(ACCOUNT_FAILURES));
    let mut browser = browser;
    assert_eq!(prove(&mut browser, json!({ "password": PASSWORD })).await, 429, "also the right one");
    assert!(needs_proof(&dangerous(&mut browser).await, "password"));
    app.pass(FAILURE_WINDOW + MINUTE);
    browser.prove().await;
    assert_eq!(dangerous(&mut browser).await.status, 201);
}

async fn t05_codes_are_not_guessed_by_proofs_and_nobody_is_kept_out_by_them(database: Database) {
    let (app, _) = app(database).await;
    let mut browser = logged_in(&app, EMAIL).await;
    let (secret, _) = switched_on(&app, &mut browser).await;
    app.pass(LIFE);
    for guess in 0..CODE_FAILURES {
        assert_eq!(prove(&mut browser, json!({ "code": wrong(&app, &secret) })).await, 422, "{guess}");
    }
    let right = json!({ "code": shows(&app, &secret) });
    assert_eq!(prove(&mut browser, right).await, 429);
    app.pass(30 * SECOND);
    // Whoever holds a stolen session must not lock the owner out, who has the password too.
    let mut owner = Browser::new(&app);
    let login = json!({ "email": EMAIL, "password": PASSWORD, "code": shows(&app, &secret) });
    let entered = owner.call("POST", "/session", Some(login)).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    owner.csrf = entered.body["data"]["csrf"].as_str().unwrap().to_owned();
    assert_eq!(dangerous(&mut owner).await.status, 201, "and a login is a proof");
}
