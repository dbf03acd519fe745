//! What a customer's program does with servers.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::{App, START},
    guests,
    program::{EVERY_SCOPE, PUBLIC_KEY, call, person, server, start, token},
    rows,
};

berth_store::on_both_databases!(
    a_program_reads_what_its_customer_has,
    a_program_orders_and_watches_its_orders,
    t09_an_order_names_by_uuid_and_says_what_is_wrong,
    what_is_shared_is_in_the_list_and_marked,
);

/// No number by which the control server itself names things is in an answer.
fn without_ids(answer: &Value) -> bool {
    match answer {
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let names_a_thing = name == "id" || name.ends_with("Id");
            !(names_a_thing && value.is_number()) && without_ids(value)
        }),
        Value::Array(items) => items.iter().all(without_ids),
        _ => true,
    }
}

async fn get(app: &App, token: &str, path: &str) -> Value {
    let (status, answer) = call(app, token, "GET", path, None).await;
    assert_eq!(status, 200, "{path}: {answer}");
    assert!(without_ids(&answer), "{path}: {answer}");
    answer
}

async fn a_program_reads_what_its_customer_has(database: Database) {
    let (app, company) = start(database, |config| config).await;
    let token = token(&app, "jon@doe.test", &EVERY_SCOPE).await;
    let account = get(&app, &token, "/account").await["data"].clone();
    assert_eq!((&account["name"], &account["email"]), (&json!("Jon Doe"), &json!("jon@doe.test")));
    assert_eq!(account["language"], "en");
    let mut uuids = Vec::new();
    for _ in 0..3 {
        uuids.push(server(&app, &company).await.1);
    }
    let page = get(&app, &token, "/server?results=2&page=2").await;
    assert_eq!((&page["total"], &page["last_page"], &page["data"][0]["id"]), (&json!(3), &json!(2), &json!(uuids[2])));
    assert_eq!(get(&app, &token, "/server/").await["data"].as_array().unwrap().len(), 3, "also with a slash");
    assert!(page["prev_page_url"].as_str().unwrap().contains("/api/server?results=2&page=1"), "{page}");

    let whole = get(&app, &token, &format!("/server/{}", uuids[0])).await["data"].clone();
    assert_eq!(
        (&whole["memory"], &whole["cpu"], &whole["buildState"]),
        (&json!("512 MB"), &json!("1 Core"), &json!("complete"))
    );
    assert_eq!((&whole["storage"][0]["capacity"], &whole["storage"][0]["primary"]), (&json!("5 GB"), &json!(true)));
    let network = &whole["network"]["primary"];
    assert_eq!((&network["limit"], &network["ipv4"][0]["gateway"]), (&json!("1000 GB"), &json!("192.0.2.254")));
    assert_eq!((&network["ipv4"][0]["netmask"], &whole["network"]["secondary"]), (&json!("255.255.255.0"), &json!([])));
    assert!(network["ipv6"][0]["subnet"].as_str().unwrap().ends_with("/64"), "{network}");
    assert_eq!(whole["resources"], json!({ "memoryMb": 512, "cpuCores": 1, "diskGb": 5, "trafficGb": 1000 }));
    assert_eq!(
        (&whole["state"]["power"], &whole["state"]["figures"]),
        (&json!("unknown"), &Value::Null),
        "no node tells"
    );
    assert_eq!(whole["sharedBy"], Value::Null);
    assert_eq!(whole["currentMonthlyPeriod"]["start"], "2025-01-20T00:00:00.000000Z");

    let traffic = get(&app, &token, &format!("/server/{}/traffic", uuids[0])).await["data"].clone();
    assert_eq!((&traffic["monthly"][0]["month"], &traffic["monthly"][0]["total"]), (&json!(1), &json!(0)));
    let key = json!({ "name": "laptop", "publicKey": PUBLIC_KEY });
    let (status, made) = call(&app, &token, "POST", "/account/sshKeys", Some(&key)).await;
    assert_eq!((status, &made["data"]["type"]), (201, &json!("ssh-ed25519")), "{made}");
    let keys = get(&app, &token, "/account/sshKeys?results=1&page=2").await;
    assert_eq!((&keys["total"], &keys["data"][0]["id"]), (&json!(2), &made["data"]["id"]));
    let path = format!("/account/sshKeys/{}", made["data"]["id"].as_str().unwrap());
    assert_eq!(call(&app, &token, "DELETE", &path, None).await.0, 204);
    assert_eq!(call(&app, &token, "DELETE", &path, None).await.0, 404);
}

