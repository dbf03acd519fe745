//! Staff: who gives which role, and what nobody may do to a stronger account.

use berth_store::{testing::Database, user};
use serde_json::{Value, json};

use crate::{access, app::App, operations};

berth_store::on_both_databases!(
    a_role_bounds_the_tokens_of_its_user_at_once,
    t08_owners_and_administrators_are_changed_by_owners_alone,
    there_is_always_an_owner,
    of_two_owners_who_demote_each_other_one_stays,
);

/// A user with a token that names everything.
pub struct Member {
    pub id: i64,
    pub relation: i64,
    pub token: String,
}

/// With a role, or `customer`.
pub async fn member(app: &App, role: &str) -> Member {
    let (id, relation) = operations::related_user(app).await;
    assert_eq!(set_role(app, &app.token, id, role).await.0, 200);
    Member { id, relation, token: access::token_of(app, id, &["*"], None).await.1 }
}

async fn set_role(app: &App, token: &str, id: i64, role: &str) -> (u16, Value) {
    app.call_as(token, "PUT", &format!("/users/{id}/role"), Some(json!({ "role": role }).to_string())).await
}

async fn modify(app: &App, token: &str, who: &Member, body: Value) -> u16 {
    let path = format!("/users/{}/byExtRelation", who.relation);
    app.call_as(token, "PUT", &path, Some(body.to_string())).await.0
}

async fn delete(app: &App, token: &str, who: &Member) -> (u16, Value) {
    app.call_as(token, "DELETE", &format!("/users/{}/byExtRelation", who.relation), None).await
}

async fn make_token(app: &App, token: &str, owner: i64) -> (u16, Value) {
    let body = json!({ "name": "for somebody", "userId": owner });
    app.call_as(token, "POST", "/tokens", Some(body.to_string())).await
}

async fn entries(app: &App, token: &str) -> u64 {
    app.call_as(token, "GET", "/audit?results=1", None).await.1["total"].as_u64().unwrap()
}

async fn a_role_bounds_the_tokens_of_its_user_at_once(database: Database) {
    let app = App::start(database).await;
    let ann = member(&app, "admin").await;
    let may = async |token: &str, method: &str, path: &str| app.call_as(token, method, path, None).await.0;
    let (status, shown) = app.get(&format!("/users/{}", ann.id)).await;
    assert_eq!((status, &shown["data"]["role"], &shown["data"]["admin"]), (200, &json!("admin"), &json!(true)));
    assert_eq!(may(&ann.token, "GET", "/tokens").await, 200);
    // Less: the same token.
    let (_, body) = set_role(&app, &app.token, ann.id, "support").await;
    assert_eq!((&body["data"]["role"], &body["data"]["admin"]), (&json!("support"), &json!(false)));
    assert_eq!(may(&ann.token, "GET", "/tokens").await, 403);
    assert_eq!(may(&ann.token, "POST", "/servers/1/power/boot").await, 404, "allowed, and there is none");
    set_role(&app, &app.token, ann.id, "read-only").await;
    assert_eq!(may(&ann.token, "POST", "/servers/1/power/boot").await, 403);
    assert_eq!(may(&ann.token, "GET", "/packages").await, 200);
    set_role(&app, &app.token, ann.id, "customer").await;
    let (status, shown) = app.get(&format!("/users/{}", ann.id)).await;
    assert_eq!((status, &shown["data"]["role"]), (200, &Value::Null));
    assert_eq!(may(&ann.token, "GET", "/packages").await, 403);
    // More: what was known before opens nothing.
    set_role(&app, &app.token, ann.id, "support").await;
    assert_eq!(may(&ann.token, "GET", "/packages").await, 401);
    let (_, log) = app.get("/audit?action=set_user_role&results=1").await;
    assert_eq!(log["data"][0]["before"], json!({ "role": null }));
    assert_eq!(log["data"][0]["after"], json!({ "role": "support", "tokensEnded": 1 }));
    // Suspended: nothing, until that ends.
    let (status, made) = make_token(&app, &app.token, ann.id).await;
    assert_eq!((status, &made["data"]["userId"]), (201, &json!(ann.id)), "{made}");
    let token = made["data"]["token"].as_str().unwrap();
    for (enabled, expected) in [(true, 200), (false, 401), (true, 200)] {
        assert_eq!(modify(&app, &app.token, &ann, json!({ "enabled": enabled })).await, 201);
        assert_eq!(may(token, "GET", "/packages").await, expected, "enabled: {enabled}");
    }
    for wrong in ["", "root", "Owner"] {
        let (status, body) = set_role(&app, &app.token, ann.id, wrong).await;
        let named = body["errors"][0].as_str().is_some_and(|sentence| sentence.contains("role"));
        assert!(status == 422 && named, "{wrong:?}: {status} {body}");
    }
}

