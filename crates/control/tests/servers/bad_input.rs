//! What is wrong is refused in the documented shape, and nothing changes.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    creates_refuse,
    builds_refuse,
    ids_that_name_nothing_are_not_found,
    tokens_without_the_right_are_forbidden
);

const HOSTILE: [&str; 8] = [
    "a\nb: c",
    "$(reboot)",
    "`id`",
    "<x/>",
    "'; DROP TABLE servers; --",
    "#cloud-config\nruncmd: [reboot]",
    "a\u{0}b",
    "../../etc/passwd",
];

fn is_list_of_sentences(body: &Value) -> bool {
    body["errors"].as_array().is_some_and(|errors| !errors.is_empty() && errors.iter().all(Value::is_string))
}

async fn creates_refuse(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let mut bodies = vec![json!({}), json!([]), json!("x"), json!(7), json!([1])];
    for field in ["packageId", "userId", "hypervisorId"] {
        let mut order = company.order();
        order.as_object_mut().unwrap().remove(field);
        bodies.push(order);
        for wrong in [json!(0), json!(-1), json!(999), json!("x"), json!(1.5), json!({}), json!(true), json!(u64::MAX)]
        {
            let mut order = company.order();
            order[field] = wrong;
            bodies.push(order);
        }
    }
    let fields = ["ipv4", "storage", "traffic", "memory", "cpuCores", "networkSpeedInbound", "networkSpeedOutbound"];
    for field in fields.into_iter().chain(["storageProfile", "networkProfile", "additionalStorage1Capacity"]) {
        for wrong in [json!(-1), json!(i64::MAX), json!("lots"), json!([1]), json!({ "a": 1 }), json!(false)] {
            let mut order = company.order();
            order[field] = wrong;
            bodies.push(order);
        }
        for text in HOSTILE {
            let mut order = company.order();
            order[field] = json!(text);
            bodies.push(order);
        }
    }
    for (field, wrong) in [
        ("firewallRulesets", json!([1, 999])),
        ("firewallRulesets", json!("x")),
        ("hypervisorAssetGroups", json!([-1, 0])),
        ("hypervisorAssetGroups", json!(2)),
        ("additionalStorage1Enable", json!(true)),
        ("additionalStorage2Enable", json!("maybe")),
        ("storageProfile", json!(9)),
        ("storage", json!("9".repeat(1 << 19))),
    ] {
        let mut order = company.order();
        order[field] = wrong;
        bodies.push(order);
    }
    for body in bodies {
        let (status, answer) = app.post("/servers", body.clone()).await;
        let shown = body.to_string().chars().take(200).collect::<String>();
        assert!(status == 422 && is_list_of_sentences(&answer), "{shown}: {status} {answer}");
    }
    for text in ["{", "\u{0}", "{\"packageId\": 1", "<xml/>"] {
        let (status, answer) = app.call("POST", "/servers", Some(text.to_owned())).await;
        assert!(status == 422 && is_list_of_sentences(&answer), "{text}: {status} {answer}");
    }
    assert_eq!(app.get("/servers").await.1["total"], 0);
}

async fn builds_refuse(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let (_, before) = app.get(&format!("/servers/{id}")).await;
    let huge = "a".repeat(1 << 19);
    let mut wrong = vec![
        ("operatingSystemId", json!(null)),
        ("operatingSystemId", json!(999)),
        ("operatingSystemId", json!("x")),
        ("operatingSystemId", json!({})),
        ("swap", json!(7)),
        ("swap", json!("much")),
        ("swap", json!(-1)),
        ("sshKeys", json!([999])),
        ("sshKeys", json!("x")),
        ("sshKeys", json!([null])),
        ("sshKeys", json!((1..100).collect::<Vec<_>>())),
        ("vnc", json!("maybe")),
        ("ipv6", json!([1])),
        ("name", json!("a\nb")),
        ("name", json!("a\u{0}b")),
        ("name", json!({})),
        ("name", json!(huge)),
        ("hostname", json!(huge)),
        ("hostname", json!(["a"])),
        ("userData", json!("- a list")),
        ("userData", json!(format!("a: {huge}"))),
    ];
    wrong.extend(HOSTILE.map(|text| ("hostname", json!(text))));
    for (field, value) in wrong {
        let mut order = json!({ "operatingSystemId": company.template });
        order[field] = value;
        let (status, answer) = app.post(&format!("/servers/{id}/build"), order.clone()).await;
        let shown = order.to_string().chars().take(200).collect::<String>();
        assert!(status == 422 && is_list_of_sentences(&answer), "{shown}: {status} {answer}");
    }
    let (_, after) = app.get(&format!("/servers/{id}")).await;
    assert_eq!(before, after);
}

