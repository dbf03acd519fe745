//! Passkeys as the proof that it is still whoever logged in.

use berth_control::{actions::logins::ACCOUNT_FAILURES, proof::LIFE};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    browser::{Browser, logged_in},
    factors,
    passkeys::{JON, STAFF, added, app, audited, challenged, log_in, show},
};

berth_store::on_both_databases!(
    a_login_with_a_passkey_is_a_proof,
    a_passkey_proves_that_it_is_still_whoever_logged_in,
    t05_another_users_or_an_older_answer_proves_nothing,
);

async fn a_login_with_a_passkey_is_a_proof(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, JON).await;
    let ids = [added(&mut browser).await.0, added(&mut browser).await.0];
    let (_, mut phone) = added(&mut browser).await;
    app.pass(LIFE);
    let (answer, mut inside) = log_in(&app, &mut phone).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let paths = ids.map(|id| format!("/passkeys/{id}"));
    assert_eq!(
        browser.call("DELETE", &paths[0], None).await.body["needs"],
        "proof",
        "the older login is none any more"
    );
    app.pass(LIFE - 1);
    assert_eq!(inside.call("DELETE", &paths[0], None).await.status, 204);
    app.pass(1);
    let refused = inside.call("DELETE", &paths[1], None).await;
    assert_eq!((refused.status, &refused.body["needs"]), (403, &json!("proof")));
    inside.prove().await;
    assert_eq!(inside.call("DELETE", &paths[1], None).await.status, 204);
}

/// What a session is to answer to prove that it is still whoever logged in.
async fn challenged_again(browser: &mut Browser) -> Value {
    let answer = browser.call("POST", "/session/proof/passkey", None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"]["options"].clone()
}

async fn prove(browser: &mut Browser, answer: Value) -> u16 {
    browser.call("PUT", "/session/proof/passkey", Some(json!({ "credential": answer }))).await.status
}

async fn a_passkey_proves_that_it_is_still_whoever_logged_in(database: Database) {
    let app = app(database).await;
    let mut browser = logged_in(&app, JON).await;
    let (id, mut phone) = added(&mut browser).await;
    let path = format!("/passkeys/{id}");
    factors::switched_on(&app, &mut browser).await;
    app.pass(LIFE);
    let refused = browser.call("DELETE", &path, None).await;
    assert_eq!((refused.status, &refused.body["by"]), (403, &json!(["code", "passkey"])));
    let options = challenged_again(&mut browser).await;
    assert_eq!(prove(&mut browser, phone.answer(&options)).await, 204);
    let proved = audited(&app, "prove").await;
    assert_eq!((proved.len(), &proved[0]["after"]["by"]), (1, &json!("passkey")));
    assert!(browser.get("/passkeys").await.body["data"]["passkeys"][0]["lastUsed"].is_string());
    app.pass(LIFE - 1);
    assert_eq!(browser.call("DELETE", &path, None).await.status, 204);
    app.pass(1);
    // Removed, it proves nothing.
    let options = challenged_again(&mut browser).await;
    assert_eq!(prove(&mut browser, phone.answer(&options)).await, 422);
    assert_eq!(audited(&app, "prove_refused").await[0]["after"]["reason"], "there is no such passkey");
}

async fn t05_another_users_or_an_older_answer_proves_nothing(database: Database) {
    let app = app(database).await;
    let (mut browser, mut second) = (logged_in(&app, JON).await, logged_in(&app, JON).await);
    let (id, mut phone) = added(&mut browser).await;
    let (_, mut other) = added(&mut logged_in(&app, STAFF).await).await;
    let path = format!("/passkeys/{id}");
    app.pass(LIFE);
    let options = challenged_again(&mut browser).await;
    assert_eq!(prove(&mut browser, other.answer(&options)).await, 422, "another user's");
    let options = challenged_again(&mut browser).await;
    phone.verifies = false;
    assert_eq!(prove(&mut browser, phone.answer(&options)).await, 422, "its user was not verified");
    phone.verifies = true;
    assert_eq!(prove(&mut browser, phone.answer(&options)).await, 422, "a challenge is answered once");
    let answer = phone.answer(&challenged_again(&mut browser).await);
    challenged_again(&mut second).await;
    assert_eq!(prove(&mut second, answer.clone()).await, 422, "another session's");
    let (_, options) = challenged(&app).await;
    assert_eq!(prove(&mut browser, phone.answer(&options)).await, 422, "a challenge of the login");
    // What was answered for a proof begins no session.
    let options = challenged_again(&mut browser).await;
    let (mut stranger, _) = challenged(&app).await;
    assert_eq!(show(&mut stranger, phone.answer(&options)).await.status, 401);
    for browser in [&mut browser, &mut second] {
        assert_eq!(browser.call("DELETE", &path, None).await.body["needs"], "proof");
    }
    let told: Vec<Value> =
        audited(&app, "prove_refused").await.iter().map(|one| one["after"]["reason"].clone()).collect();
    let (old, bad) = ("the challenge was another browser's, too old, or answered before", "the answer does not hold");
    assert_eq!(told, [bad, bad, old, bad, "it is another user's"], "the newest first");

    // Tried ten times, which keeps no other way out.
    for _ in 0..ACCOUNT_FAILURES {
        prove(&mut browser, phone.answer(&json!({ "rpId": "x", "challenge": "AAAA" }))).await;
    }
    let options = challenged_again(&mut browser).await;
    assert_eq!(prove(&mut browser, phone.answer(&options)).await, 429);
    browser.prove().await;
    assert_eq!(browser.call("DELETE", &path, None).await.status, 204);
}
