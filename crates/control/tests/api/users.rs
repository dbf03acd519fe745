//! What a billing system does to its clients' accounts.

use berth_control::actions::passwords;
use berth_store::{testing::Database, user};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::app::App;

berth_store::on_both_databases!(
    an_account_is_modified_field_by_field,
    an_address_and_a_relation_are_one_users,
    of_many_who_create_the_same_user_one_does,
    a_user_has_a_language,
    users_are_found_by_what_is_known_of_them,
    what_is_wrong_changes_nothing,
    a_new_password_replaces_the_old_one,
    who_has_no_relation_is_deleted_by_id,
    t08_nobody_resets_the_password_of_staff_or_logs_in_as_one,
);

async fn jon(app: &App) -> Value {
    let order = json!({ "name": "Jon", "email": "jon@doe.test", "extRelationId": 7 });
    let (status, body) = app.post("/users", order).await;
    assert_eq!(status, 201, "{body}");
    body["data"].clone()
}

async fn put(app: &App, path: &str, body: Value) -> (u16, Value) {
    app.call("PUT", path, Some(body.to_string())).await
}

async fn an_account_is_modified_field_by_field(database: Database) {
    let app = App::start(database).await;
    jon(&app).await;
    let path = "/users/7/byExtRelation";
    let (status, body) = put(&app, path, json!({ "name": " Jon Doe ", "selfService": "3", "id": {} })).await;
    assert_eq!(status, 201, "{body}");
    let shown = json!({ "name": "Jon Doe", "email": "jon@doe.test", "selfService": 3, "enabled": true });
    assert_eq!(body["data"], shown);
    let (status, body) = put(&app, path, json!({ "email": "Jon.Doe@doe.test", "enabled": 0 })).await;
    assert_eq!((status, &body["data"]["enabled"]), (201, &json!(false)), "{body}");
    let (_, body) = app.get(path).await;
    let now = &body["data"];
    assert_eq!((&now["name"], &now["email"]), (&json!("Jon Doe"), &json!("Jon.Doe@doe.test")));
    assert_eq!((&now["suspended"], &now["selfService"]), (&json!(true), &json!(3)));
    // Nothing named, nothing changed; clients send `[]`.
    let (status, same) = app.call("PUT", path, Some("[]".to_owned())).await;
    assert_eq!((status, &same["data"]["email"]), (201, &json!("Jon.Doe@doe.test")));
    assert_eq!(app.get("/users?email=jon@doe.test").await.1["total"], 0);
    assert_eq!(app.get("/users?email=JON.DOE@doe.test").await.1["total"], 1);
}

/// How many entries the audit log has.
async fn changes(app: &App) -> Value {
    app.get("/audit?results=1").await.1["total"].clone()
}

async fn an_address_and_a_relation_are_one_users(database: Database) {
    let app = App::start(database).await;
    jon(&app).await;
    let ann = json!({ "name": "Ann", "email": "ann@doe.test", "relStr": "client-8" });
    assert_eq!(app.post("/users", ann).await.0, 201);
    let (_, users) = app.get("/users").await;
    let before = changes(&app).await;
    for (order, what) in [
        (json!({ "name": "Eve", "email": "jon@doe.test", "extRelationId": 9 }), "e-mail address"),
        (json!({ "name": "Eve", "email": " JON@Doe.Test ", "relStr": "client-9" }), "e-mail address"),
        (json!({ "name": "Eve", "email": "eve@doe.test", "extRelationId": 7 }), "extRelationId"),
        (json!({ "name": "Eve", "email": "eve@doe.test", "extRelationId": "7" }), "extRelationId"),
        (json!({ "name": "Eve", "email": "eve@doe.test", "relStr": "client-8" }), "relStr"),
        (json!({ "name": "Eve", "email": "eve@doe.test", "extRelationId": 9, "relStr": "client-8" }), "relStr"),
    ] {
        let (status, body) = app.post("/users", order.clone()).await;
        let said = format!("A user with this {what} exists already.");
        assert_eq!((status, body), (409, json!({ "msg": said, "errors": [said] })), "{order}");
    }
    assert_eq!(app.get("/users").await.1, users, "nobody was created or changed");
    assert_eq!(changes(&app).await, before);
    // The same number as a text is another relation, and none is nobody's.
    for (email, relation) in [("eve@doe.test", json!("7")), ("bob@doe.test", json!("")), ("ida@doe.test", json!(null))]
    {
        let (status, body) = app.post("/users", json!({ "name": "Eve", "email": email, "relStr": relation })).await;
        assert_eq!(status, 201, "{email}: {body}");
    }
}

