//! Servers that are shared: how sharing begins and ends, and what guests see of it.

use berth_control::{
    actions::{
        server_console::{self, ConsoleKind},
        server_shares::{INVITATION_LIFE, LETTERS_A_DAY, MOST_SHARES},
    },
    config::Config,
    rights::Right,
};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    browser::{Browser, give_password, logged_in, suspend},
    rows::{self, Company},
};

berth_store::on_both_databases!(
    an_invitation_tells_nothing_until_it_is_accepted,
    a_share_ends_by_either_side_by_a_new_owner_and_with_the_server,
    what_a_guest_builds_has_the_guests_keys,
    who_may_not_look_any_more_is_shown_nothing_more,
    the_companys_object_names_who_accepted_a_share,
);

async fn start(database: Database) -> (App, Company) {
    let settings = |config| with_mail(Config { strange_requests_per_second: 0, ..config });
    let app = App::start_with(database, settings).await;
    let company = rows::company(&app, 1, 100).await;
    give_password(&app, company.user).await;
    (app, company)
}

/// A customer who can log in.
pub async fn person(app: &App, name: &str) -> i64 {
    let user = json!({ "name": name, "email": format!("{name}@doe.test") });
    let id = app.post("/users", user).await.1["data"]["id"].as_i64().unwrap();
    give_password(app, id).await;
    id
}

/// A built server of a user's; its UUID.
pub async fn server_of(app: &App, company: &Company, user: i64) -> String {
    let order = json!({ "packageId": company.package, "userId": user, "hypervisorId": company.group });
    let made = app.post("/servers", order).await.1["data"].clone();
    let id = made["id"].as_i64().unwrap();
    let built = app.post(&format!("/servers/{id}/build"), json!({ "operatingSystemId": company.template })).await;
    assert_eq!(built.0, 200, "{}", built.1);
    rows::end_jobs(app, id).await;
    made["uuid"].as_str().unwrap().to_owned()
}

