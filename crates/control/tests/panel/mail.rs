//! What is mailed to people: handed to a mail server once it takes it, and kept by nobody longer than needed.

use berth_control::{
    actions::{
        forgotten_passwords::{self, LINK_LIFE, LINK_PAUSE},
        logins::{IDLE_LIFE, Visitor},
    },
    clock::{DAY, MINUTE},
    config::Config,
    mail as room,
};
use berth_store::{entity::mail::Model, mail, testing::Database};
use serde_json::json;

use crate::{
    app::App,
    browser::{Browser, PASSWORD, give_password, logged_in},
    rows,
    smtp::{Received, Smtp},
};

berth_store::on_both_databases!(
    a_forgotten_password_is_set_once_by_a_mailed_link,
    t05_a_mailed_link_leads_nowhere_once_the_password_or_the_address_is_another,
    a_letter_that_is_not_taken_is_tried_again_until_it_is_or_never_will_be,
    whoever_gets_an_account_or_a_login_from_elsewhere_is_told,
    letters_are_in_the_readers_language,
);

const NEW_PASSWORD: &str = "another good one";

async fn app(database: Database) -> (App, Smtp, rows::Company) {
    let smtp = Smtp::start().await;
    let url = smtp.url.clone();
    let settings = |config| Config {
        strange_requests_per_second: 0,
        mail_url: Some(url),
        mail_from: Some("Example <noreply@example.test>".to_owned()),
        public_url: Some("https://panel.example.test".to_owned()),
        ..config
    };
    let app = App::start_with(database, settings).await;
    let company = rows::company(&app, 1, 20).await;
    give_password(&app, company.user).await;
    (app, smtp, company)
}

async fn outbox(app: &App) -> Vec<Model> {
    mail::page(app.ctx.store.read(), 0, 100).await.unwrap().0
}

async fn delivered(app: &App, smtp: &Smtp) -> Vec<Received> {
    room::deliver_due(&app.ctx).await.unwrap();
    smtp.take()
}

fn token(letter: &Received) -> String {
    let link = letter.text.split("https://panel.example.test/new-password#").nth(1).unwrap();
    link.split_whitespace().next().unwrap().to_owned()
}

async fn a_forgotten_password_is_set_once_by_a_mailed_link(database: Database) {
    let (app, smtp, _) = app(database).await;
    let mut session = logged_in(&app, "jon@doe.test").await;
    let mut browser = Browser::new(&app);
    let ask = json!({ "email": "jon@doe.test" });
    assert_eq!(browser.call("POST", "/forgotten-password", Some(ask)).await.status, 204);
    while outbox(&app).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let ask = async |email: &str| forgotten_passwords::send(&app.ctx, &Visitor::default(), email).await.unwrap();
    ask("nobody@doe.test").await;
    ask(" JON@doe.test ".trim()).await;
    let letters = delivered(&app, &smtp).await;
    assert_eq!((letters.len(), &letters[0].to), (1, &"jon@doe.test".to_owned()), "{letters:?}");
    let first = token(&letters[0]);

    let mut set = async |token: &str, new: &str| {
        browser.call("PUT", "/forgotten-password", Some(json!({ "token": token, "new": new }))).await.status
    };
    assert_eq!(set(&first, "short").await, 422);
    assert_eq!(set("x", NEW_PASSWORD).await, 422);
    app.pass(LINK_PAUSE);
    ask("jon@doe.test").await;
    let second = token(&delivered(&app, &smtp).await[0]);
    assert_eq!(set(&first, NEW_PASSWORD).await, 422, "a newer link ends it");
    app.pass(LINK_LIFE);
    assert_eq!(set(&second, NEW_PASSWORD).await, 422, "too late");
    ask("jon@doe.test").await;
    let third = token(&delivered(&app, &smtp).await[0]);
    assert_eq!(set(&third, NEW_PASSWORD).await, 204);
    assert_eq!(set(&third, NEW_PASSWORD).await, 422, "once");
    let told = delivered(&app, &smtp).await;
    assert!(told.len() == 1 && told[0].text.contains("Subject: Your password was changed"), "{told:?}");
    assert_eq!(session.get("/session").await.status, 401, "who was logged in is out");
    assert_eq!(browser.log_in("jon@doe.test", PASSWORD).await.status, 401);
    assert_eq!(browser.log_in("jon@doe.test", NEW_PASSWORD).await.status, 200);
    let mary = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    assert_eq!(app.post("/users", mary).await.0, 201);
    assert_eq!(app.put("/users/7/byExtRelation", json!({ "enabled": false })).await.0, 201);
    ask("mary@doe.test").await;
    assert_eq!(delivered(&app, &smtp).await.len(), 0, "suspended people get none");
}

