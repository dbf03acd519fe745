//! VLANs of interfaces.

use berth_control::spec;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    an_interface_has_one_vlan_or_is_a_trunk_of_several,
    bad_vlans_are_refused_with_the_fields_name,
);

async fn send(app: &App, method: &str, path: &str, body: Value) -> (u16, Value) {
    app.call(method, path, Some(body.to_string())).await
}

fn refusal(answer: &(u16, Value)) -> String {
    assert_eq!(answer.0, 422, "{}", answer.1);
    answer.1["errors"].to_string()
}

/// A server with a further interface on a bridge that keeps VLANs apart: its id and the path to that interface's.
async fn world(database: Database) -> (App, i64, String) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let server = company.server(&app).await;
    let networks = format!("/compute/hypervisors/{}/networks", company.hypervisors[0]);
    let (_, network) = app.post(&networks, json!({ "name": "Customers", "bridge": "br1" })).await;
    let interfaces = format!("/servers/{server}/interfaces");
    let made = app.post(&interfaces, json!({ "hypervisorNetworkId": network["data"]["id"] })).await;
    assert_eq!(made.0, 201, "{}", made.1);
    (app, server, format!("{interfaces}/secondary/vlans"))
}

/// What its node is told: numbers, whether they carry a tag, whether frames without one are of them.
async fn told(app: &App, server: i64) -> Vec<(u32, bool, bool)> {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let spec = spec::trial_spec(&app.ctx, &details).unwrap();
    let all = spec.interfaces.iter().flat_map(|interface| &interface.vlans);
    let vlans: Vec<_> = all.map(|of| (of.id, of.tagged, of.native)).collect();
    assert_eq!(spec.required_features.contains(&"vlans.v1".to_owned()), !vlans.is_empty());
    vlans
}

async fn an_interface_has_one_vlan_or_is_a_trunk_of_several(database: Database) {
    let (app, server, path) = world(database).await;
    assert_eq!((app.get(&path).await, told(&app, server).await), ((200, json!({ "data": [] })), vec![]));
    let (status, first) = app.post(&path, json!({ "vlan": "100" })).await;
    assert_eq!(status, 201, "{first}");
    let first = &first["data"];
    assert_eq!((&first["vlan"], &first["nativeMode"], &first["trunk"]), (&json!(100), &Value::Null, &json!(false)));
    assert_eq!(told(&app, server).await, [(100, false, true)], "the server sees no tag");
    let several = refusal(&app.post(&path, json!({ "vlan": 200, "trunk": true })).await);
    assert!(several.contains("trunk must be true of each"), "{several}");

    let one = format!("{path}/{}", first["id"]);
    assert_eq!(send(&app, "PUT", &one, json!({ "trunk": true })).await.1["data"]["trunk"], true);
    assert_eq!(told(&app, server).await, [(100, true, false)]);
    let second = json!({ "vlan": 200, "trunk": true, "nativeMode": "untagged" });
    assert_eq!(app.post(&path, second).await.1["data"]["nativeMode"], "untagged");
    assert_eq!(told(&app, server).await, [(100, true, false), (200, false, true)]);
    let (_, shown) = app.get(path.trim_end_matches("/vlans")).await;
    assert_eq!(shown["data"]["vlans"], json!([100, 200]));
    assert!(refusal(&send(&app, "PUT", &one, json!({ "nativeMode": "tagged" })).await).contains("nativeMode"));
    assert_eq!(send(&app, "PUT", &one, json!({ "vlan": 200 })).await.0, 409);
    assert_eq!(app.post(&path, json!({ "vlan": 100, "trunk": true })).await.0, 409);

    // Firewalls judge frames without a tag.
    let firewall = format!("/servers/{server}/firewall/secondary");
    assert!(refusal(&app.post(&format!("{firewall}/enable"), json!({})).await).contains("trunk"));
    assert_eq!(app.delete(&one).await, (204, Value::Null));
    assert_eq!(app.post(&format!("{firewall}/enable"), json!({})).await.0, 200, "its only one has no tag");
    assert!(refusal(&app.post(&path, json!({ "vlan": 300, "trunk": true })).await).contains("firewall"));
    assert_eq!(app.delete(&one).await, (404, json!({ "msg": "VLAN not found" })));
    assert_eq!(told(&app, server).await, [(200, false, true)]);

    // A bridge that keeps none apart is no place for it.
    let moved = send(&app, "PUT", path.trim_end_matches("/vlans"), json!({ "hypervisorNetworkId": 1 })).await;
    assert!(refusal(&moved).contains("VLAN"), "{}", moved.1);
    assert_eq!(app.get("/audit?action=create_vlan").await.1["total"], 2);
    assert_eq!(app.get("/audit?action=remove_vlan").await.1["total"], 1);
}

async fn bad_vlans_are_refused_with_the_fields_name(database: Database) {
    let (app, server, path) = world(database).await;
    for (body, field) in [
        (json!({}), "vlan"),
        (json!({ "vlan": 0 }), "vlan"),
        (json!({ "vlan": 4095 }), "vlan"),
        (json!({ "vlan": "blue" }), "vlan"),
        (json!({ "vlan": 7, "nativeMode": "both" }), "nativeMode"),
        (json!({ "vlan": 7, "nativeMode": "tagged" }), "nativeMode"),
        (json!({ "vlan": 7, "trunk": "perhaps" }), "trunk"),
        (json!({ "vlan": 7, "tag": true }), "tag"),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
    let elsewhere = format!("/servers/{server}/interfaces/primary/vlans");
    let answer = app.post(&elsewhere, json!({ "vlan": 7 })).await;
    assert!(refusal(&answer).contains("gives none of the bridge br0"), "{}", answer.1);
    assert_eq!(app.get(&elsewhere).await.1, json!({ "data": [] }), "nothing is kept");
    for n in 1..=64 {
        assert_eq!(app.post(&path, json!({ "vlan": n, "trunk": true })).await.0, 201);
    }
    let answer = app.post(&path, json!({ "vlan": 65, "trunk": true })).await;
    assert!(refusal(&answer).contains("at most 64"), "{}", answer.1);
    assert_eq!(app.post("/servers/999/interfaces/primary/vlans", json!({ "vlan": 7 })).await.0, 404);
}