async fn t08_owners_and_administrators_are_changed_by_owners_alone(database: Database) {
    let app = App::start(database).await;
    let (owner, admin, other) = (member(&app, "owner").await, member(&app, "admin").await, member(&app, "admin").await);
    let (support, customer) = (member(&app, "support").await, member(&app, "customer").await);
    let before = entries(&app, &app.token).await;
    let by = admin.token.as_str();
    for (who, role) in
        [(&owner, "customer"), (&other, "support"), (&admin, "support"), (&support, "admin"), (&customer, "owner")]
    {
        assert_eq!(set_role(&app, by, who.id, role).await.0, 403, "{role}");
    }
    for who in [&owner, &other] {
        for body in [json!({ "name": "X" }), json!({ "email": "x@example.test" }), json!({ "enabled": false })] {
            assert_eq!(modify(&app, by, who, body).await, 403);
        }
        assert_eq!(delete(&app, by, who).await.0, 403);
        assert_eq!(make_token(&app, by, who.id).await.0, 403);
    }
    // The first token is the first owner's.
    assert_eq!(app.call_as(by, "DELETE", "/tokens/1", None).await.0, 403);
    for who in [customer.id, 999] {
        let (status, body) = make_token(&app, by, who).await;
        let named = body["errors"][0].as_str().is_some_and(|sentence| sentence.contains("userId"));
        assert!(status == 422 && named, "{status} {body}");
    }
    // Support does not come as far as that.
    assert_eq!(set_role(&app, &support.token, customer.id, "read-only").await.0, 403);
    assert_eq!(entries(&app, &app.token).await, before, "nothing changed");

    assert_eq!(set_role(&app, by, customer.id, "read-only").await.0, 200);
    assert_eq!(set_role(&app, by, customer.id, "customer").await.0, 200);
    assert_eq!(modify(&app, by, &admin, json!({ "name": "Myself" })).await, 201);
    assert_eq!(make_token(&app, by, support.id).await.0, 201);
    let (status, made) = make_token(&app, by, admin.id).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(app.call_as(by, "DELETE", &format!("/tokens/{}", made["data"]["id"]), None).await.0, 204);
    // An owner may.
    assert_eq!(modify(&app, &owner.token, &other, json!({ "enabled": false })).await, 201);
    assert_eq!(set_role(&app, &owner.token, admin.id, "support").await.0, 200);
    assert_eq!(app.call_as(&owner.token, "DELETE", "/tokens/1", None).await.0, 204);
}

async fn there_is_always_an_owner(database: Database) {
    let app = App::start(database).await;
    let boss = member(&app, "owner").await;
    // The first owner has no relation, and goes by the role alone.
    assert_eq!(set_role(&app, &boss.token, 1, "customer").await.0, 200);
    assert_eq!(app.get("/packages").await.0, 403);
    let before = entries(&app, &boss.token).await;
    for role in ["admin", "customer"] {
        let (status, body) = set_role(&app, &boss.token, boss.id, role).await;
        let is_told = body["errors"][0].as_str().is_some_and(|sentence| sentence.contains("last owner"));
        assert!(status == 422 && is_told, "{status} {body}");
    }
    assert_eq!(modify(&app, &boss.token, &boss, json!({ "enabled": false })).await, 422);
    let (status, body) = delete(&app, &boss.token, &boss).await;
    assert!(status == 422 && body["errors"][0].as_str().unwrap().contains("last owner"), "{status} {body}");
    assert_eq!(entries(&app, &boss.token).await, before, "nothing changed");
    // One who is suspended does not count.
    assert_eq!(set_role(&app, &boss.token, 1, "owner").await.0, 200);
    let second = access::token(&app, &["*"], None).await.1;
    assert_eq!(modify(&app, &second, &boss, json!({ "enabled": false })).await, 201);
    assert_eq!(set_role(&app, &second, 1, "admin").await.0, 422);
    assert_eq!(modify(&app, &second, &boss, json!({ "enabled": true })).await, 201);
    assert_eq!(set_role(&app, &second, 1, "admin").await.0, 200);
}

async fn of_two_owners_who_demote_each_other_one_stays(database: Database) {
    let app = App::start(database).await;
    let other = member(&app, "owner").await;
    let (one, two) =
        tokio::join!(set_role(&app, &app.token, other.id, "support"), set_role(&app, &other.token, 1, "support"),);
    let done = [&one, &two].into_iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(done, 1, "{one:?} {two:?}");
    assert_eq!(user::owners(app.ctx.store.read()).await.unwrap(), 1);
}