/// An invitation's id.
pub async fn invite(owner: &mut Browser, uuid: &str, email: &str, rights: &[&str]) -> i64 {
    let body = json!({ "email": email, "rights": rights });
    let answer = owner.call("POST", &format!("/servers/{uuid}/shares"), Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["data"]["id"].as_i64().unwrap()
}

pub async fn id_of(app: &App, uuid: &str) -> i64 {
    app.get(&format!("/servers?uuid={uuid}")).await.1["data"][0]["id"].as_i64().unwrap()
}

async fn an_invitation_tells_nothing_until_it_is_accepted(database: Database) {
    let (app, company) = start(database).await;
    person(&app, "mary").await;
    let uuid = server_of(&app, &company, company.user).await;
    let (mut jon, mut mary) = (logged_in(&app, "jon@doe.test").await, logged_in(&app, "mary@doe.test").await);
    let shares = format!("/servers/{uuid}/shares");
    let ask = |email: &str| Some(json!({ "email": email, "rights": ["power", "console"] }));
    let mut known = jon.call("POST", &shares, ask(" Mary@doe.test ")).await;
    let mut unknown = jon.call("POST", &shares, ask("nobody@doe.test")).await;
    for answer in [&mut known, &mut unknown] {
        assert_eq!(answer.status, 201, "{}", answer.body);
        for field in ["id", "email"] {
            answer.body["data"][field] = Value::Null;
        }
    }
    assert_eq!(known.body, unknown.body, "whether there is such an account is not told");
    assert_eq!((&known.body["data"]["state"], &known.body["data"]["name"]), (&json!("invited"), &Value::Null));
    assert_eq!(known.body["data"]["rights"], json!(["view", "power", "console"]));
    assert_eq!(app.mailed().await, ["share_invitation"], "to who has an account");
    assert_eq!(mary.get("/servers").await.body["data"], json!([]), "nobody's list grows by itself");
    assert_eq!(mary.get(&format!("/servers/{uuid}")).await.status, 404);
    for (email, status) in [("MARY@doe.test", 409), ("jon@doe.test", 422), ("x", 422), ("", 422)] {
        assert_eq!(jon.call("POST", &shares, ask(email)).await.status, status, "{email}");
    }
    let odd = json!({ "email": "a@doe.test", "rights": ["delete"] });
    assert_eq!(jon.call("POST", &shares, Some(odd)).await.status, 422, "no such right");

    let list = mary.get("/invitations").await.body["data"].clone();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["owner"]), (1, &json!("Jon Doe")));
    assert_eq!(
        (&list[0]["ownerEmail"], &list[0]["rights"]),
        (&json!("jon@doe.test"), &json!(["view", "power", "console"]))
    );
    let invitation = format!("/invitations/{}", list[0]["id"]);
    assert_eq!(jon.call("POST", &invitation, None).await.status, 404, "another's");
    assert_eq!(mary.call("POST", &invitation, None).await.status, 204);
    assert_eq!(mary.call("POST", &invitation, None).await.status, 404, "once");
    let seen = mary.get("/servers").await.body["data"].clone();
    assert_eq!((&seen[0]["uuid"], &seen[0]["sharedBy"]), (&json!(uuid), &json!("Jon Doe")));
    assert_eq!(seen[0]["rights"], json!(["view", "power", "console"]));
    let own = jon.get(&format!("/servers/{uuid}")).await.body["data"].clone();
    assert_eq!((&own["sharedBy"], own["rights"].as_array().unwrap().len()), (&Value::Null, Right::ALL.len()));
    let told = jon.get(&shares).await.body["data"].clone();
    assert_eq!(
        (&told[0]["name"], &told[0]["state"], &told[1]["name"]),
        (&json!("mary"), &json!("accepted"), &Value::Null)
    );
    assert_eq!(app.mailed().await, ["share_accepted", "share_invitation"]);

    app.pass(INVITATION_LIFE);
    let mut jon = logged_in(&app, "jon@doe.test").await;
    assert_eq!(jon.get(&shares).await.body["data"][1]["state"], "expired");
    assert_eq!(jon.call("POST", &shares, ask("nobody@doe.test")).await.status, 201, "again");
    for n in 2..MOST_SHARES {
        assert_eq!(jon.call("POST", &shares, ask(&format!("guest{n}@doe.test"))).await.status, 201, "{n}");
    }
    assert_eq!(jon.call("POST", &shares, ask("onemore@doe.test")).await.status, 422);
    let audited = app.get("/audit?action=accept_share").await.1;
    assert_eq!(
        (&audited["total"], &audited["data"][0]["after"]["rights"]),
        (&json!(1), &json!(["view", "power", "console"]))
    );
}

#[tokio::test]
async fn nobody_is_written_more_invitations_a_day_than_three() {
    let (app, company) = start(Database::sqlite()).await;
    person(&app, "mary").await;
    let uuid = server_of(&app, &company, company.user).await;
    let mut jon = logged_in(&app, "jon@doe.test").await;
    for _ in 0..LETTERS_A_DAY + 2 {
        let id = invite(&mut jon, &uuid, "mary@doe.test", &[]).await;
        assert_eq!(jon.call("DELETE", &format!("/servers/{uuid}/shares/{id}"), None).await.status, 204);
    }
    assert_eq!(app.mailed().await.len() as u64, LETTERS_A_DAY);
}