async fn of_many_who_create_the_same_user_one_does(database: Database) {
    let app = App::start(database).await;
    let orders = (0..8).map(|n| {
        let order = json!({ "name": format!("Jon {n}"), "email": "jon@doe.test", "extRelationId": 7 });
        app.post("/users", order)
    });
    let mut statuses: Vec<u16> = join_all(orders).await.into_iter().map(|(status, _)| status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(app.get("/users?search=jon").await.1["total"], 1);
}

async fn a_user_has_a_language(database: Database) {
    let app = App::start(database).await;
    assert_eq!(jon(&app).await["language"], "en", "who chose none");
    let ann = json!({ "name": "Ann", "email": "ann@doe.test", "extRelationId": 8, "language": "PT-br" });
    let (status, made) = app.post("/users", ann).await;
    assert_eq!((status, &made["data"]["language"]), (201, &json!("pt-BR")), "{made}");
    let path = "/users/8/byExtRelation";
    assert_eq!(put(&app, path, json!({ "language": "zh-hant" })).await.0, 201);
    assert_eq!(put(&app, path, json!({ "name": "Ann Smith" })).await.0, 201);
    let (_, before) = app.get(path).await;
    assert_eq!((&before["data"]["language"], &before["data"]["name"]), (&json!("zh-Hant"), &json!("Ann Smith")));
    for wrong in ["", "english", "en_GB", "de-", "x-own", "../de", "de\u{0}"] {
        let new = json!({ "name": "Eve", "email": "eve@doe.test", "language": wrong });
        for (status, answer) in
            [put(&app, path, json!({ "language": wrong })).await, app.post("/users", new.clone()).await]
        {
            let named = answer["errors"][0].as_str().is_some_and(|sentence| sentence.contains("language"));
            assert!(status == 422 && named, "{wrong}: {status} {answer}");
        }
    }
    assert_eq!(app.get(path).await.1, before);
    assert_eq!(app.get("/users?email=eve@doe.test").await.1["total"], 0);
    let written = app.get("/audit?action=modify_user").await.1["data"].clone();
    let changed = written.as_array().unwrap().iter().find(|entry| entry["before"]["language"] == "pt-BR").unwrap();
    assert_eq!(changed["after"]["language"], "zh-Hant");
}

async fn users_are_found_by_what_is_known_of_them(database: Database) {
    let app = App::start(database).await;
    jon(&app).await;
    let ann = json!({ "name": "Ann 100%_real", "email": "Ann@shop.test", "relStr": "client-8" });
    assert_eq!(app.post("/users", ann).await.0, 201);
    let found = async |query: &str| {
        let (status, body) = app.get(&format!("/users?{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let names: Vec<String> =
            body["data"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(body["total"], names.len(), "{query}");
        names
    };
    let (jon, ann) = ("Jon", "Ann 100%_real");
    for (query, wanted) in [
        ("search=JON", vec![jon]),
        ("search=ann%20100", vec![ann]),
        ("search=ANN@Shop", vec![ann]),
        ("search=doe.test", vec![jon]),
        ("search=7", vec![jon]),
        ("search=Client-8", vec![ann]),
        ("search=%25", vec![ann]),
        ("search=%25_R", vec![ann]),
        ("search=J_n", vec![]),
        ("search=%27%20OR%201=1%20--", vec![]),
        ("search=ann&email=jon@doe.test", vec![]),
    ] {
        assert_eq!(found(query).await, wanted, "{query}");
    }
    assert_eq!(found("search=").await, found("").await, "nothing is searched for");
    let too_long = "x".repeat(192);
    for value in ["a%00b", "%0A", "%20", &too_long] {
        for field in ["search", "email"] {
            let (status, body) = app.get(&format!("/users?{field}={value}")).await;
            let named = body["errors"][0].as_str().is_some_and(|sentence| sentence.contains(field));
            assert!(status == 422 && named, "{field}={value}: {status} {body}");
        }
    }
}

async fn what_is_wrong_changes_nothing(database: Database) {
    let app = App::start(database).await;
    jon(&app).await;
    let other = json!({ "name": "Ann", "email": "ann@doe.test", "relStr": "client-8" });
    assert_eq!(app.post("/users", other).await.0, 201);
    let path = "/users/7/byExtRelation";
    let (_, before) = app.get(path).await;
    let wrong = [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": "x".repeat(192) }), "name"),
        (json!({ "email": "jon" }), "email"),
        (json!({ "selfService": 4 }), "selfService"),
        (json!({ "selfService": "all" }), "selfService"),
        (json!({ "enabled": "perhaps" }), "enabled"),
        (json!({ "selfServiceHourlyGroupProfiles": [1] }), "selfServiceHourlyGroupProfiles"),
        (json!({ "selfServiceHourlyResourcePack": 9 }), "selfServiceHourlyResourcePack"),
    ];
    for (body, field) in wrong {
        let (status, answer) = put(&app, path, body.clone()).await;
        let named = answer["errors"][0].as_str().is_some_and(|sentence| sentence.contains(field));
        assert!(status == 422 && named, "{body}: {status} {answer}");
    }
    assert_eq!(put(&app, path, json!({ "email": "ANN@doe.test" })).await.0, 409);
    assert_eq!(app.get(path).await.1, before);
    let unknown = (404, json!({ "msg": "ext_relation_id not found" }));
    for path in ["/users/8/byExtRelation", "/users/client-8/byExtRelation", "/users/9?relStr=true"] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = format!("{}?{query}", path.replace("/users/9", "/users/9/byExtRelation"));
        assert_eq!(put(&app, &path, json!({ "name": "X" })).await, unknown, "{path}");
        let (path, query) = path.split_once('?').unwrap();
        assert_eq!(app.post(&format!("{path}/resetPassword?{query}"), json!({})).await, unknown, "{path}");
    }
    assert_eq!(app.get("/users/client%00/byExtRelation?relStr=true").await, unknown);
    let by_text = "/users/client-8/byExtRelation?relStr=true";
    assert_eq!(put(&app, by_text, json!({ "name": "Ann Smith" })).await.0, 201);
}

async fn a_new_password_replaces_the_old_one(database: Database) {
    let app = App::start(database).await;
    let first = jon(&app).await;
    let (status, body) = app.call("POST", "/users/7/byExtRelation/resetPassword/", None).await;
    assert_eq!((status, &body["data"]["email"]), (201, &json!("jon@doe.test")), "{body}");
    let second = body["data"]["password"].as_str().unwrap().to_owned();
    assert!(second.len() >= 20);
    let row = user::by_id(app.ctx.store.read(), first["id"].as_i64().unwrap()).await.unwrap().unwrap();
    let old = first["password"].as_str().unwrap().to_owned();
    assert!(passwords::verify(&app.ctx, Some(row.password_hash.clone()), second).await.unwrap());
    assert!(!passwords::verify(&app.ctx, Some(row.password_hash), old).await.unwrap());
}

async fn who_has_no_relation_is_deleted_by_id(database: Database) {
    let app = App::start(database).await;
    let (_, made) = app.post("/users", json!({ "name": "Ann", "email": "ann@doe.test" })).await;
    let path = format!("/users/{}", made["data"]["id"]);
    assert_eq!(app.call("DELETE", &path, None).await.0, 204);
    let unknown = (404, json!({ "msg": "user not found" }));
    assert_eq!(app.get(&path).await, unknown);
    assert_eq!(app.call("DELETE", &path, None).await, unknown);
    let boss = app.get("/users").await.1["data"][0]["id"].clone();
    assert_eq!(app.call("DELETE", &format!("/users/{boss}"), None).await.0, 422, "the last owner stays");
}

async fn t08_nobody_resets_the_password_of_staff_or_logs_in_as_one(database: Database) {
    let app = App::start(database).await;
    let made = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let uuid = app.ctx.rng.uuid();
        Box::pin(async move {
            let mut boss = user::NewUser::plain(uuid, "Boss", "boss@doe.test", "kept".to_owned(), 1);
            (boss.admin, boss.ext_relation_id) = (true, Some(9));
            Ok(user::insert(tx, boss).await?.id)
        })
    });
    let id = made.await.unwrap();
    assert_eq!(app.post("/users/9/byExtRelation/resetPassword", json!({})).await.0, 403);
    for role in ["admin", "support", "read-only"] {
        assert_eq!(put(&app, &format!("/users/{id}/role"), json!({ "role": role })).await.0, 200);
        for path in ["byExtRelation/resetPassword", "authenticationTokens"] {
            assert_eq!(app.post(&format!("/users/9/{path}"), json!({})).await.0, 403, "{role} {path}");
        }
    }
    let row = user::by_id(app.ctx.store.read(), id).await.unwrap().unwrap();
    assert_eq!(row.password_hash, "kept");
}
