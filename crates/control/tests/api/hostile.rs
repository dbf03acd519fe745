//! Bad input to every operation that there is: wrong types, missing fields, texts without end, ids of nothing. It is
//! refused in the documented shape, and nothing changes. What values are out of range is for the tests of each
//! operation; here nobody has to think of a new one.

use berth_control::http::v1;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    operations::{self, Body, Call, Operation},
    wrong::{NO_IDS, no_bodies, resolved, schema, short, wrong_bodies},
};

/// How values of a wrong type are refused.
const WRONG_TYPE: [&str; 2] = ["invalid type", "did not match any variant"];
/// How deep numbers lie in a body.
const LEVELS: u32 = 4;

/// Operations that take JSON, with its schema and a call that is right.
async fn with_bodies(app: &App) -> Vec<(Operation, Value, Call)> {
    let (document, company) = (serde_json::to_value(v1::openapi()).unwrap(), operations::company(app).await);
    let mut found = Vec::new();
    for operation in operations::all() {
        let schema = schema(&document, &operation.method, &operation.path);
        if schema["properties"].is_object() {
            let call = operations::example(app, &company, &operation).await;
            found.push((operation, schema.clone(), call));
        }
    }
    assert!(found.len() > 8, "the document's bodies were found");
    found
}

fn is_refusal(status: u16, body: &Value) -> bool {
    let sentences = body["errors"].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
    (status == 422 && sentences) || (status == 404 && body["msg"].is_string())
}

async fn changes(app: &App) -> u64 {
    app.get("/audit?results=1").await.1["total"].as_u64().unwrap()
}

fn with_field(call: &Call, name: &str, value: Value) -> Call {
    let Some(Body::Json(mut body)) = call.body.clone() else { panic!("{} takes JSON", call.path) };
    body[name] = value;
    Call { body: Some(Body::Json(body)), ..call.clone() }
}

berth_store::on_both_databases!(
    every_field_of_every_operation_refuses_what_is_not_of_its_type,
    every_number_and_flag_of_every_operation_may_come_as_text,
    every_operation_refuses_what_is_no_body,
    every_operation_answers_404_for_ids_of_nothing
);

