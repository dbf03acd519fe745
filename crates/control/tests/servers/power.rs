//! Power.

use berth_store::{entity::server, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::{app::App, rows};

berth_store::on_both_databases!(
    power_actions_queue_behind_each_other_up_to_eight,
    suspended_and_unbuilt_servers_take_none
);

async fn power_actions_queue_behind_each_other_up_to_eight(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let mut queue = Vec::new();
    for action in ["shutdown", "boot", "restart", "poweroff", "boot", "shutdown", "boot", "restart"] {
        let (status, body) = app.call("POST", &format!("/servers/{id}/power/{action}"), None).await;
        assert_eq!(status, 200, "{body}");
        let queue_id = body["data"]["queueId"].as_i64().unwrap();
        assert_eq!(rows::job(&app, queue_id).await.action, format!("{action}_server"));
        queue.push(queue_id);
    }
    assert!(queue.is_sorted());
    let (status, body) = app.post(&format!("/servers/{id}/power/boot"), json!([])).await;
    assert_eq!(status, 423, "{body}");
    rows::end_jobs(&app, id).await;
    assert_eq!(app.post(&format!("/servers/{id}/power/boot"), json!({})).await.0, 200);
}

async fn suspended_and_unbuilt_servers_take_none(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    for path in ["power/boot", "power/shutdown", "power/restart", "power/poweroff", "resetPassword"] {
        let (status, body) = app.post(&format!("/servers/{id}/{path}"), json!({})).await;
        assert_eq!((status, &body["errors"]), (422, &json!(["The server is not built."])));
    }
    rows::change(&app, id, server::ActiveModel { suspended: Set(true), ..Default::default() }).await;
    for path in ["power/boot", "resetPassword", "vnc", "build"] {
        let (status, body) =
            app.post(&format!("/servers/{id}/{path}"), json!({ "operatingSystemId": company.template })).await;
        assert_eq!((status, &body["msg"]), (423, &json!("The server is suspended.")), "{path}");
    }
}
