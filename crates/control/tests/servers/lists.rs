//! Lists.

use std::sync::atomic::{AtomicUsize, Ordering};

use berth_store::{server_details, testing::Database};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(servers_are_listed_paged_and_filtered);

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

/// However many servers are read whole, it takes four statements.
#[tokio::test]
async fn whole_servers_are_read_in_four_statements() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 2, 50).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(company.server(&app).await);
    }
    let db = Counting { db: app.ctx.store.read(), statements: AtomicUsize::new(0) };
    assert!(server_details::by_id(&db, ids[0]).await.unwrap().is_some());
    assert_eq!(db.statements.swap(0, Ordering::SeqCst), 4);
    assert_eq!(server_details::by_ids(&db, &ids).await.unwrap().len(), 20);
    assert_eq!(db.statements.swap(0, Ordering::SeqCst), 4);
}

/// Counts what is sent to the database.
struct Counting<'d> {
    db: &'d DatabaseConnection,
    statements: AtomicUsize,
}

#[async_trait::async_trait]
impl ConnectionTrait for Counting<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.statements.fetch_add(1, Ordering::SeqCst);
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.statements.fetch_add(1, Ordering::SeqCst);
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.statements.fetch_add(1, Ordering::SeqCst);
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.statements.fetch_add(1, Ordering::SeqCst);
        self.db.query_all_raw(statement).await
    }
}

fn listed(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|line| line["id"].as_i64().unwrap()).collect()
}
