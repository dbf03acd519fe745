//! The audit log: every change leaves one entry that says who, from where and what, and never a secret.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, operations};

berth_store::on_both_databases!(every_change_leaves_one_entry, a_change_that_is_refused_leaves_none);

async fn entries(app: &App) -> (u64, Vec<Value>) {
    let (status, page) = app.get("/audit?results=200").await;
    assert_eq!(status, 200, "{page}");
    (page["total"].as_u64().unwrap(), page["data"].as_array().unwrap().clone())
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
        let (before, _) = entries(&app).await;
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
        assert!(entry["before"].is_object() || entry["after"].is_object(), "{name}: {entry}");
        if operation.method == "DELETE" {
            assert!(entry["before"].is_object(), "{name}: what was there before");
        }
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
    let total = async |query: &str| app.get(&format!("/audit?{query}")).await.1["total"].as_u64();
    assert_eq!(total("action=create_server").await, Some(3));
    assert_eq!(total("subject=server&subjectId=2").await, Some(1));
    assert_eq!(total("user=1&action=create_token").await, Some(1), "the first token was the control server's own");
    assert_eq!(total("token=1").await, Some(4));
    assert_eq!(total("since=2025-01-20T14:01:47Z").await, Some(1));
    assert_eq!(total("until=2025-01-20T15:00:47%2B01:00&action=create_server").await, Some(3));
    assert_eq!(total("requestId=none").await, Some(0));
    let (_, page) = app.get("/audit?results=2&page=2&token=1").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    for query in ["since=yesterday", "subjectId=x", "results=0", "user=1.5"] {
        let (status, body) = app.get(&format!("/audit?{query}")).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{query}: {status} {body}");
    }
}