async fn a_program_orders_and_watches_its_orders(database: Database) {
    let (app, company) = start(database, |config| config).await;
    let token = token(&app, "jon@doe.test", &EVERY_SCOPE).await;
    let (id, uuid) = server(&app, &company).await;
    let path = format!("/server/{uuid}");
    let order = async |method: &str, what: &str, body: Option<Value>| {
        let (status, answer) = call(&app, &token, method, &format!("{path}/{what}"), body.as_ref()).await;
        assert!(without_ids(&answer), "{what}: {answer}");
        (status, answer)
    };
    for action in ["boot", "shutdown", "restart", "poweroff"] {
        let (status, answer) = order("POST", &format!("power/{action}"), None).await;
        assert_eq!((status, &answer["data"]["task"]["status"]), (200, &json!("queued")), "{action}: {answer}");
        let task = answer["data"]["task"]["id"].as_str().unwrap();
        let shown = get(&app, &token, &format!("{path}/tasks/{task}")).await["data"].clone();
        assert_eq!((&shown["action"], &shown["completed"]), (&json!(format!("{action}_server")), &json!(false)));
    }
    let audited = app.get("/audit?action=restart_server").await.1["data"][0]["actor"].clone();
    assert_eq!((&audited["type"], &audited["userId"]), (&json!("customer_token"), &json!(company.user)));
    rows::end_jobs(&app, id).await;
    let (status, reset) = order("POST", "resetPassword", None).await;
    assert_eq!((status, reset["data"]["password"].as_str().unwrap().len()), (200, 20));
    assert_eq!(order("PUT", "name", Some(json!({ "name": "renamed" }))).await.0, 204);
    for (what, door) in
        [("vnc", "wss://panel.example.test/vnc/?token="), ("console", "wss://panel.example.test/vnc/serial?token=")]
    {
        let (status, answer) = order("POST", what, None).await;
        let wss = if what == "vnc" { &answer["data"]["vnc"]["wss"] } else { &answer["data"]["wss"] };
        assert_eq!(status, 200, "{answer}");
        assert!(wss["url"].as_str().unwrap().starts_with(door), "{answer}");
    }
    let switched = order("POST", "vnc", Some(json!({ "action": "enable" }))).await.1;
    let again = order("GET", "vnc", None).await.1;
    assert_eq!((&switched["data"]["vnc"]["enabled"], &switched), (&json!(true), &again), "the same while it is fresh");
    assert_eq!(order("POST", "vnc", Some(json!({ "action": "blink" }))).await.0, 422);
    rows::end_jobs(&app, id).await;

    let families = get(&app, &token, &format!("{path}/templates")).await["data"].clone();
    let template = families[0]["templates"][0]["id"].clone();
    let key = get(&app, &token, "/account/sshKeys").await["data"][0]["id"].clone();
    let build = json!({
        "operatingSystemId": template, "hostname": "new.example.test", "sshKeys": [key], "swap": 512,
        "userData": "#cloud-config\npackages: [vim]\n",
    });
    let (status, built) = order("POST", "build", Some(build.clone())).await;
    assert_eq!((status, built["data"]["password"].as_str().unwrap().len()), (200, 20), "{built}");
    let locked = order("POST", "build", Some(build)).await;
    assert_eq!(
        (locked.0, locked.1.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>()),
        (423, vec!["msg"])
    );
    let task = built["data"]["task"]["id"].as_str().unwrap();
    let shown = get(&app, &token, &format!("{path}/tasks/{task}")).await["data"].clone();
    assert_eq!((&shown["action"], &shown["status"]), (&json!("build_server"), &json!("queued")));
    rows::end_jobs(&app, id).await;
    let tasks = get(&app, &token, &format!("{path}/tasks?results=1")).await;
    assert_eq!((&tasks["data"][0]["id"], &tasks["data"][0]["status"]), (&json!(task), &json!("complete")));
    assert_eq!(
        (&tasks["data"][0]["success"], &tasks["data"][0]["created"]),
        (&json!(true), &json!("2025-01-20T14:00:47+00:00"))
    );
    assert_eq!(app.ctx.now(), START);
    let (_, other) = server(&app, &company).await;
    let elsewhere = call(&app, &token, "GET", &format!("/server/{other}/tasks/{task}"), None).await;
    assert_eq!(elsewhere.0, 404, "a task of another server");
    let mine = app.get(&format!("/servers/{id}")).await.1["data"].clone();
    assert_eq!(
        (&mine["name"], &mine["hostname"], &mine["sshKeys"][0]["id"]),
        (&json!("renamed"), &json!("new.example.test"), &json!(company.key))
    );
}