async fn a_share_ends_by_either_side_by_a_new_owner_and_with_the_server(database: Database) {
    let (app, company) = start(database).await;
    person(&app, "mary").await;
    let uuid = server_of(&app, &company, company.user).await;
    let server_id = id_of(&app, &uuid).await;
    let (mut jon, mut mary) = (logged_in(&app, "jon@doe.test").await, logged_in(&app, "mary@doe.test").await);
    let (path, power) = (format!("/servers/{uuid}"), Some(json!({ "action": "restart" })));
    let share = accepted(&mut jon, &mut mary, &uuid, &["power"]).await;
    assert_eq!(mary.call("POST", &format!("{path}/power"), power.clone()).await.status, 200);
    let audited = app.get("/audit?action=restart_server").await.1["data"][0]["actor"].clone();
    let marys = app.get("/users?email=mary@doe.test").await.1["data"][0]["id"].clone();
    assert_eq!(audited["userId"], marys, "it is known who it was");
    rows::end_jobs(&app, server_id).await;
    let less = Some(json!({ "rights": [] }));
    assert_eq!(jon.call("PUT", &format!("{path}/shares/{share}"), less.clone()).await.status, 204);
    assert_eq!(mary.call("POST", &format!("{path}/power"), power.clone()).await.status, 403, "at once");
    assert_eq!(mary.get(&path).await.body["data"]["rights"], json!(["view"]));
    assert_eq!(mary.call("PUT", &format!("{path}/shares/{share}"), less).await.status, 404, "not by the guest");

    suspend(&app, company.user, true).await;
    assert_eq!((mary.get(&path).await.status, mary.get("/servers").await.body["data"].clone()), (404, json!([])));
    suspend(&app, company.user, false).await;
    assert_eq!(mary.get(&path).await.status, 200);

    assert_eq!(mary.call("DELETE", &format!("{path}/access"), None).await.status, 204);
    assert_eq!(
        (mary.get(&path).await.status, jon.get(&format!("{path}/shares")).await.body["data"].clone()),
        (404, json!([]))
    );
    assert_eq!(jon.call("DELETE", &format!("{path}/access"), None).await.status, 404, "an owner does not leave");
    let share = accepted(&mut jon, &mut mary, &uuid, &["power"]).await;
    assert_eq!(jon.call("DELETE", &format!("{path}/shares/{share}"), None).await.status, 204);
    assert_eq!(mary.get(&path).await.status, 404);
    invite(&mut jon, &uuid, "mary@doe.test", &[]).await;
    let invitation = mary.get("/invitations").await.body["data"][0]["id"].clone();
    assert_eq!(mary.call("DELETE", &format!("/invitations/{invitation}"), None).await.status, 204);
    assert_eq!(jon.get(&format!("{path}/shares")).await.body["data"], json!([]), "declined");

    accepted(&mut jon, &mut mary, &uuid, &["power"]).await;
    assert_eq!(app.put(&format!("/servers/{server_id}/owner/1"), json!({})).await.0, 201);
    assert_eq!(mary.get(&path).await.status, 404, "it is somebody else's now");
    let second = server_of(&app, &company, company.user).await;
    accepted(&mut jon, &mut mary, &second, &["power"]).await;
    let second_id = id_of(&app, &second).await;
    assert_eq!(app.delete(&format!("/servers/{second_id}")).await.0, 204);
    assert_eq!(
        (mary.get(&format!("/servers/{second}")).await.status, mary.get("/servers").await.body["data"].clone()),
        (404, json!([]))
    );
}

async fn accepted(owner: &mut Browser, guest: &mut Browser, uuid: &str, rights: &[&str]) -> i64 {
    accepted_by("mary@doe.test", owner, guest, uuid, rights).await
}

async fn accepted_by(email: &str, owner: &mut Browser, guest: &mut Browser, uuid: &str, rights: &[&str]) -> i64 {
    let id = invite(owner, uuid, email, rights).await;
    assert_eq!(guest.call("POST", &format!("/invitations/{id}"), None).await.status, 204);
    id
}

