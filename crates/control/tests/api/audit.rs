//! The audit log: every change leaves one entry that says who, from where and what, and never a secret.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, operations};

berth_store::on_both_databases!(every_change_leaves_one_entry, a_change_that_is_refused_leaves_none);

/// What puts something in the place of something else without being a PUT.
const REPLACING: [&str; 9] = [
    "POST /servers/{serverId}/build",
    "POST /servers/{serverId}/customXML",
    "POST /servers/{serverId}/firewall/{interface}/rules",
    "POST /servers/{serverId}/media/iso",
    "POST /servers/{serverId}/quarantine",
    "POST /servers/{serverId}/suspend",
    "POST /servers/{serverId}/unsuspend",
    "POST /servers/{serverId}/vnc",
    "POST /users/{extRelationId}/byExtRelation/resetPassword",
];

async fn entries(app: &App) -> (u64, Vec<Value>) {
    let (status, page) = app.get("/audit?results=200").await;
    assert_eq!(status, 200, "{page}");
    (page["total"].as_u64().unwrap(), page["data"].as_array().unwrap().clone())
}

async fn total(app: &App) -> u64 {
    app.get("/audit?results=1").await.1["total"].as_u64().unwrap()
}

/// Texts under names that hold secrets, wherever they are in an answer.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let secret = ["password", "expectedPassword", "decryptedPassword", "token"].contains(&name.as_str());
                match field.as_str() {
                    Some(text) if secret && !text.is_empty() => found.push(text.to_owned()),
                    _ => secrets(field, found),
                }
            }
        }
        _ => {}
    }
}

async fn every_change_leaves_one_entry(database: Database) {
    let app = App::start(database).await;
    let company = operations::company(&app).await;
    let mut shown_once = vec![app.token.clone()];
    for operation in operations::all().into_iter().filter(operations::Operation::changes) {
        let name = operation.name();
        let call = operations::example(&app, &company, &operation).await;
        let before = total(&app).await;
        let request = format!("audit-{}", app.ctx.rng.letters_and_digits(6));
        let (status, answer) = App::answer(call.request(&app, &app.token).header("x-request-id", &request)).await;
        assert!((200..300).contains(&status), "{name}: {status} {answer}");
        secrets(&answer, &mut shown_once);
        let (after, list) = entries(&app).await;
        assert_eq!(after, before + 1, "{name}: one change, one entry");
        let entry = &list[0];
        assert_eq!(entry["requestId"], request, "{name}");
        assert_eq!(entry["actor"], json!({ "type": "token", "id": 1, "userId": 1 }), "{name}");
        assert_eq!(entry["address"], "127.0.0.1", "{name}");
        assert_eq!(entry["at"], "2025-01-20T14:00:47+00:00", "{name}");
        assert!(entry["action"].as_str().is_some_and(|action| action.contains('_')), "{name}: {entry}");
        assert!(entry["subject"]["id"].is_i64(), "{name}: {entry}");
        let (was, is) = (entry["before"].is_object(), entry["after"].is_object());
        assert!(was || is, "{name}: {entry}");
        assert!(was || operation.method != "DELETE", "{name}: what was there before");
        let replaces = ["PUT", "PATCH"].contains(&operation.method.as_str()) || REPLACING.contains(&name.as_str());
        assert!(!replaces || (was && is), "{name}: what stood before, and what stands in its place: {entry}");
    }
    let (_, list) = entries(&app).await;
    let log = Value::Array(list).to_string();
    assert!(shown_once.len() > 5, "the secrets were found");
    for secret in shown_once {
        assert!(!log.contains(&secret), "a secret is in the audit log");
    }
    for sign in ["$argon2", "$6$", "brt_", "PRIVATE KEY"] {
        assert!(!log.contains(sign), "{sign} is in the audit log");
    }
}

