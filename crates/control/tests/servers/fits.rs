//! How many more servers fit: what is told is what creates then do.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    as_many_as_are_told_are_created_and_the_next_is_refused,
    what_stands_in_the_way_is_told
);

async fn as_many_as_are_told_are_created_and_the_next_is_refused(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 7).await;
    let path = format!("/compute/hypervisors/groups/{}/fits?packageId={}", company.group, company.package);
    let first = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    assert_eq!(app.put(&first, json!({ "maxServers": 2 })).await.0, 200);
    // The first that fits takes a server; then how many are whose is plain.
    let group = format!("/compute/hypervisors/groups/{}", company.group);
    assert_eq!(app.put(&group, json!({ "distributionType": 13 })).await.0, 200);
    let (status, body) = app.get(&path).await;
    assert_eq!(status, 200, "{body}");
    let data = &body["data"];
    assert_eq!((&data["fits"], &data["more"], &data["reasons"]), (&json!(7), &json!(false), &json!([])));
    let nodes = data["hypervisors"].as_array().unwrap();
    assert_eq!((&nodes[0]["fits"], &nodes[0]["name"]), (&json!(2), &json!("hv0")));
    assert_eq!(nodes[0]["limitedBy"], json!(["servers", "ipv4"]));
    assert_eq!((&nodes[1]["fits"], &nodes[1]["limitedBy"]), (&json!(5), &json!(["ipv4"])));
    assert_eq!(app.get(&format!("{path}&ipv4=3")).await.1["data"]["fits"], 2);
    let endless = app.get(&format!("{path}&ipv4=0")).await.1;
    assert_eq!((&endless["data"]["fits"], &endless["data"]["more"]), (&json!(10_000), &json!(true)));
    for _ in 0..7 {
        company.server(&app).await;
    }
    let (status, refused) = app.post("/servers", company.order()).await;
    let (_, body) = app.get(&path).await;
    let told: Vec<&Value> = body["data"]["hypervisors"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|node| node["reasons"].as_array().unwrap())
        .collect();
    assert_eq!((status, &body["data"]["fits"]), (422, &json!(0)));
    assert_eq!(refused["errors"].as_array().unwrap().iter().collect::<Vec<_>>(), told, "the same reasons");
}

async fn what_stands_in_the_way_is_told(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let group = format!("/compute/hypervisors/groups/{}", company.group);
    let path = format!("{group}/fits?packageId={}", company.package);
    let template = format!("/media/templates/{}", company.template);
    assert_eq!(app.put(&template, json!({ "arch": 2 })).await.0, 200);
    let (_, body) = app.get(&format!("{path}&templateId={}", company.template)).await;
    let node = &body["data"]["hypervisors"][0];
    assert_eq!((&body["data"]["fits"], &node["limitedBy"]), (&json!(0), &json!(["arch"])), "{body}");
    assert_eq!(app.put(&group, json!({ "enabled": false })).await.0, 200);
    assert_eq!(app.put(&format!("/packages/{}", company.package), json!({ "enabled": false })).await.0, 200);
    let (_, body) = app.get(&path).await;
    let reasons = json!(["Invalid or disabled package", "Invalid or disabled hypervisor group"]);
    assert_eq!((&body["data"]["fits"], &body["data"]["more"]), (&json!(0), &json!(false)));
    assert_eq!(body["data"]["reasons"], reasons);
    for query in [
        "",
        "packageId=999",
        "packageId=x",
        "packageId=1&ipv4=-1",
        "packageId=1&ipv4=257",
        "packageId=1&templateId=999",
    ] {
        let (status, answer) = app.get(&format!("{group}/fits?{query}")).await;
        assert!(status == 422 && answer["errors"][0].is_string(), "{query}: {status} {answer}");
    }
    let gone = (404, json!({ "msg": "hypervisor group not found" }));
    assert_eq!(app.get("/compute/hypervisors/groups/999/fits?packageId=1").await, gone);
}