async fn ids_that_name_nothing_are_not_found(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    for id in ["999", "0", "-1", "x", "1.5", "99999999999999999999", "%00", "1%20OR%201=1"] {
        for (method, path) in [
            ("GET", ""),
            ("DELETE", ""),
            ("DELETE", "/pendingDelete"),
            ("POST", "/build"),
            ("POST", "/power/boot"),
            ("POST", "/power/shutdown"),
            ("POST", "/power/restart"),
            ("POST", "/power/poweroff"),
            ("POST", "/resetPassword"),
            ("GET", "/vnc"),
            ("POST", "/vnc"),
            ("POST", "/console"),
            ("POST", "/suspend"),
            ("POST", "/unsuspend"),
            ("PUT", "/package/1"),
            ("PUT", "/modify/name"),
            ("PUT", "/modify/memory"),
            ("PUT", "/modify/cpuCores"),
            ("PUT", "/modify/cpuThrottle"),
            ("PUT", "/modify/storage"),
            ("PUT", "/modify/traffic"),
            ("PUT", "/modify/protected"),
            ("PUT", "/owner/1"),
            ("PUT", "/backupManager/access"),
            ("PUT", "/backups/plan/0"),
        ] {
            if method == "PUT" {
                let order = json!({
                    "name": "a", "memory": 512, "cores": 2, "percent": 5, "traffic": 1, "type": "full",
                });
                let order = match path {
                    "/modify/storage" => json!({ "drive": "a", "size": 9 }),
                    "/modify/protected" => json!({ "protected": true }),
                    "/package/1" => json!({}),
                    _ => order,
                };
                let answer = app.call(method, &format!("/servers/{id}{path}"), Some(order.to_string())).await;
                assert_eq!(answer, (404, json!({ "msg": "server not found" })), "{method} {id}{path}");
                continue;
            }
            let body = (method == "POST").then(|| json!({ "operatingSystemId": company.template }).to_string());
            let (status, answer) = app.call(method, &format!("/servers/{id}{path}"), body).await;
            assert_eq!((status, answer), (404, json!({ "msg": "server not found" })), "{method} {id}{path}");
        }
    }
}

async fn tokens_without_the_right_are_forbidden(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let reader = berth_control::http::auth::new_token(app.ctx.rng.as_ref());
    let hash = berth_control::http::auth::hash_token(&reader);
    let made = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let new = berth_store::api_token::NewToken {
            uuid: app.ctx.rng.uuid(),
            user_id: 1,
            name: "reader".to_owned(),
            token_hash: hash.clone(),
            abilities: vec!["read".to_owned()],
            allow_list: Vec::new(),
            expires_at: None,
            now: rows::NOW,
        };
        Box::pin(async move {
            berth_store::api_token::insert(tx, new).await?;
            Ok(())
        })
    });
    made.await.unwrap();
    let (status, body) = app.call_as(&reader, "GET", &format!("/servers/{id}"), None).await;
    assert_eq!(status, 200);
    assert!(body["data"]["settings"].get("decryptedPassword").is_none());
    for (method, path) in [
        ("POST", "/servers".to_owned()),
        ("DELETE", format!("/servers/{id}")),
        ("POST", format!("/servers/{id}/build")),
        ("POST", format!("/servers/{id}/power/boot")),
        ("POST", format!("/servers/{id}/resetPassword")),
        ("GET", format!("/servers/{id}/vnc")),
        ("POST", format!("/servers/{id}/vnc")),
        ("POST", format!("/servers/{id}/console")),
    ] {
        let (status, body) = app.call_as(&reader, method, &path, Some(company.order().to_string())).await;
        assert!(status == 403 && body["message"].is_string(), "{method} {path}: {status} {body}");
        for token in ["", "wrong", "brt_0000000000000000000000000000000000000000000"] {
            assert_eq!(app.call_as(token, method, &path, None).await.0, 401, "{method} {path}");
        }
    }
}
