//! Bad input to every operation of the customer API: wrong types, missing fields, texts without end, bodies that are none,
//! ids of nothing. It comes with a token that may do everything; it is refused in the documented shape, and nothing changes.

use berth_control::http::customer;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    access::World,
    app::App,
    matrix::{Operation, Who},
    wrong::{NO_IDS, no_bodies, schema, short, wrong_bodies},
};

berth_store::on_both_databases!(
    every_field_of_every_operation_refuses_what_is_not_of_its_type,
    every_operation_refuses_what_is_no_body,
    every_operation_answers_404_for_ids_of_nothing,
);

fn document() -> Value {
    serde_json::to_value(customer::openapi()).unwrap()
}

/// What the owner's program is answered that sends this as a body.
async fn sent(world: &World, method: &str, path: &str, text: String) -> (u16, Value) {
    let request = reqwest::Client::new().request(method.parse().unwrap(), format!("{}/api{path}", world.app.url));
    let request = request.bearer_auth(world.token(Who::Owner)).header("content-type", "application/json");
    App::answer(request.body(text)).await
}

fn is_refusal(status: u16, body: &Value) -> bool {
    let sentences = body["errors"].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
    status == 422 && sentences
}

fn told(operation: &Operation, sent: &str, status: u16, body: &Value) -> String {
    format!("{} {}: {status} {}", operation.name(), short(sent), short(&body.to_string()))
}

async fn every_field_of_every_operation_refuses_what_is_not_of_its_type(database: Database) {
    let document = document();
    let world = World::start(database).await;
    let (mut asked, mut accepted) = (0, Vec::new());
    for operation in Operation::all(&document) {
        let schema = schema(&document, &operation.method, &operation.path);
        if !schema["properties"].is_object() {
            continue;
        }
        let path = world.prepare(&operation).await;
        let right = world.body(&operation).unwrap_or_else(|| json!({}));
        let before = world.changes().await;
        for (shown, body) in wrong_bodies(&document, schema, &right) {
            asked += 1;
            let (status, answer) = sent(&world, &operation.method, &path, body.to_string()).await;
            if !is_refusal(status, &answer) {
                accepted.push(told(&operation, &shown, status, &answer));
            }
        }
        if world.changes().await != before {
            accepted.push(format!("{}: what was refused changed something", operation.name()));
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    assert!(asked > 50, "the fields were found: {asked}");
}

async fn every_operation_refuses_what_is_no_body(database: Database) {
    let document = document();
    let world = World::start(database).await;
    for operation in Operation::all(&document) {
        if !schema(&document, &operation.method, &operation.path)["properties"].is_object() {
            continue;
        }
        let path = world.prepare(&operation).await;
        let before = world.changes().await;
        for text in no_bodies() {
            let shown = short(&text);
            let (status, answer) = sent(&world, &operation.method, &path, text).await;
            assert!(is_refusal(status, &answer), "{}", told(&operation, &shown, status, &answer));
        }
        assert_eq!(world.changes().await, before, "{}: nothing changed", operation.name());
    }
}

async fn every_operation_answers_404_for_ids_of_nothing(database: Database) {
    let document = document();
    let world = World::start(database).await;
    for operation in Operation::all(&document).into_iter().filter(|operation| operation.path.contains('{')) {
        let path = world.prepare(&operation).await;
        let body = world.body(&operation).map_or_else(String::new, |body| body.to_string());
        let before = world.changes().await;
        let real: Vec<&str> = path.split('/').collect();
        for (at, _) in operation.path.split('/').enumerate().filter(|(_, part)| part.starts_with('{')) {
            for id in NO_IDS {
                let mut parts = real.clone();
                parts[at] = id;
                let path = parts.join("/");
                let (status, answer) = sent(&world, &operation.method, &path, body.clone()).await;
                let is_told = status == 404 && answer["msg"].is_string();
                assert!(is_told, "{}", told(&operation, &path, status, &answer));
            }
        }
        assert_eq!(world.changes().await, before, "{}: nothing changed", operation.name());
    }
}
