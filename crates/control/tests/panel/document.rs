//! The panel's OpenAPI document: committed as it is served.

use std::path::Path;

use berth_store::testing::Database;

use crate::app::App;

/// Set to write the file anew.
const REWRITE: &str = "BERTH_REWRITE_OPENAPI";

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/panel.json");
    let made = berth_control::http::panel::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "openapi/panel.json is out of date: run this test with {REWRITE}=1");
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let app = App::start(Database::sqlite()).await;
    let served = reqwest::get(format!("{}/panel/api/openapi.json", app.url)).await.unwrap();
    let document: serde_json::Value = serde_json::from_str(&served.text().await.unwrap()).unwrap();
    assert_eq!(document, serde_json::to_value(berth_control::http::panel::openapi()).unwrap());
}
