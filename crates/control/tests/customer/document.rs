//! The customer API's OpenAPI document: committed as it is served, and fit for programs that generate clients from it.

use std::{collections::BTreeSet, path::Path};

use berth_control::http::customer;
use berth_store::testing::Database;
use serde_json::Value;

use crate::{app::App, program::call};

/// Set to write the file anew.
const REWRITE: &str = "BERTH_REWRITE_OPENAPI";

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/customer.json");
    let made = customer::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "openapi/customer.json is out of date: run this test with {REWRITE}=1");
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let app = App::start(Database::sqlite()).await;
    let (status, served) = call(&app, "", "GET", "/openapi.json", None).await;
    assert_eq!((status, served), (200, serde_json::to_value(customer::openapi()).unwrap()));
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_answers() {
    let document = serde_json::to_value(customer::openapi()).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let which = format!("{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{which}: used twice");
            let said = format!("{} {}", operation["summary"], operation["description"]);
            let takes = ["servers:", "account:", "Every token may"].iter().any(|word| said.contains(word));
            assert!(takes, "{which}: say which scope it takes");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(answer["description"].as_str().is_some_and(|text| text.len() > 5), "{which} {status}");
                assert_eq!(answer["content"].is_object(), status != "204", "{which} {status}: of no known shape");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert_ne!(
                    (&parameter["in"], &parameter["schema"]["type"]),
                    (&Value::from("path"), &Value::from("integer")),
                    "{which}: things are named by UUIDs"
                );
            }
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference} is not there");
    }
}
