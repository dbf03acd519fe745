//! The shape of a whole server, kept in a golden file.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

/// Names and types of every field, with what does not change from run to run.
#[tokio::test]
async fn the_whole_server_keeps_its_shape() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    order["additionalStorage1Enable"] = json!(true);
    order["additionalStorage1Capacity"] = json!(10);
    let (_, created) = app.post("/servers", order).await;
    let id = created["data"]["id"].as_i64().unwrap();
    let build = json!({ "operatingSystemId": company.template, "sshKeys": [company.key] });
    app.post(&format!("/servers/{id}/build"), build).await;
    rows::end_jobs(&app, id).await;
    // The node tells its figures and none of this guest: what events said of its power holds.
    let details = berth_store::server_details::by_id(app.ctx.store.read(), id).await.unwrap().unwrap();
    let told = berth_proto::StatsSample { node: Some(berth_proto::NodeStats::default()), ..Default::default() };
    app.ctx.live.store(details.hypervisor.uuid, told, app.ctx.now());
    let (_, mut body) = app.get(&format!("/servers/{id}?remoteState=true")).await;
    hide_random(&mut body);
    insta::assert_json_snapshot!("whole_server", body);
    let (_, mut body) = app.get(&format!("/servers/user/{}", company.user)).await;
    hide_random(&mut body);
    insta::assert_json_snapshot!("user_servers", body);
}

fn hide_random(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide_random),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "uuid" | "mac" | "tag" | "filename" | "encryptedPassword" | "decryptedPassword"
                        if !field.is_null() =>
                    {
                        *field = json!("[random]");
                    }
                    "port" if field.as_i64() != Some(8892) => *field = json!("[port]"),
                    "name" if field.as_str().is_some_and(|name| name.len() == 38) => *field = json!("[uuid]_n"),
                    _ => hide_random(field),
                }
            }
        }
        _ => {}
    }
}
