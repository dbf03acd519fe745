//! Staff prove by their company's provider that it is still them: where it asked who they are, for the session that went
//! there, and never past a second factor.

use berth_control::{clock::SECOND, proof::LIFE};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{Browser, PASSWORD, give_password, logged_in, suspend},
    factors,
    oidc::{ANN, app, audited, back, begun_at, learn_secret, location, log_in, somebody},
    provider::Provider,
};

berth_store::on_both_databases!(
    a_login_is_a_proof_where_the_provider_asked_who_it_is,
    staff_without_a_password_prove_by_their_provider,
    t05_no_other_account_browser_or_old_word_proves_a_session,
    where_there_is_a_second_factor_the_provider_proves_nothing,
);

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p ann";
const PROOF: &str = "/session/proof/sign-on";

/// A key that comes, and goes, which wants a proof: the status, and by what one gives it where it lacks.
async fn dangerous(browser: &mut Browser) -> (u16, Value) {
    let key = json!({ "name": "laptop", "publicKey": KEY });
    let answer = browser.call("POST", "/keys", Some(key)).await;
    if answer.status == 201 {
        let gone = browser.call("DELETE", &format!("/keys/{}", answer.body["data"]["id"]), None).await;
        assert_eq!(gone.status, 204);
    }
    (answer.status, answer.body["by"].clone())
}

fn lacks(by: &[&str]) -> (u16, Value) {
    (403, json!(by))
}

fn is_served(answer: &(u16, Value)) -> bool {
    answer.0 == 201
}

/// Time passes at the provider as well.
fn pass(app: &App, provider: &Provider, micros: i64) {
    app.pass(micros);
    provider.doing().now_s += micros / SECOND;
}

/// Goes to the provider to prove the session, and comes back: where it lands.
async fn proved(browser: &mut Browser) -> String {
    let path = begun_at(browser, PROOF, Some("/profile")).await;
    let answer = back(browser, &path).await;
    location(&answer).to_owned()
}

async fn entered(app: &App) -> Browser {
    let (mut browser, to) = log_in(app).await;
    assert_eq!(to, "/");
    learn_secret(&mut browser).await;
    browser
}

async fn a_login_is_a_proof_where_the_provider_asked_who_it_is(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    somebody(&app, ANN, "support").await;
    let now_s = provider.doing().now_s;
    for (asked_at, is_proof) in [(json!(now_s), true), (json!(now_s - 60), true), (json!(now_s - 61), false)] {
        provider.is_asked_by("7", ANN, json!({ "auth_time": asked_at }));
        let mut browser = entered(&app).await;
        let answer = dangerous(&mut browser).await;
        assert_eq!(is_served(&answer), is_proof, "{asked_at}: {answer:?}");
        assert!(is_proof || answer == lacks(&["password", "provider"]), "{answer:?}");
    }
    provider.is_asked_by("7", ANN, json!({ "auth_time": null }));
    let mut browser = entered(&app).await;
    assert_eq!(dangerous(&mut browser).await, lacks(&["password", "provider"]), "it does not say");
    let asked = provider.doing().asked.clone();
    assert_eq!((asked["max_age"].as_str(), asked.get("prompt")), ("2592000", None));

    // Here, too, a quarter of an hour is all.
    provider.is_asked_by("7", ANN, json!({}));
    let mut browser = entered(&app).await;
    app.pass(LIFE - 1);
    assert!(is_served(&dangerous(&mut browser).await));
    app.pass(1);
    assert_eq!(dangerous(&mut browser).await, lacks(&["password", "provider"]));
}