async fn t05_a_mailed_link_leads_nowhere_once_the_password_or_the_address_is_another(database: Database) {
    let (app, smtp, _) = app(database).await;
    let mary = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    assert_eq!(app.post("/users", mary).await.0, 201);
    let link = async |email: &str| {
        forgotten_passwords::send(&app.ctx, &Visitor::default(), email).await.unwrap();
        let letters = delivered(&app, &smtp).await;
        token(letters.iter().find(|letter| letter.text.contains("/new-password#")).unwrap())
    };
    let set = async |token: &str| {
        let chosen = json!({ "token": token, "new": NEW_PASSWORD });
        Browser::new(&app).call("PUT", "/forgotten-password", Some(chosen)).await.status
    };
    let read_by_somebody = link("jon@doe.test").await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let change = json!({ "current": PASSWORD, "new": "a longer password" });
    assert_eq!(jon.call("PUT", "/password", Some(change)).await.status, 204);
    assert_eq!(set(&read_by_somebody).await, 422, "changed by its owner");
    assert_eq!(jon.get("/session").await.status, 200);

    let before = link("mary@doe.test").await;
    assert_eq!(app.post("/users/7/byExtRelation/resetPassword", json!({})).await.0, 201);
    assert_eq!(set(&before).await, 422, "set anew by the billing system");
    let to_the_old_one = link("mary@doe.test").await;
    assert_eq!(app.put("/users/7/byExtRelation", json!({ "email": "mary@new.test" })).await.0, 201);
    assert_eq!(set(&to_the_old_one).await, 422, "another address");
    let kept = link("mary@new.test").await;
    assert_eq!(app.put("/users/7/byExtRelation", json!({ "email": "Mary@New.test", "name": "M" })).await.0, 201);
    assert_eq!(set(&kept).await, 204, "the same address");
}

async fn a_letter_that_is_not_taken_is_tried_again_until_it_is_or_never_will_be(database: Database) {
    let (app, smtp, _) = app(database).await;
    let add = async |relation: u64| {
        let user = json!({ "name": "Mary", "email": format!("mary{relation}@doe.test"), "extRelationId": relation,
            "sendMail": true });
        let (status, body) = app.post("/users", user).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["password"].as_str().unwrap().to_owned()
    };
    smtp.answer("451 later");
    let password = add(7).await;
    let written = outbox(&app).await.remove(0);
    assert_eq!((&*written.kind, &*written.subject), ("welcome", "Your account"));
    assert!(!written.body_enc.unwrap().contains(&password), "passwords are sealed");
    assert_eq!(delivered(&app, &smtp).await.len(), 0);
    let failed = outbox(&app).await.remove(0);
    assert!(failed.error.unwrap().contains("451") && failed.attempts == 1);
    let (_, told) = app.get("/mails?results=1").await;
    let letter = &told["data"][0];
    assert_eq!((&letter["recipient"], &letter["kind"]), (&json!("mary7@doe.test"), &json!("welcome")));
    assert_eq!((&letter["state"], &letter["attempts"]), (&json!("waiting"), &json!(1)));
    assert!(letter["error"].as_str().unwrap().contains("451") && letter.get("body").is_none(), "{told}");
    room::deliver_due(&app.ctx).await.unwrap();
    assert_eq!(outbox(&app).await[0].attempts, 1, "not at once");
    smtp.answer("250 ok");
    app.pass(MINUTE);
    let letters = delivered(&app, &smtp).await;
    assert!(letters.len() == 1 && letters[0].text.contains(&password), "{letters:?}");
    let sent = outbox(&app).await.remove(0);
    assert!(sent.sent_at.is_some() && sent.body_enc.is_none() && sent.due_at.is_none(), "{sent:?}");
    assert_eq!(app.get("/mails").await.1["data"][0]["state"], "sent");
    app.pass(DAY);
    assert_eq!(delivered(&app, &smtp).await.len(), 0, "once");

    smtp.answer("550 nobody here");
    add(8).await;
    delivered(&app, &smtp).await;
    let given_up = outbox(&app).await.remove(0);
    assert_eq!((given_up.due_at, given_up.body_enc, given_up.sent_at), (None, None, None));
    assert_eq!(app.get("/mails").await.1["data"][0]["state"], "given_up");
    smtp.answer("451 later");
    add(9).await;
    for _ in 0..20 {
        delivered(&app, &smtp).await;
        app.pass(DAY);
    }
    let given_up = outbox(&app).await.remove(0);
    assert_eq!((given_up.due_at, given_up.body_enc, given_up.attempts), (None, None, 10), "not for ever");
}

