//! Bad input to every operation of the panel: wrong types, missing fields, texts without end, bodies that are none, ids of
//! nothing. Its owner sends it in a session that may do everything; it is refused in the shape of its status, and nothing
//! changes.

use berth_control::http::panel;
use berth_store::testing::Database;
use serde_json::Value;

use crate::{
    browser::Answer,
    matrix::{Operation, Who},
    people::World,
    wrong::{LONG, NO_IDS, no_bodies, schema, short, wrong_bodies},
};

/// Texts that may be of any length, since nobody looks at them: the code of an account without a second factor, and the
/// address of nobody who forgot a password, which is answered like anybody's.
const NOT_LOOKED_AT: [(&str, &str); 4] = [
    ("POST /forgotten-password", "email"),
    ("POST /passkeys", "code"),
    ("POST /session", "code"),
    ("POST /session/proof", "code"),
];

berth_store::on_both_databases!(
    every_field_of_every_operation_refuses_what_is_not_of_its_type,
    every_operation_refuses_what_is_no_body,
    every_operation_answers_404_for_ids_of_nothing,
);

fn document() -> Value {
    serde_json::to_value(panel::openapi()).unwrap()
}

fn is_refusal(answer: &Answer) -> bool {
    let body = &answer.body;
    match answer.status {
        422 => body["errors"].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string)),
        404 => body["msg"].is_string(),
        401 | 429 => body["message"].is_string(),
        _ => false,
    }
}

fn told(operation: &Operation, sent: &str, answer: &Answer) -> String {
    format!("{} {}: {} {}", operation.name(), short(sent), answer.status, short(&answer.body.to_string()))
}

async fn every_field_of_every_operation_refuses_what_is_not_of_its_type(database: Database) {
    let document = document();
    let mut world = World::start(database).await;
    let (mut asked, mut accepted) = (0, Vec::new());
    for operation in Operation::all(&document) {
        let schema = schema(&document, &operation.method, &operation.path);
        if !schema["properties"].is_object() {
            continue;
        }
        let (name, path) = (operation.name(), world.prepare(&operation).await);
        let right = world.body(&name, Who::Owner).await.unwrap();
        let before = world.changes().await;
        let is_long = |text: &Value| text.as_str().is_some_and(|text| text.len() == LONG);
        let looked_at = |body: &Value| !NOT_LOOKED_AT.iter().any(|(of, field)| *of == name && is_long(&body[*field]));
        for (shown, body) in wrong_bodies(&document, schema, &right) {
            if !looked_at(&body) {
                continue;
            }
            asked += 1;
            let answer = world.owner_sends(&operation.method, &path, body.to_string()).await;
            if !is_refusal(&answer) {
                accepted.push(told(&operation, &shown, &answer));
            }
        }
        if world.changes().await != before {
            accepted.push(format!("{name}: what was refused changed something"));
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    assert!(asked > 200, "the fields were found: {asked}");
}

async fn every_operation_refuses_what_is_no_body(database: Database) {
    let document = document();
    let mut world = World::start(database).await;
    for operation in Operation::all(&document) {
        if !schema(&document, &operation.method, &operation.path)["properties"].is_object() {
            continue;
        }
        let path = world.prepare(&operation).await;
        let before = world.changes().await;
        for text in no_bodies() {
            let shown = short(&text);
            let answer = world.owner_sends(&operation.method, &path, text).await;
            assert!(is_refusal(&answer), "{}", told(&operation, &shown, &answer));
        }
        assert_eq!(world.changes().await, before, "{}: nothing changed", operation.name());
    }
}

async fn every_operation_answers_404_for_ids_of_nothing(database: Database) {
    let document = document();
    let mut world = World::start(database).await;
    for operation in Operation::all(&document).into_iter().filter(|operation| operation.path.contains('{')) {
        let (name, path) = (operation.name(), world.prepare(&operation).await);
        let body = world.body(&name, Who::Owner).await.map_or_else(String::new, |body| body.to_string());
        let before = world.changes().await;
        let real: Vec<&str> = path.split('/').collect();
        for (at, _) in operation.path.split('/').enumerate().filter(|(_, part)| part.starts_with('{')) {
            for id in NO_IDS {
                let mut parts = real.clone();
                parts[at] = id;
                let path = parts.join("/");
                let answer = world.owner_sends(&operation.method, &path, body.clone()).await;
                let is_told = answer.status == 404 && answer.body["msg"].is_string();
                assert!(is_told, "{}", told(&operation, &path, &answer));
            }
        }
        assert_eq!(world.changes().await, before, "{name}: nothing changed");
    }
}