async fn a_change_that_is_refused_leaves_none(database: Database) {
    let app = App::start(database).await;
    let company = operations::company(&app).await;
    let (before, _) = entries(&app).await;
    for (path, body) in [
        ("/users", json!({ "name": "x" })),
        ("/packages", json!({ "name": "Small", "memory": 512, "primaryStorage": 5, "cpuCores": 1 })),
        ("/servers", json!({ "packageId": company.package })),
        ("/servers?dryRun=true", company.order()),
    ] {
        app.post(path, body).await;
    }
    assert_eq!(entries(&app).await.0, before);
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let app = App::start(Database::sqlite()).await;
    let company = operations::company(&app).await;
    for _ in 0..3 {
        company.server(&app).await;
    }
    app.pass(60_000_000);
    assert_eq!(app.post("/tokens", json!({ "name": "another" })).await.0, 201);
    let found = async |query: &str| app.get(&format!("/audit?{query}")).await.1["total"].as_u64();
    assert_eq!(found("action=create_server").await, Some(3));
    assert_eq!(found("subject=server&subjectId=2").await, Some(1));
    assert_eq!(found("user=1&action=create_token").await, Some(1), "the first token was the control server's own");
    assert_eq!(found("token=1").await, Some(4));
    assert_eq!(found("since=2025-01-20T14:01:47Z").await, Some(1));
    assert_eq!(found("until=2025-01-20T15:00:47%2B01:00&action=create_server").await, Some(3));
    assert_eq!(found("requestId=none").await, Some(0));
    let (_, page) = app.get("/audit?results=2&page=2&token=1").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    for query in ["since=yesterday", "subjectId=x", "results=0", "user=1.5"] {
        let (status, body) = app.get(&format!("/audit?{query}")).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{query}: {status} {body}");
    }
}

/// What a replacement's entry says of what stood before is what stood before.
#[tokio::test]
async fn replacements_say_what_stood_before() {
    let app = App::start(Database::sqlite()).await;
    let company = operations::company(&app).await;
    let newest = async |action: &str| {
        let (_, page) = app.get(&format!("/audit?action={action}&results=1")).await;
        (page["data"][0]["before"].clone(), page["data"][0]["after"].clone())
    };
    let package = format!("/packages/{}", company.package);
    for (path, action, first, second) in [
        (
            "cpuFairness",
            "set_cpu_fairness",
            json!({ "share": 80, "minutes": 10, "throttle": 50, "throttleMinutes": 30 }),
            json!({ "share": 0, "minutes": 0, "throttle": 0, "throttleMinutes": 0 }),
        ),
        (
            "trafficPolicy",
            "set_traffic_policy",
            json!({ "policy": "throttle", "throttle": 125 }),
            json!({ "policy": "suspend", "throttle": null }),
        ),
        ("firewallRulesets", "set_package_firewall", json!({ "rulesets": [1] }), json!({ "rulesets": null })),
    ] {
        let path = format!("{package}/{path}");
        assert!(app.put(&path, first.clone()).await.0 < 300, "{path}");
        let (before, after) = newest(action).await;
        assert!(before.is_object() && before != after, "{path}: {before} {after}");
        assert_eq!(after, first, "{path}");
        assert!(app.put(&path, second.clone()).await.0 < 300, "{path}");
        assert_eq!(newest(action).await, (first, second), "{path}");
    }
    let server = company.server(&app).await;
    for (hostname, template_before, hostname_before) in
        [("a.example", Value::Null, Value::Null), ("b.example", json!(company.template), json!("a.example"))]
    {
        let body = json!({ "operatingSystemId": company.template, "hostname": hostname, "sshKeys": [company.key] });
        assert_eq!(app.post(&format!("/servers/{server}/build"), body).await.0, 200);
        let (before, after) = newest("build_server").await;
        assert_eq!((&before["template"], &before["hostname"]), (&template_before, &hostname_before), "{before}");
        assert_eq!((&after["hostname"], &after["sshKeys"]), (&json!(hostname), &json!([company.key])), "{after}");
        crate::rows::end_jobs(&app, server).await;
    }
}
