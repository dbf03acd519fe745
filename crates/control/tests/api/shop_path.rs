//! The way that a shop goes through the API, with jobs carried out on simulated nodes: each answer in full. A list
//! that has something in it anywhere is never empty by mistake: the empty ones are a golden file.

use std::{fmt::Write as _, time::Duration};

use berth_control::jobs;
use berth_store::testing::Database;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{app::App, operations::PUBLIC_KEY, shop};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Paths of lists and objects that hold nothing.
fn empty(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) if items.is_empty() => found.push(format!("{path}[]")),
        Value::Object(fields) if fields.is_empty() => found.push(format!("{path}{{}}")),
        Value::Array(items) => items.iter().for_each(|item| empty(item, &format!("{path}[*]"), found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| empty(field, &format!("{path}.{name}"), found)),
        _ => {}
    }
}

struct Walk {
    app: App,
    emptiness: String,
}

impl Walk {
    /// Calls an operation and notes what of its answer is empty.
    async fn call(&mut self, method: &str, path: &str, wanted: u16, body: Option<Value>) -> Value {
        let (status, answer) = self.app.call(method, path, body.map(|body| body.to_string())).await;
        assert_eq!(status, wanted, "{method} {path}: {answer}");
        let mut found = Vec::new();
        empty(&answer, "", &mut found);
        found.sort();
        found.dedup();
        let _ = writeln!(self.emptiness, "{method} {path}: {}", found.join(" "));
        answer
    }

    async fn get(&mut self, path: &str) -> Value {
        self.call("GET", path, 200, None).await
    }

    async fn post(&mut self, path: &str, wanted: u16, body: Value) -> Value {
        self.call("POST", path, wanted, Some(body)).await
    }

    /// Until `done` says so of what the path answers.
    async fn until(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let waited = async {
            loop {
                let (_, answer) = self.app.get(path).await;
                if done(&answer) {
                    return answer;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{path} never came to that"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_sells_a_server_and_no_list_is_empty_that_has_something_to_say() {
    let app = App::start(Database::sqlite()).await;
    let nodes = shop::open(&app.ctx, 2).await.unwrap();
    for node in &nodes {
        node.host().lively = true;
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(jobs::run(app.ctx.clone(), "test".to_owned(), shutdown.clone()));
    tokio::spawn(berth_control::nodes::watch::run(app.ctx.clone(), shutdown.clone()));
    let mut walk = Walk { app, emptiness: String::new() };
    look_around(&mut walk).await;
    let user = json!({ "name": "Jon", "email": "jon@doe.test", "extRelationId": 7, "selfService": 3 });
    assert!(walk.post("/users", 201, user).await["data"]["password"].is_string());
    walk.get("/users/7/byExtRelation").await;
    let key = json!({ "userId": 2, "name": "laptop", "publicKey": PUBLIC_KEY });
    walk.post("/ssh_keys", 201, key).await;
    walk.get("/ssh_keys/1").await;
    walk.get("/ssh_keys/user/2").await;
    sell(&mut walk).await;
    walk.call("DELETE", "/servers/1", 204, None).await;
    assert_eq!(walk.app.get("/servers/1").await, (404, json!({ "msg": "server not found" })));
    walk.until("/queue?results=1", |page| page["data"][0]["finished"].is_string()).await;
    walk.call("DELETE", "/ssh_keys/1", 204, None).await;
    walk.call("DELETE", "/users/7/byExtRelation", 204, None).await;
    assert_eq!(walk.app.get("/users/7/byExtRelation").await, (404, json!({ "msg": "ext_relation_id not found" })));
    shutdown.cancel();
    insta::assert_snapshot!("what_is_empty", walk.emptiness);
}

async fn look_around(walk: &mut Walk) {
    for path in [
        "/connect",
        "/packages",
        "/packages/1",
        "/media/templates/fromServerPackageSpec/1",
        "/compute/hypervisors?results=20",
        "/compute/hypervisors/1",
        "/compute/hypervisors/groups?results=20",
        "/compute/hypervisors/groups/1",
        "/compute/hypervisors/groups/1/resources?results=20",
        "/connectivity/ipblocks",
        "/connectivity/ipblocks/2",
    ] {
        walk.get(path).await;
    }
}

async fn sell(walk: &mut Walk) {
    let order = json!({ "packageId": 1, "userId": 2, "hypervisorId": 1, "ipv4": 1 });
    walk.post("/servers?dryRun=true", 200, order.clone()).await;
    assert_eq!(walk.app.get("/servers").await.1["total"], 0, "a dry run creates nothing");
    walk.post("/servers", 201, order).await;
    for path in ["/servers?type=simple", "/servers?type=full", "/servers/user/2", "/servers/1/templates"] {
        walk.get(path).await;
    }
    let build = json!({
        "operatingSystemId": 1, "name": "conf", "hostname": "conf.example.test", "sshKeys": [1], "vnc": false,
        "ipv6": true, "swap": 512, "email": false,
    });
    walk.post("/servers/1/build", 200, build).await;
    walk.until("/servers/1", |server| server["data"]["state"] == "complete").await;
    walk.until("/servers/1?remoteState=true", |server| server["data"]["remoteState"]["running"] == true).await;
    walk.get("/servers/1").await;
    walk.get("/servers/1?remoteState=true").await;
    for action in ["poweroff", "boot", "restart", "shutdown", "boot"] {
        let queued = walk.post(&format!("/servers/1/power/{action}"), 200, json!({})).await;
        let item = format!("/queue/{}", queued["data"]["queueId"]);
        walk.until(&item, |item| item["data"]["finished"].is_string()).await;
        let ended = walk.get(&item).await;
        assert_eq!((&ended["data"]["failed"], &ended["data"]["progress"]), (&json!(false), &json!(100)), "{ended}");
    }
    walk.get("/servers/1/vnc").await;
    walk.post("/servers/1/vnc", 200, json!({ "action": "enable" })).await;
    walk.post("/servers/1/vnc", 200, json!({ "action": "disable" })).await;
    let reset = walk.post("/servers/1/resetPassword", 200, json!({ "user": "root", "sendMail": false })).await;
    let item = format!("/queue/{}", reset["data"]["queueId"]);
    walk.until(&item, |item| item["data"]["finished"].is_string()).await;
    // Figures come from time to time, and the newest may be from before the last boot.
    walk.until("/servers/1", |server| server["data"]["qemuAgent"]["os"]["id"].is_string()).await;
    walk.get("/servers/1").await;
}
