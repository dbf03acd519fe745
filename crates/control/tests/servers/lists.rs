//! Lists.

use serde_json::{Value, json};

use crate::{app::App, database::Database, rows};

crate::on_both_databases!(servers_are_listed_paged_and_filtered);

async fn servers_are_listed_paged_and_filtered(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 50).await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(company.server(&app).await);
    }
    let order = json!({ "operatingSystemId": company.template, "name": "Web 50%_shop", "hostname": "web.example" });
    assert_eq!(app.post(&format!("/servers/{}/build", ids[2]), order).await.0, 200);
    let (status, page) = app.get("/servers?results=3&page=2&unknown=1").await;
    assert_eq!(status, 200, "{page}");
    assert_eq!((&page["total"], &page["last_page"], &page["from"]), (&json!(7), &json!(3), &json!(4)));
    assert_eq!(listed(&page), ids[3..6]);
    let line = &page["data"][0];
    assert_eq!((&line["owner"], &line["commissioned"]), (&json!(company.user), &json!(0)));
    let (_, full) = app.get("/servers?type=full&results=200").await;
    assert_eq!(listed(&full), ids);
    let (_, one) = app.get(&format!("/servers/{}", ids[2])).await;
    assert_eq!(full["data"][2], one["data"]);
    for (query, wanted) in [
        (format!("user={}", company.user), 7),
        ("user=999".to_owned(), 0),
        ("search=50%25_".to_owned(), 1),
        ("search=web.EX".to_owned(), 1),
        ("search=%25".to_owned(), 1),
        ("name=Web%2050%25_shop".to_owned(), 1),
        (format!("uuid={}", one["data"]["uuid"].as_str().unwrap()), 1),
        (format!("search={}", one["data"]["uuid"].as_str().unwrap()), 1),
        (format!("hypervisorId[]={}&hypervisorId[]={}", company.hypervisors[0], company.hypervisors[1]), 7),
    ] {
        let (status, page) = app.get(&format!("/servers?{query}")).await;
        assert_eq!((status, &page["total"]), (200, &json!(wanted)), "{query}");
        assert_eq!(listed(&page).len(), wanted, "{query}");
    }
    let (_, on_one) = app.get(&format!("/servers?hypervisorId={}", company.hypervisors[0])).await;
    assert!(on_one["data"].as_array().unwrap().iter().all(|line| line["hypervisorId"] == company.hypervisors[0]));
    for query in ["results=0", "results=201", "page=0", "type=half", "hypervisorId=x", "uuid=1", "user=x"] {
        let (status, body) = app.get(&format!("/servers?{query}")).await;
        assert_eq!(status, 422, "{query}");
        assert!(body["errors"][0].is_string());
    }
    let (status, body) = app.get(&format!("/servers/user/{}", company.user)).await;
    assert_eq!((status, listed(&body)), (200, ids));
    assert_eq!(app.get("/servers/user/999").await, (404, json!({ "msg": "user not found" })));
}

fn listed(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|line| line["id"].as_i64().unwrap()).collect()
}
