//! What operators watch: health, figures, and ids that lead from an answer to the log.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use berth_control::{Context, Error, clock::SECOND, jobs, metrics, nodes};
use berth_store::{setting, testing::Database};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{app::App, shop};

berth_store::on_both_databases!(figures_tell_of_requests_jobs_nodes_and_guests);

async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The figures' own listener.
async fn figures(ctx: &Context) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = metrics::router(ctx.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_ready_without_the_database_and_alive_all_the_same() {
    let mut app = App::start(Database::postgres()).await;
    assert_eq!(get(&format!("{}/readyz", app.url)).await, (200, "ready\n".to_owned()));
    app.lose_database();
    app.pass(5 * SECOND);
    let (status, body) = get(&format!("{}/readyz", app.url)).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 503 && body["message"].as_str().unwrap().contains("database"), "{status} {body}");
    assert_eq!(get(&format!("{}/healthz", app.url)).await, (200, "ok\n".to_owned()));
    let (status, body) = app.get("/packages").await;
    assert!(status >= 500 && body["message"].is_string(), "t27: JSON, and no cause in it: {status} {body}");
    assert!(!body.to_string().contains("postgres"), "{body}");
}

/// A write is what tells: reading goes on where the disk is full, or the database was made read-only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_ready_where_the_database_can_only_be_read() {
    let app = App::start(Database::sqlite()).await;
    let ready = async || get(&format!("{}/readyz", app.url)).await;
    let probed = async || setting::get(app.ctx.store.read(), "last_write_probe").await.unwrap();
    assert_eq!((ready().await.0, probed().await), (200, Some(app.ctx.now().to_string())));
    // The one connection that writes refuses to, from the next transaction on.
    let locked = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            tx.execute_unprepared("PRAGMA query_only = ON").await.unwrap();
            Ok(())
        })
    });
    locked.await.unwrap();
    app.pass(5 * SECOND - 1);
    assert_eq!(ready().await.0, 200, "an answer is kept for a while, so that asking often costs nothing");
    app.pass(1);
    let (status, body) = ready().await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 503 && body["message"].as_str().unwrap().contains("written"), "{status} {body}");
    assert_eq!(app.get("/packages").await.0, 200, "reading goes on");
    assert_eq!(get(&format!("{}/healthz", app.url)).await.0, 200);
}