async fn t09_an_order_names_by_uuid_and_says_what_is_wrong(database: Database) {
    let (app, company) = start(database, |config| config).await;
    let token = token(&app, "jon@doe.test", &EVERY_SCOPE).await;
    let (_, uuid) = server(&app, &company).await;
    let path = format!("/server/{uuid}");
    let families = get(&app, &token, &format!("{path}/templates")).await["data"].clone();
    let template = families[0]["templates"][0]["id"].clone();
    for (field, value, named) in [
        ("operatingSystemId", json!(company.template), "operatingSystemId"),
        ("operatingSystemId", json!(company.template.to_string()), "operatingSystemId"),
        ("operatingSystemId", json!(""), "operatingSystemId"),
        ("sshKeys", json!([company.key.to_string()]), "sshKeys"),
        ("sshKeys", json!([company.key]), "sshKeys"),
        ("sshKeys", json!(vec!["x"; 65]), "sshKeys"),
        ("hostname", json!("-a"), "hostname"),
        ("name", json!("a\nb"), "name"),
        ("swap", json!(7), "swap"),
        ("userData", json!("- a"), "userData"),
        ("memory", json!(4096), "memory"),
    ] {
        let mut order = json!({ "operatingSystemId": template });
        order[field] = value;
        let (status, answer) = call(&app, &token, "POST", &format!("{path}/build"), Some(&order)).await;
        assert_eq!(status, 422, "{field}: {answer}");
        assert!(answer["errors"].to_string().contains(named), "{field}: {answer}");
    }
    for (what, body) in
        [("name", json!({ "name": "" })), ("name", json!({ "name": "x", "ownerId": 1 })), ("name", json!({}))]
    {
        let (status, answer) = call(&app, &token, "PUT", &format!("{path}/{what}"), Some(&body)).await;
        assert_eq!(status, 422, "{body}: {answer}");
    }
    let odd = json!({ "user": "mallory" });
    assert_eq!(call(&app, &token, "POST", &format!("{path}/resetPassword"), Some(&odd)).await.0, 422);
    for page in ["results=0", "results=201", "page=0", "page=x"] {
        assert_eq!(call(&app, &token, "GET", &format!("/server?{page}"), None).await.0, 422, "{page}");
    }
    let tasks = get(&app, &token, &format!("{path}/tasks")).await;
    assert_eq!(tasks["total"], 1, "nothing was queued by what was refused");
}

async fn what_is_shared_is_in_the_list_and_marked(database: Database) {
    let (app, company) = start(database, |config| config).await;
    person(&app, "mary").await;
    let token = token(&app, "mary@doe.test", &EVERY_SCOPE).await;
    let (id, uuid) = server(&app, &company).await;
    server(&app, &company).await;
    assert_eq!(get(&app, &token, "/server").await["total"], 0);
    guests::share(&app, id, "mary@doe.test", &["view", "power"]).await;
    let list = get(&app, &token, "/server").await;
    assert_eq!((&list["total"], &list["data"][0]["id"]), (&json!(1), &json!(uuid)));
    assert_eq!(
        (&list["data"][0]["sharedBy"], &list["data"][0]["rights"]),
        (&json!("Jon Doe"), &json!(["view", "power"]))
    );
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
    assert_eq!(get(&app, &token, "/server").await["total"], 0);
}
