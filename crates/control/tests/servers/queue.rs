//! The queue: found by filters, called off, taken up again, and refused with the reason.

use berth_store::{entity::server, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    items_are_found_by_their_filters,
    a_build_that_is_called_off_is_taken_up_again_with_a_new_disk,
    power_and_passwords_are_taken_up_as_they_were_meant,
    what_can_not_be_called_off_or_taken_up_is_refused_with_the_reason
);

/// A server with a build that waits, and the build's item.
async fn ordered(app: &App, company: &rows::Company) -> (i64, i64) {
    let server = company.server(app).await;
    let order = json!({ "operatingSystemId": company.template, "hostname": "web.example", "swap": 512 });
    assert_eq!(app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    (server, newest(app, server).await)
}

async fn newest(app: &App, server: i64) -> i64 {
    let (_, page) = app.get(&format!("/queue?serverId={server}")).await;
    page["data"][0]["id"].as_i64().unwrap()
}

async fn item(app: &App, id: i64) -> Value {
    let (status, body) = app.get(&format!("/queue/{id}")).await;
    assert_eq!(status, 200, "{body}");
    body["data"].clone()
}

async fn items_are_found_by_their_filters(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.built_server(&app).await;
    app.pass(60_000_000);
    assert_eq!(app.post(&format!("/servers/{server}/power/restart"), json!({})).await.0, 200);
    let (other, _) = ordered(&app, &company).await;
    let found = async |query: &str| {
        let (status, page) = app.get(&format!("/queue?{query}")).await;
        assert_eq!(status, 200, "{query}: {page}");
        page["total"].as_u64().unwrap()
    };
    let node = company.hypervisors[0];
    for (query, wanted) in [
        (String::new(), 3),
        (format!("serverId={server}"), 2),
        (format!("serverId={server}&kind=power"), 1),
        (format!("hypervisorId={node}"), 3),
        ("hypervisorId=999".to_owned(), 0),
        ("state=queued".to_owned(), 2),
        ("state=done&action=build_server".to_owned(), 1),
        ("action=restart_server".to_owned(), 1),
        ("since=2025-01-20T14:01:47Z".to_owned(), 2),
        (format!("serverId={other}&state=failed"), 0),
    ] {
        assert_eq!(found(&query).await, wanted, "{query}");
    }
    for query in ["state=lost", "kind=magic", "since=yesterday", "serverId=x", "hypervisorId=1.5", "results=0"] {
        let (status, body) = app.get(&format!("/queue?{query}")).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{query}: {status} {body}");
    }
}

async fn a_build_that_is_called_off_is_taken_up_again_with_a_new_disk(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (server, build) = ordered(&app, &company).await;
    let before = server_row(&app, server).await;
    let (status, body) = app.post(&format!("/queue/{build}/cancel"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let cancelled = &body["data"];
    assert_eq!((&cancelled["queue"], &cancelled["failed"]), (&json!("cancelled"), &json!(true)));
    assert!(cancelled["finished"].is_string());
    let message = cancelled["errors"]["exception"]["message"].as_str().unwrap();
    assert_eq!(message, "It was cancelled before it began. Retry it if it is wanted after all.");
    assert_eq!(cancelled["primaryActions"][0]["data"], json!({ "cancelled": true, "success": false }));
    let (_, shown) = app.get(&format!("/servers/{server}")).await;
    assert_eq!((&shown["data"]["state"], &shown["data"]["buildFailed"]), (&json!("failed"), &json!(true)));

    let (status, body) = app.post(&format!("/queue/{build}/retry"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let again = body["data"]["queueId"].as_i64().unwrap();
    assert!(again > build && again == newest(&app, server).await);
    let new = item(&app, again).await;
    assert_eq!(
        (&new["action"], &new["queue"], &new["serverId"]),
        (&json!("build_server"), &json!("queued"), &json!(server))
    );
    assert_eq!(as_ordered(&rows::job(&app, again).await), as_ordered(&rows::job(&app, build).await));
    let after = server_row(&app, server).await;
    assert_eq!((after.state.as_str(), after.commission_status, after.build_failed), ("queued", 1, false));
    assert_eq!((&after.hostname, after.swap_mib, &after.password_hash), (&before.hostname, 512, &before.password_hash));
    assert!(after.generation > before.generation && after.build_uuid != before.build_uuid);
    let disks = berth_store::server_disk::of_server(app.ctx.store.read(), server).await.unwrap();
    assert_eq!(disks.len(), 1);
    assert_eq!(app.post(&format!("/servers/{server}/power/boot"), json!({})).await.0, 423, "it owns the server again");
}

async fn server_row(app: &App, id: i64) -> server::Model {
    berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap()
}

async fn power_and_passwords_are_taken_up_as_they_were_meant(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.built_server(&app).await;
    for (path, action) in [("power/shutdown", "shutdown_server"), ("resetPassword", "reset_password")] {
        let (_, body) = app.post(&format!("/servers/{server}/{path}"), json!({})).await;
        let first = body["data"]["queueId"].as_i64().unwrap();
        assert_eq!(app.post(&format!("/queue/{first}/cancel"), json!({})).await.0, 200);
        let (status, body) = app.post(&format!("/queue/{first}/retry"), json!({})).await;
        assert_eq!(status, 200, "{body}");
        let (first, again) =
            (rows::job(&app, first).await, rows::job(&app, body["data"]["queueId"].as_i64().unwrap()).await);
        assert_eq!((again.action.as_str(), again.state.as_str()), (action, "queued"));
        assert_eq!((as_ordered(&again), again.exclusive), (as_ordered(&first), first.exclusive));
        assert!(again.uuid != first.uuid, "its operation on the node is another");
    }
}

async fn what_can_not_be_called_off_or_taken_up_is_refused_with_the_reason(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (server, build) = ordered(&app, &company).await;
    let refused = async |path: String, wanted: u16, words: &str| {
        let (status, body) = app.post(&path, json!({})).await;
        assert!(status == wanted && body.to_string().contains(words), "{path}: {status} {body}");
    };
    for what in ["cancel", "retry"] {
        for id in ["999", "0", "-1", "x", "9999999999999999999999"] {
            refused(format!("/queue/{id}/{what}"), 404, "queue item not found").await;
        }
    }
    refused(format!("/queue/{build}/retry"), 422, "this one is queued").await;
    assert_eq!(app.post(&format!("/queue/{build}/cancel"), json!({})).await.0, 200);
    refused(format!("/queue/{build}/cancel"), 422, "has ended already: it is cancelled").await;
    rows::change(&app, server, server::ActiveModel { suspended: Set(true), ..Default::default() }).await;
    refused(format!("/queue/{build}/retry"), 423, "suspended").await;
    rows::change(
        &app,
        server,
        server::ActiveModel { suspended: Set(false), protected: Set(true), ..Default::default() },
    )
    .await;
    refused(format!("/queue/{build}/retry"), 423, "protected").await;
    rows::change(&app, server, server::ActiveModel { protected: Set(false), ..Default::default() }).await;
    let order = json!({ "operatingSystemId": company.template });
    assert_eq!(app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    let later = newest(&app, server).await;
    refused(format!("/queue/{build}/retry"), 422, &format!("Queue item {later} of the same kind came after")).await;
    rows::end_jobs(&app, server).await;
    refused(format!("/queue/{later}/retry"), 422, "this one is done").await;
    assert_eq!(app.delete(&format!("/servers/{server}")).await.0, 204);
    let deletion = newest(&app, server).await;
    refused(format!("/queue/{deletion}/cancel"), 422, "can't be called off").await;
    let reader = app.post("/tokens", json!({ "name": "reader", "abilities": ["read"] })).await.1;
    let reader = reader["data"]["token"].as_str().unwrap();
    for what in ["cancel", "retry"] {
        assert_eq!(app.call_as(reader, "POST", &format!("/queue/{build}/{what}"), None).await.0, 403);
    }
}

/// What a job is to do, without the request that queued it.
fn as_ordered(job: &berth_store::entity::job::Model) -> Value {
    let mut payload = job.payload.clone();
    let request = payload.as_object_mut().and_then(|fields| fields.remove("requestId"));
    assert!(request.is_some_and(|request| request.is_string()), "the request that queued it is known: {}", job.payload);
    payload
}