async fn whoever_gets_an_account_or_a_login_from_elsewhere_is_told(database: Database) {
    let (app, smtp, _) = app(database).await;
    let user = json!({ "name": "Mary", "email": "mary@doe.test", "extRelationId": 7 });
    assert_eq!(app.post("/users", user).await.0, 201);
    logged_in(&app, "jon@doe.test").await;
    logged_in(&app, "jon@doe.test").await;
    assert_eq!(delivered(&app, &smtp).await.len(), 0, "nobody asked for the first, and the browser is known");
    let mut other = Browser::new(&app);
    other.user_agent = "Lynx".to_owned();
    assert_eq!(other.log_in("jon@doe.test", PASSWORD).await.status, 200);
    let told = delivered(&app, &smtp).await;
    assert_eq!((told.len(), &told[0].to), (1, &"jon@doe.test".to_owned()));
    assert!(told[0].text.contains("From     127.0.0.1") && told[0].text.contains("Lynx"), "{told:?}");

    // Also where no session is open any more, and never twice of the same.
    app.pass(IDLE_LIFE);
    logged_in(&app, "jon@doe.test").await;
    assert_eq!(delivered(&app, &smtp).await.len(), 0, "the browser is known still");
    app.pass(IDLE_LIFE);
    let mut strange = Browser::new(&app);
    strange.user_agent = "curl".to_owned();
    assert_eq!(strange.log_in("jon@doe.test", PASSWORD).await.status, 200);
    let told = delivered(&app, &smtp).await;
    assert!(told.len() == 1 && told[0].text.contains("curl"), "{told:?}");
}

async fn letters_are_in_the_readers_language(database: Database) {
    let (app, smtp, _) = app(database).await;
    for (relation, language, words) in
        [(7, "de-AT", "Guten Tag Mary,"), (8, "pt-BR", "Hello Mary,"), (9, "en", "Hello Mary,")]
    {
        let user = json!({ "name": "Mary", "email": format!("mary{relation}@doe.test"), "extRelationId": relation,
            "language": language, "sendMail": true });
        let (status, body) = app.post("/users", user).await;
        assert_eq!(status, 201, "{body}");
        let told = delivered(&app, &smtp).await;
        assert_eq!(told.len(), 1, "{language}");
        assert!(told[0].text.contains(words), "{language}: {told:?}");
    }
    let mut browser = logged_in(&app, "jon@doe.test").await;
    assert_eq!(browser.call("PUT", "/language", Some(json!({ "language": "de" }))).await.status, 204);
    forgotten_passwords::send(&app.ctx, &Visitor::default(), "jon@doe.test").await.unwrap();
    let told = delivered(&app, &smtp).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("Guten Tag Jon Doe,") && !token(&told[0]).is_empty(), "{told:?}");
}
