//! Deleting.

use berth_control::clock::{HOUR, MINUTE};
use berth_store::{entity::server, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::{app::App, rows};

berth_store::on_both_databases!(
    a_deleted_server_is_not_found,
    a_customer_can_go_as_soon_as_the_last_server_is_told_to,
    a_delay_is_shown_replaced_and_called_off,
    a_protected_server_stays,
    addresses_and_capacity_come_back_with_the_rows_end,
);

async fn a_deleted_server_is_not_found(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let (status, body) = app.post(&format!("/servers/{id}/power/boot"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let waiting = body["data"]["queueId"].as_i64().unwrap();
    assert_eq!(app.call("DELETE", &format!("/servers/{id}"), Some("[]".to_owned())).await, (204, json!(null)));
    let gone = (404, json!({ "msg": "server not found" }));
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/build"), ("POST", "/power/boot"), ("GET", "/vnc")] {
        let body = (method == "POST").then(|| json!({ "operatingSystemId": company.template }).to_string());
        assert_eq!(app.call(method, &format!("/servers/{id}{path}"), body).await, gone, "{method} {path}");
    }
    assert_eq!(rows::job(&app, waiting).await.state, "cancelled");
    assert_eq!(app.get("/servers").await.1["total"], 0);
    assert_eq!(app.get(&format!("/servers/user/{}", company.user)).await.1["data"], json!([]));
}

async fn a_customer_can_go_as_soon_as_the_last_server_is_told_to(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let user = json!({ "name": "Jane", "email": "jane@doe.test", "extRelationId": 77 });
    let user = app.post("/users", user).await.1["data"]["id"].clone();
    let mut order = company.order();
    order["userId"] = user;
    let id = app.post("/servers", order).await.1["data"]["id"].as_i64().unwrap();
    let (status, body) = app.delete("/users/77/byExtRelation").await;
    assert_eq!((status, &body["errors"][0]), (422, &json!("The user has 1 servers; delete or hand them over first.")));
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
    assert_eq!(app.delete("/users/77/byExtRelation").await.0, 204);
    let gone = (404, json!({ "msg": "ext_relation_id not found" }));
    assert_eq!(app.get("/users/77/byExtRelation").await, gone);
    // The server is still on its node; its job goes on, and nobody sees it.
    let left = berth_store::server::by_id_even_deleting(app.ctx.store.read(), id).await.unwrap().unwrap();
    assert_eq!((left.deleting, left.owner_id), (true, 1));
    assert_eq!(app.get("/servers").await.1["total"], 0);
}

async fn a_delay_is_shown_replaced_and_called_off(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let path = format!("/servers/{id}");
    let delete_at = || async { berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap().delete_at };
    for delay in [5, 43_800] {
        assert_eq!(app.delete(&format!("{path}?delay={delay}")).await.0, 204);
        assert_eq!(delete_at().await, Some(rows::NOW + delay * MINUTE));
        let (status, body) = app.get(&path).await;
        assert_eq!((status, &body["data"]["deleteLevel"]), (200, &json!(1)));
        assert_eq!(body["data"]["tasks"]["actions"]["pending"].as_array().unwrap().len(), 1);
    }
    assert_eq!(app.delete(&format!("{path}/pendingDelete")).await.0, 204);
    let (_, body) = app.get(&path).await;
    assert_eq!((&body["data"]["deleteLevel"], delete_at().await), (&json!(0), None));
    for delay in ["-1", "43801", "x", "1.5"] {
        let (status, body) = app.delete(&format!("{path}?delay={delay}")).await;
        assert_eq!(status, 422, "{delay}: {body}");
    }
    assert_eq!(app.get(&path).await.0, 200);
}

async fn a_protected_server_stays(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    rows::change(&app, id, server::ActiveModel { protected: Set(true), ..Default::default() }).await;
    for delay in [0, 5] {
        let (status, body) = app.delete(&format!("/servers/{id}?delay={delay}")).await;
        assert_eq!((status, &body["msg"]), (423, &json!("The server is protected.")));
    }
    assert_eq!(app.get(&format!("/servers/{id}")).await.1["data"]["deleteLevel"], 0);
}

async fn addresses_and_capacity_come_back_with_the_rows_end(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 1).await;
    for _ in 0..3 {
        let (status, body) = app.post("/servers", company.order()).await;
        assert_eq!(status, 201, "{body}");
        let server = &body["data"];
        assert_eq!(server["network"]["interfaces"][0]["ipv4"][0]["address"], "192.0.2.1");
        assert_eq!(server["network"]["interfaces"][0]["ipv6"][0]["subnet"], "2001:db8:0:1::");
        assert_eq!(server["hypervisor"]["resources"]["servers"]["allocated"], 1);
        let id = server["id"].as_i64().unwrap();
        assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
        assert_eq!(app.post("/servers", company.order()).await.0, 422, "reserved until its rows are gone");
        let now = app.ctx.now();
        let removed = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
            Box::pin(async move { Ok(berth_store::server_outcome::remove(tx, id, now).await?) })
        });
        removed.await.unwrap();
        assert_eq!(app.post("/servers", company.order()).await.0, 422, "its address rests");
        app.pass(HOUR);
    }
}