async fn every_field_of_every_operation_refuses_what_is_not_of_its_type(database: Database) {
    let app = App::start(database).await;
    let document = serde_json::to_value(v1::openapi()).unwrap();
    let calls = with_bodies(&app).await;
    let before = changes(&app).await;
    let mut accepted = Vec::new();
    for (operation, schema, call) in &calls {
        let Some(Body::Json(right)) = &call.body else { panic!("{} takes JSON", call.path) };
        for (shown, wrong) in wrong_bodies(&document, schema, right) {
            let wrong = Call { body: Some(Body::Json(wrong)), ..call.clone() };
            let (status, body) = wrong.send(&app, &app.token).await;
            if !is_refusal(status, &body) {
                let (shown, told) = (short(&shown), short(&body.to_string()));
                accepted.push(format!("{} {shown}: {status} {told}", operation.name()));
            }
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    assert_eq!(changes(&app).await, before, "nothing changed");
}

fn is_of_wrong_type(answer: &Value) -> bool {
    let said = answer.to_string();
    WRONG_TYPE.iter().any(|words| said.contains(words))
}

/// Where a schema holds whole numbers and flags, each with what is of its type: as text, and inside what it lies in.
fn as_texts(document: &Value, field: &Value, levels: u32) -> Vec<Value> {
    let field = resolved(document, field);
    let is =
        |name: &str| field["type"] == name || field["type"].as_array().is_some_and(|all| all.contains(&json!(name)));
    let mut found = Vec::new();
    if is("integer") {
        found.push(json!("1"));
    }
    if is("boolean") {
        found.extend([json!("1"), json!("true")]);
    }
    if levels == 0 {
        return found;
    }
    if is("array") {
        found.extend(as_texts(document, &field["items"], levels - 1).into_iter().map(|inner| json!([inner])));
    }
    for (name, inner) in field["properties"].as_object().into_iter().flatten() {
        found.extend(as_texts(document, inner, levels - 1).into_iter().map(|inner| json!({ name: inner })));
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|name| field[name].as_array()).flatten();
    found.extend(choices.flat_map(|choice| as_texts(document, choice, levels - 1)));
    found
}

/// Clients of the Global API send numbers and flags as text. What is wrong with the value itself may be said.
async fn every_number_and_flag_of_every_operation_may_come_as_text(database: Database) {
    let app = App::start(database).await;
    let document = serde_json::to_value(v1::openapi()).unwrap();
    let (mut tried, mut refused) = (0, Vec::new());
    for (operation, schema, call) in with_bodies(&app).await {
        for (field, facts) in schema["properties"].as_object().unwrap() {
            for text in as_texts(&document, facts, LEVELS) {
                tried += 1;
                let (status, body) = with_field(&call, field, text.clone()).send(&app, &app.token).await;
                // There is no node in this test, which some values are for: 503.
                if is_of_wrong_type(&body) || status == 500 {
                    refused.push(format!("{} {field}={text}: {status} {body}", operation.name()));
                }
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(tried > 100, "the fields were found: {tried}");
    // Were it said in other words, nothing above would fail.
    let (status, body) = app.post("/packages", json!({ "name": "x", "memory": "lots" })).await;
    assert!(status == 422 && is_of_wrong_type(&body), "{body}");
    let text = json!({ "name": "By text", "memory": "512", "primaryStorage": "20", "enabled": "0" });
    let (status, body) = app.post("/packages", text).await;
    let made = &body["data"];
    assert_eq!((status, &made["memory"], &made["primaryStorage"]), (201, &json!(512), &json!(20)), "{body}");
    assert_eq!(made["enabled"], false);
}

async fn every_operation_refuses_what_is_no_body(database: Database) {
    let app = App::start(database).await;
    let calls = with_bodies(&app).await;
    let before = changes(&app).await;
    for (operation, _, call) in &calls {
        for text in no_bodies() {
            let shown = short(&text);
            let (status, body) = app.call(&call.method, &call.path, Some(text)).await;
            assert!(is_refusal(status, &body), "{} {shown}: {status} {body}", operation.name());
        }
    }
    assert_eq!(changes(&app).await, before, "nothing changed");
}

async fn every_operation_answers_404_for_ids_of_nothing(database: Database) {
    let app = App::start(database).await;
    let company = operations::company(&app).await;
    for operation in operations::all().into_iter().filter(|operation| operation.path.contains('{')) {
        let call = operations::example(&app, &company, &operation).await;
        let before = changes(&app).await;
        let (head, rest) = operation.path.split_once('{').unwrap();
        let tail = rest.split_once('}').unwrap().1;
        for id in NO_IDS {
            let path = format!("{head}{id}{tail}");
            let (status, body) = Call { path, ..call.clone() }.send(&app, &app.token).await;
            // A relation to the shop's user is a number that is checked like one.
            let relation = operation.path.contains("{extRelationId}") && status == 422 && is_refusal(status, &body);
            assert!(
                relation || (status == 404 && body["msg"].is_string()),
                "{} {id}: {status} {body}",
                operation.name()
            );
        }
        assert_eq!(changes(&app).await, before, "{}: nothing changed", operation.name());
    }
}

/// Operations of the Global API ignore fields that they don't know, as its clients expect; all others refuse them. A
/// line that comes into the file needs a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t09_fields_that_nobody_knows_are_refused_by_all_but_these_operations() {
    let app = App::start(Database::sqlite()).await;
    let mut ignoring = String::new();
    for (operation, schema, call) in with_bodies(&app).await {
        let denies = schema["additionalProperties"] == false;
        if !denies {
            ignoring.push_str(&operation.name());
            ignoring.push('\n');
            continue;
        }
        let before = changes(&app).await;
        let (status, body) = with_field(&call, "isAdmin", json!(true)).send(&app, &app.token).await;
        assert!(status == 422 && is_refusal(status, &body), "{}: {status} {body}", operation.name());
        assert_eq!(changes(&app).await, before, "{}: nothing changed", operation.name());
    }
    insta::assert_snapshot!("ignore_unknown_fields", ignoring);
}
