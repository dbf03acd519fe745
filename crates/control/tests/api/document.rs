//! The OpenAPI document: committed as it is served, and fit for programs that generate clients from it.

use std::{collections::BTreeSet, path::Path};

use berth_store::testing::Database;
use serde_json::Value;

use crate::app::App;

/// Set to write the file anew.
const REWRITE: &str = "BERTH_REWRITE_OPENAPI";

/// Answers that have nothing to say, as in the Global API's description.
const WITHOUT_BODY: [&str; 4] = [
    "post /servers 200",
    "post /servers/{serverId}/networkWhitelist 201",
    "post /servers/{serverId}/firewall/{interface}/rules 201",
    "post /servers/{serverId}/traffic/blocks 201",
];

fn document() -> Value {
    serde_json::to_value(berth_control::http::v1::openapi()).unwrap()
}

/// Every operation with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/global-api-v1.json");
    let made = berth_control::http::v1::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "openapi/global-api-v1.json is out of date: run this test with {REWRITE}=1");
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_described_answers() {
    let document = document();
    let mut names = BTreeSet::new();
    for (which, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{which}: a name is used twice");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{which}: no summary");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{which}: no success");
        for (status, answer) in answers {
            assert!(answer["description"].as_str().is_some_and(|text| text.len() > 5), "{which} {status}");
            // What a change answers with 201 has nothing to say, as in the Global API's description.
            let is_change = which.starts_with("put /servers/") && status == "201";
            let is_bodiless = is_change || WITHOUT_BODY.contains(&format!("{which} {status}").as_str());
            let has_body = status != "204" && !is_bodiless;
            assert_eq!(answer["content"].is_object(), has_body, "{which} {status}: a body of no known shape");
        }
        for status in ["401", "403", "429", "500", "503"] {
            assert!(answers.contains_key(status), "{which} lacks {status}");
        }
        assert_eq!(which.contains('{'), answers.contains_key("404"), "{which}: an id may name nothing");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{which}: {}", parameter["name"]);
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference} is not there");
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_served_to_anybody_from_this_host_alone() {
    let app = App::start(Database::sqlite()).await;
    let (status, served) = app.call_as("", "GET", "/openapi.json", None).await;
    assert_eq!((status, served), (200, document()));
    let get = async |path: &str| reqwest::get(format!("{}{path}", app.url)).await.unwrap();
    let page = get("/api/docs").await;
    assert_eq!(
        (page.status().as_u16(), page.url().path()),
        (200, "/api/docs/"),
        "the address without the slash leads there"
    );
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let html = page.text().await.unwrap();
    let parts: Vec<&str> = html.split('"').filter(|part| part.ends_with(".js") || part.ends_with(".css")).collect();
    assert!(parts.len() >= 4, "{html}");
    for part in parts {
        assert!(!part.contains("//"), "{part} is another host's");
        let file = get(&format!("/api/docs/{}", part.trim_start_matches("./"))).await;
        assert_eq!(file.status(), 200, "{part}");
    }
    let start = get("/api/docs/swagger-initializer.js").await;
    let start = start.text().await.unwrap();
    assert!(start.contains("/api/v1/openapi.json") && start.contains("/api/openapi.json"), "{start}");
    assert_eq!(get("/api/docs/../../etc/passwd").await.status(), 404);
    // That is an address of the customer API, which says to strangers of none whether it is there.
    assert_eq!(get("/api/docs/%2e%2e/secret").await.status(), 401);
}