async fn what_a_guest_builds_has_the_guests_keys(database: Database) {
    let (app, company) = start(database).await;
    person(&app, "mary").await;
    let uuid = server_of(&app, &company, company.user).await;
    let (mut jon, mut mary) = (logged_in(&app, "jon@doe.test").await, logged_in(&app, "mary@doe.test").await);
    accepted(&mut jon, &mut mary, &uuid, &["rebuild"]).await;
    let public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p mary";
    let key = mary.call("POST", "/keys", Some(json!({ "name": "hers", "publicKey": public_key }))).await;
    let hers = key.body["data"]["id"].clone();
    let build = async |browser: &mut Browser, key: &Value| {
        let order = json!({ "templateId": company.template, "hostname": "a.example", "sshKeys": [key] });
        browser.call("POST", &format!("/servers/{uuid}/build"), Some(order)).await
    };
    let refused = build(&mut mary, &json!(company.key)).await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]),
        (422, &json!(format!("Invalid SSH key: {}", company.key)))
    );
    assert_eq!(build(&mut jon, &hers).await.status, 422, "nor the owner the guest's");
    let built = build(&mut mary, &hers).await;
    assert_eq!((built.status, built.body["data"]["password"].is_string()), (200, true), "{}", built.body);
    let id = id_of(&app, &uuid).await;
    let keys = app.get(&format!("/servers/{id}")).await.1["data"]["sshKeys"].clone();
    assert_eq!(keys[0]["id"], hers, "{keys}");
}

async fn who_may_not_look_any_more_is_shown_nothing_more(database: Database) {
    let (app, company) = start(database).await;
    person(&app, "mary").await;
    let uuid = server_of(&app, &company, company.user).await;
    let (mut jon, mut mary) = (logged_in(&app, "jon@doe.test").await, logged_in(&app, "mary@doe.test").await);
    let share = accepted(&mut jon, &mut mary, &uuid, &["console"]).await;
    let path = format!("/servers/{uuid}");
    let token = async |browser: &mut Browser| {
        let answer = browser.call("POST", &format!("{path}/console"), Some(json!({ "kind": "serial" }))).await;
        let path = answer.body["data"]["path"].as_str().unwrap().to_owned();
        path.split('=').nth(1).unwrap().to_owned()
    };
    let open = async |token: &str| server_console::open(&app.ctx, ConsoleKind::Serial, token).await;
    let first = token(&mut mary).await;
    let marys = open(&first).await.unwrap().look;
    assert!(server_console::may_go_on(&app.ctx, marys).await.unwrap());
    let second = token(&mut mary).await;
    let less = json!({ "rights": ["power"] });
    assert_eq!(jon.call("PUT", &format!("{path}/shares/{share}"), Some(less)).await.status, 204);
    assert!(!server_console::may_go_on(&app.ctx, marys).await.unwrap(), "what is open is closed");
    assert!(open(&second).await.is_err(), "a token that was not used opens nothing");
    let own = token(&mut jon).await;
    let jons = open(&own).await.unwrap().look;
    assert!(server_console::may_go_on(&app.ctx, jons).await.unwrap());
    let id = id_of(&app, &uuid).await;
    assert_eq!(app.put(&format!("/servers/{id}/owner/1"), json!({})).await.0, 201);
    assert!(!server_console::may_go_on(&app.ctx, jons).await.unwrap(), "nor an owner of before");
}

async fn the_companys_object_names_who_accepted_a_share(database: Database) {
    let (app, company) = start(database).await;
    let (mary, ann) = (person(&app, "mary").await, person(&app, "ann").await);
    let uuid = server_of(&app, &company, company.user).await;
    let other = server_of(&app, &company, company.user).await;
    let (id, other) = (id_of(&app, &uuid).await, id_of(&app, &other).await);
    let named = async |id: i64| app.get(&format!("/servers/{id}")).await.1["data"]["sharedUsers"].clone();
    let mut jon = logged_in(&app, "jon@doe.test").await;
    let (mut marys, mut anns) = (logged_in(&app, "mary@doe.test").await, logged_in(&app, "ann@doe.test").await);
    let first = invite(&mut jon, &uuid, "mary@doe.test", &["power"]).await;
    assert_eq!(named(id).await, json!([]), "who was invited is nobody yet");
    assert_eq!(marys.call("POST", &format!("/invitations/{first}"), None).await.status, 204);
    accepted_by("ann@doe.test", &mut jon, &mut anns, &uuid, &["view"]).await;
    assert_eq!((named(id).await, named(other).await), (json!([mary, ann]), json!([])));
    let ended = jon.call("DELETE", &format!("/servers/{uuid}/shares/{first}"), None).await.status;
    assert_eq!((ended, named(id).await), (204, json!([ann])));
}
