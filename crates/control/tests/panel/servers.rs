//! What the owner of a server does with it in the panel.

use berth_store::testing::Database;
use serde_json::json;

use crate::{
    app::App,
    browser::{give_password, logged_in},
    rows,
};

berth_store::on_both_databases!(an_owner_sees_and_uses_a_server);

async fn an_owner_sees_and_uses_a_server(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    give_password(&app, company.user).await;
    let mut browser = logged_in(&app, "jon@doe.test").await;
    assert_eq!(browser.get("/servers").await.body["data"], json!([]));
    let id = company.built_server(&app).await;
    let list = browser.get("/servers").await.body["data"].clone();
    let (_, whole) = app.get(&format!("/servers/{id}")).await;
    let (card, whole) = (&list[0], &whole["data"]);
    let ipv4 = &whole["network"]["interfaces"][0]["ipv4"][0]["address"];
    assert_eq!((&card["uuid"], &card["name"], &card["ipv4"][0]), (&whole["uuid"], &whole["name"], ipv4));
    assert_eq!(
        (&card["state"], &card["suspended"], &card["working"]),
        (&json!("complete"), &json!(false), &json!(false))
    );
    assert!(card["ipv6"][0].as_str().unwrap().ends_with("/64"), "{card}");

    let path = format!("/servers/{}", whole["uuid"].as_str().unwrap());
    let page = browser.get(&path).await.body["data"].clone();
    assert_eq!((&page["live"], &page["screen"]), (&json!(null), &json!(null)), "no node says anything");
    assert_eq!((&page["jobs"][0]["action"], &page["jobs"][0]["state"]), (&json!("build_server"), &json!("done")));
    let renamed = browser.call("PUT", &format!("{path}/name"), Some(json!({ "name": "web" }))).await;
    assert_eq!((renamed.status, browser.get(&path).await.body["data"]["name"].clone()), (204, json!("web")));
    let refused = browser.call("PUT", &format!("{path}/name"), Some(json!({ "name": "" }))).await;
    assert_eq!((refused.status, refused.body["errors"].as_array().unwrap().len()), (422, 1));
    let strange = browser.call("PUT", &format!("{path}/name"), Some(json!({ "name": "x", "memory": 1 }))).await;
    assert_eq!(strange.status, 422, "t09: fields that it does not have");

    let families = browser.get(&format!("{path}/templates")).await.body["data"].clone();
    assert_eq!(families[0]["templates"][0]["id"], company.template);
    let queued = browser.call("POST", &format!("{path}/power"), Some(json!({ "action": "restart" }))).await;
    assert_eq!(queued.status, 200, "{}", queued.body);
    let (_, item) = app.get(&format!("/queue/{}", queued.body["data"]["queueId"])).await;
    assert_eq!((&item["data"]["action"], &item["data"]["serverId"]), (&json!("restart_server"), &json!(id)));
    let now = browser.get(&path).await.body["data"].clone();
    assert_eq!((&now["working"], &now["jobs"][0]["state"]), (&json!(true), &json!("queued")));
    rows::end_jobs(&app, id).await;
    let reset = browser.call("POST", &format!("{path}/password"), None).await;
    assert_eq!((reset.status, reset.body["data"]["password"].as_str().unwrap().len()), (200, 20));
    for (kind, door) in [("vnc", "/vnc/?token="), ("serial", "/vnc/serial?token=")] {
        let access = browser.call("POST", &format!("{path}/console"), Some(json!({ "kind": kind }))).await;
        assert!(access.body["data"]["path"].as_str().unwrap().starts_with(door), "{}", access.body);
    }
    rows::end_jobs(&app, id).await;
    let order = json!({ "templateId": company.template, "hostname": "new.example.test", "sshKeys": [company.key] });
    let built = browser.call("POST", &format!("{path}/build"), Some(order.clone())).await;
    assert_eq!((built.status, built.body["data"]["password"].as_str().unwrap().len()), (200, 20), "{}", built.body);
    let twice = browser.call("POST", &format!("{path}/build"), Some(order)).await;
    assert_eq!(twice.status, 423);
    let audited = app.get("/audit?action=restart_server").await.1;
    assert_eq!((&audited["data"][0]["actor"]["userId"], &audited["total"]), (&json!(company.user), &json!(1)));
}
