//! What is wrong whatever is asked for: values of other types, texts without end, bodies that are none, ids of nothing. It
//! is made of what a document says of an operation, for each of the three APIs.

use serde_json::{Value, json};

/// As long as a body may be, and then the rest of it is too much.
const TOO_LONG: usize = 1 << 20;
pub const LONG: usize = 1 << 19;
/// Levels of a document that exhausts a careless parser's stack.
const DEEP: usize = 100_000;

/// In the place of an id or a UUID.
pub const NO_IDS: [&str; 9] =
    ["999999", "0", "-1", "x", "1.5", "99999999999999999999", "%00", "..%2F1", "1%20OR%201=1"];

/// What a reference leads to; anything else is itself.
pub fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    }
}

/// What the document says of the fields of an operation's body; null where it takes none.
pub fn schema<'a>(document: &'a Value, method: &str, path: &str) -> &'a Value {
    let body = &document["paths"][path][method.to_lowercase()]["requestBody"];
    resolved(document, &body["content"]["application/json"]["schema"])
}

/// What no field of this type takes. Numbers may come as texts, and texts as numbers.
fn wrong_values(field: &Value) -> Vec<Value> {
    let types: Vec<&str> = match &field["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let of = |name: &str| types.contains(&name);
    let mut wrong = Vec::new();
    if !of("object") {
        wrong.push(json!({ "a": 1 }));
    }
    if !of("array") {
        wrong.push(json!([{ "a": 1 }]));
    }
    if of("integer") {
        wrong.extend([json!("lots"), json!(true), json!(1.5), json!("9".repeat(40)), json!(1e300), json!("1\u{0}")]);
    }
    if of("boolean") {
        wrong.extend([json!("perhaps"), json!(7), json!("true\u{0}")]);
    }
    if of("string") {
        wrong.extend([json!(true), json!("a".repeat(LONG)), json!("a\u{0}b")]);
    }
    if of("array") {
        // A number alone is a list of one; this one names nothing.
        wrong.extend([json!("x"), json!(987_654), json!([[[1]]]), json!([{ "a": 1 }])]);
    }
    wrong
}

/// A body that is right but for one field: every field with all that is not of its type, and left out where it is required.
/// With each, what is wrong with it.
pub fn wrong_bodies(document: &Value, schema: &Value, right: &Value) -> Vec<(String, Value)> {
    let mut bodies = Vec::new();
    for (field, facts) in schema["properties"].as_object().into_iter().flatten() {
        for value in wrong_values(resolved(document, facts)) {
            let shown = match value.as_str().map(str::len) {
                Some(LONG) => format!("{field}=a text without end"),
                _ => format!("{field}={value}"),
            };
            let mut body = right.clone();
            body[field] = value;
            bodies.push((shown, body));
        }
    }
    for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut body = right.clone();
        body.as_object_mut().unwrap().remove(field);
        bodies.push((format!("without {field}"), body));
    }
    bodies
}

/// Nothing that a body may be.
pub fn no_bodies() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let long = json!({ "name": "a".repeat(TOO_LONG), "hostname": "a".repeat(TOO_LONG) }).to_string();
    let texts = ["{", "\u{0}", "[1]", "7", "\"x\"", "<xml/>", "{\"name\": \"\\ud800\"}"];
    texts.into_iter().map(str::to_owned).chain([deep, long]).collect()
}

/// As much of it as a failed test shows.
pub fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