async fn staff_without_a_password_prove_by_their_provider(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    somebody(&app, ANN, "read-only").await;
    provider.is_asked_by("7", ANN, json!({}));
    let (mut browser, mut other) = (entered(&app).await, entered(&app).await);
    pass(&app, &provider, LIFE);
    let guess = browser.call("POST", "/session/proof", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(guess.status, 422, "she has no password");
    for strange in ["//evil.test/", "profile"] {
        let answer = browser.call("POST", PROOF, Some(json!({ "next": strange }))).await;
        assert_eq!(answer.status, 422, "{strange}: {}", answer.body);
    }
    let before = browser.cookie.clone();
    assert_eq!(proved(&mut browser).await, "/profile");
    let asked = provider.doing().asked.clone();
    assert_eq!((asked["max_age"].as_str(), asked["prompt"].as_str()), ("0", "login"));
    assert_eq!((&browser.cookie, &browser.sign_on), (&before, &None), "the session is the same");
    assert!(is_served(&dangerous(&mut browser).await));
    assert_eq!(dangerous(&mut other).await, lacks(&["password", "provider"]), "each session by itself");
    let log = audited(&app, "prove").await;
    assert_eq!((log.len(), &log[0]["after"]["by"]), (1, &json!("OpenID Connect")));
    assert_eq!(audited(&app, "log_in").await.len(), 2, "it is no login");
    pass(&app, &provider, LIFE);
    assert_eq!(dangerous(&mut browser).await, lacks(&["password", "provider"]));

    // What was begun is proved once.
    let path = begun_at(&mut browser, PROOF, None).await;
    let sign_on = browser.sign_on.clone();
    assert_eq!(location(&back(&mut browser, &path).await), "/");
    browser.sign_on = sign_on;
    assert_eq!(location(&back(&mut browser, &path).await), "/login?reason=oidc-over");
    // Who forgets the account has the password alone, and so has who never had one there.
    let mine = browser.get("/identities").await.body["data"][0]["id"].to_string();
    assert_eq!(browser.call("DELETE", &format!("/identities/{mine}"), None).await.status, 204);
    assert_eq!(browser.call("POST", PROOF, Some(json!({}))).await.status, 404);
    assert_eq!(dangerous(&mut other).await, lacks(&["password"]));
}

async fn t05_no_other_account_browser_or_old_word_proves_a_session(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    let (ann, lee) = (somebody(&app, ANN, "support").await, "lee@example.test");
    somebody(&app, lee, "admin").await;
    provider.is_asked_by("8", lee, json!({}));
    let mut lees = entered(&app).await;
    provider.is_asked_by("7", ANN, json!({}));
    let mut anns = entered(&app).await;
    pass(&app, &provider, LIFE);
    let now_s = provider.doing().now_s;
    let refused = |reason: &str| format!("/login?reason={reason}");
    for (reason, subject, further) in [
        ("oidc-stale", "7", json!({ "auth_time": now_s - 61 })),
        ("oidc-stale", "7", json!({ "auth_time": null })),
        ("oidc-stranger", "8", json!({})),
        ("oidc-stranger", "9", json!({})),
        ("oidc-token", "7", json!({ "nonce": "of another login" })),
    ] {
        provider.is_asked_by(subject, ANN, further.clone());
        assert_eq!(proved(&mut anns).await, refused(reason), "{subject} {further}");
        assert_eq!(dangerous(&mut anns).await, lacks(&["password", "provider"]), "{reason}");
    }
    let log = audited(&app, "prove_refused").await;
    assert_eq!((log.len(), &log[0]["after"]["reason"]), (4, &json!("oidc-stranger")));

    // Not in another session than the one that asked, whoever carries the answer there.
    provider.is_asked_by("7", ANN, json!({}));
    let path = begun_at(&mut anns, PROOF, None).await;
    lees.sign_on = anns.sign_on.clone();
    assert_eq!(location(&back(&mut lees, &path).await), refused("oidc-over"));
    let mut second = entered(&app).await;
    pass(&app, &provider, LIFE);
    let path = begun_at(&mut anns, PROOF, None).await;
    second.sign_on = anns.sign_on.clone();
    assert_eq!(location(&back(&mut second, &path).await), refused("oidc-over"));
    let path = begun_at(&mut anns, PROOF, None).await;
    let cookie = anns.cookie.take();
    assert_eq!(location(&back(&mut anns, &path).await), refused("oidc-over"), "without its session");
    anns.cookie = cookie;
    for browser in [&mut anns, &mut second, &mut lees] {
        assert_eq!(dangerous(browser).await, lacks(&["password", "provider"]));
    }

    // Neither whoever is suspended meanwhile, nor who is no longer staff.
    let path = begun_at(&mut anns, PROOF, None).await;
    suspend(&app, ann, true).await;
    assert_eq!(location(&back(&mut anns, &path).await), refused("suspended"));
    suspend(&app, ann, false).await;
    let path = begun_at(&mut anns, PROOF, None).await;
    assert_eq!(app.put(&format!("/users/{ann}/role"), json!({ "role": "customer" })).await.0, 200);
    assert_eq!(location(&back(&mut anns, &path).await), refused("oidc-nobody"));
    assert_eq!(anns.call("POST", PROOF, Some(json!({}))).await.status, 404);
    assert_eq!(dangerous(&mut anns).await, lacks(&["password"]));
}

async fn where_there_is_a_second_factor_the_provider_proves_nothing(database: Database) {
    let provider = Provider::start().await;
    let app = app(database, &provider, |config| config).await;
    let ann = somebody(&app, ANN, "support").await;
    give_password(&app, ann).await;
    provider.is_asked_by("7", ANN, json!({}));
    let mut early = entered(&app).await;
    pass(&app, &provider, LIFE);
    let path = begun_at(&mut early, PROOF, None).await;
    let mut browser = logged_in(&app, ANN).await;
    let (secret, _) = factors::switched_on(&app, &mut browser).await;
    assert_eq!(location(&back(&mut early, &path).await), "/login?reason=oidc-over", "switched on meanwhile");
    let mut late = entered(&app).await;
    for browser in [&mut early, &mut late] {
        assert_eq!(dangerous(browser).await, lacks(&["code"]));
        assert_eq!(browser.call("POST", PROOF, Some(json!({}))).await.status, 404);
    }
    pass(&app, &provider, 30 * SECOND);
    let code = json!({ "code": factors::shows(&app, &secret) });
    assert_eq!(late.call("POST", "/session/proof", Some(code)).await.status, 204);
    assert!(is_served(&dangerous(&mut late).await));
}