async fn figures_tell_of_requests_jobs_nodes_and_guests(database: Database) {
    let app = App::start(database).await;
    let url = figures(&app.ctx).await;
    assert_eq!(get(&format!("{url}/metrics")).await.0, 200);
    let _nodes = shop::open(&app.ctx, 2).await.unwrap();
    for _ in 0..3 {
        let order = json!({ "packageId": 1, "userId": 1, "hypervisorId": 1 });
        assert_eq!(app.post("/servers", order).await.0, 201);
    }
    for server in [1, 2] {
        let build = json!({ "operatingSystemId": 1 });
        assert_eq!(app.post(&format!("/servers/{server}/build"), build).await.0, 200);
    }
    assert_eq!(app.get("/servers/4711").await.0, 404);
    assert_eq!(app.get("/nowhere/4711").await.0, 404);
    let (_, text) = get(&format!("{url}/metrics")).await;
    for line in [
        "berth_http_requests_total{method=\"POST\",route=\"/api/v1/servers\",status=\"201\"} 3",
        "berth_http_requests_total{method=\"GET\",route=\"/api/v1/servers/{serverId}\",status=\"404\"} 1",
        "berth_http_request_seconds_count{method=\"POST\",route=\"/api/v1/servers\"} 3",
        "berth_http_request_seconds_bucket{method=\"POST\",route=\"/api/v1/servers\",le=\"+Inf\"} 3",
        "berth_jobs{kind=\"build\",state=\"queued\"} 2",
        "berth_jobs{kind=\"delete\",state=\"running\"} 0",
        "berth_servers{state=\"allocated\"} 1",
        "berth_servers{state=\"queued\"} 2",
        "berth_nodes{state=\"away\"} 2",
        "berth_guests_running 0",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("4711"), "ids of requests are not figures");
    let shutdown = CancellationToken::new();
    tokio::spawn(jobs::run(app.ctx.clone(), "test".to_owned(), shutdown.clone()));
    tokio::spawn(nodes::watch::run(app.ctx.clone(), shutdown.clone()));
    let wanted = [
        "berth_jobs_ended_total{kind=\"build\",state=\"done\"} 2",
        "berth_servers{state=\"complete\"} 2",
        "berth_nodes{state=\"heard\"} 2",
        "berth_guests_running 2",
        "berth_job_step_seconds_count{kind=\"build\"}",
    ];
    let came = async {
        loop {
            let (_, text) = get(&format!("{url}/metrics")).await;
            if wanted.iter().all(|line| text.contains(line)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), came).await.unwrap();
    shutdown.cancel();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&format!("{url}{path}")).await.0, 200, "{path} is there in the clear too");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_leads_from_an_answer_through_the_log_to_its_job() {
    let log = Log::default();
    let writer = {
        let log = log.clone();
        move || log.clone()
    };
    tracing_subscriber::fmt().json().with_writer(writer).init();
    let app = App::start(Database::sqlite()).await;
    let _nodes = shop::open(&app.ctx, 1).await.unwrap();
    let order = json!({ "packageId": 1, "userId": 1, "hypervisorId": 1 });
    assert_eq!(app.post("/servers", order).await.0, 201);
    let request = app.request(&app.token, "POST", "/servers/1/build").header("content-type", "application/json");
    let answer = request.body(json!({ "operatingSystemId": 1 }).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(id.len() >= 32, "one is made where none came: {id}");
    let of_request = |line: &&Value| line["span"]["name"] == "request" && line["span"]["id"] == id.as_str();
    let lines = log.lines();
    let mine: Vec<&Value> = lines.iter().filter(of_request).collect();
    let queued = mine.iter().find(|line| line["fields"]["message"] == "queued").expect("the job is named");
    let answered = mine.iter().find(|line| line["fields"]["message"] == "answered").expect("the answer is logged");
    assert_eq!((&answered["fields"]["status"], &answered["span"]["token"]), (&json!(200), &json!(1)));
    let job = queued["fields"]["job"].clone();
    let shutdown = CancellationToken::new();
    tokio::spawn(jobs::run(app.ctx.clone(), "test".to_owned(), shutdown.clone()));
    let ended = async {
        let of_job = |line: &Value| {
            line["fields"]["message"] == "ended"
                && line["span"]["name"] == "job"
                && line["span"]["id"] == job
                && line["span"]["request"] == id.as_str()
        };
        while !log.lines().iter().any(of_job) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the job's lines have its id");
    let lines = log.lines();
    let given = lines.iter().find(|line| line["fields"]["message"] == "a specification was given");
    let span = &given.expect("the node logs what it was given")["span"];
    let ids = json!([span["name"], span["method"], span["request"], span["job"], span["server_id"]]);
    assert_eq!(ids, json!(["asked", "Apply", id, job.to_string(), "1"]), "the node's line leads back");
    shutdown.cancel();
    let (_, page) = app.get(&format!("/audit?requestId={id}")).await;
    assert_eq!(page["data"][0]["action"], "build_server", "the audit log knows the request too");
    let text = log.lines().iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains(&app.token), "t08: no token in the log");
}

#[tokio::test]
async fn a_client_names_its_request_by_a_sound_name_only() {
    let app = App::start(Database::sqlite()).await;
    let answered = async |id: &str| {
        let answer = app.request(&app.token, "GET", "/connect").header("x-request-id", id).send().await.unwrap();
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(answered("order-4711.a_B").await, "order-4711.a_B");
    let long = "a".repeat(65);
    for strange in ["", " ", "a b", "<x>", "a;b", "\"", &long] {
        let id = answered(strange).await;
        assert!(id != strange && id.len() == 36, "{strange:?} became {id:?}");
    }
    let unknown = reqwest::get(format!("{}/nowhere", app.url)).await.unwrap();
    assert!(unknown.headers().contains_key("x-request-id"), "every answer has one");
}
