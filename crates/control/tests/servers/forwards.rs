//! Ports of nodes that lead to servers behind their address translation.

use berth_control::spec;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    ports_of_a_node_lead_to_servers_and_to_one_each,
    a_forward_goes_with_its_address_its_interface_and_its_server,
    bad_forwards_are_refused_with_the_fields_name,
);

async fn send(app: &App, method: &str, path: &str, body: Value) -> (u16, Value) {
    app.call(method, path, Some(body.to_string())).await
}

async fn world(database: Database) -> (App, rows::Company) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let network = format!("/compute/hypervisors/{}/networks/1", company.hypervisors[0]);
    let (status, changed) = send(&app, "PUT", &network, json!({ "type": "lvNatv1" })).await;
    assert_eq!((status, &changed["data"]["type"]), (200, &json!("lvNatv1")));
    (app, company)
}

/// What its node is told: the node's port and where it leads.
async fn told(app: &App, server: i64) -> Vec<(u32, String, u32)> {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let spec = spec::trial_spec(&app.ctx, &details).unwrap();
    let forwards = spec.interfaces.iter().flat_map(|interface| &interface.forwards);
    let forwards: Vec<_> = forwards.map(|of| (of.public_port, of.address.clone(), of.port)).collect();
    assert_eq!(spec.required_features.contains(&"forwards.v1".to_owned()), !forwards.is_empty());
    forwards
}

async fn ports_of_a_node_lead_to_servers_and_to_one_each(database: Database) {
    let (app, company) = world(database).await;
    let (one, two) = (company.server(&app).await, company.server(&app).await);
    let path = |server: i64| format!("/servers/{server}/forwards");
    assert_eq!(app.get(&path(one)).await, (200, json!({ "data": [] })));
    let (status, ssh) = app.post(&path(one), json!({ "protocol": "tcp", "port": "22" })).await;
    assert_eq!(status, 201, "{ssh}");
    let ssh = &ssh["data"];
    assert_eq!((&ssh["publicPort"], &ssh["port"], &ssh["address"]), (&json!(20_000), &json!(22), &json!("192.0.2.1")));
    assert_eq!((&ssh["publicAddress"], &ssh["protocol"]), (&json!("198.51.100.1"), &json!("tcp")));
    let (_, server) = app.get(&format!("/servers/{one}")).await;
    let interface = &server["data"]["network"]["interfaces"][0];
    assert_eq!(interface["tag"], ssh["interface"]);
    assert_eq!((&interface["isNat"], &interface["nat"]), (&json!(true), &json!(true)));
    let next = app.post(&path(two), json!({ "protocol": "tcp", "port": 22 })).await.1;
    assert_eq!(next["data"]["publicPort"], 20_001, "the first that is free");
    let udp = app.post(&path(two), json!({ "protocol": "udp", "port": 53 })).await.1;
    assert_eq!(udp["data"]["publicPort"], 20_000, "by each protocol");
    let wanted = json!({ "protocol": "tcp", "port": 80, "publicPort": 20_000, "address": "192.0.2.2" });
    let taken = app.post(&path(two), wanted.clone()).await;
    let told_so = "The publicPort of the hypervisor leads to a server already.";
    assert_eq!((taken.0, &taken.1["msg"]), (409, &json!(told_so)));
    assert_eq!(told(&app, one).await, [(20_000, "192.0.2.1".to_owned(), 22)]);
    assert_eq!(told(&app, two).await.len(), 2);

    let gone = format!("{}/{}", path(one), ssh["id"]);
    let strange = format!("{}/{}", path(two), ssh["id"]);
    assert_eq!(app.delete(&strange).await, (404, json!({ "msg": "port forward not found" })), "another server's");
    assert_eq!(app.delete(&gone).await, (204, Value::Null));
    assert_eq!(app.delete(&gone).await.0, 404);
    assert_eq!(told(&app, one).await, []);
    assert_eq!(app.post(&path(two), wanted).await.0, 201, "the port is free");
    let ports: Vec<Value> =
        app.get(&path(two)).await.1["data"].as_array().unwrap().iter().map(|f| f["port"].clone()).collect();
    assert_eq!(ports, [json!(22), json!(53), json!(80)]);
    assert_eq!(app.get("/audit?action=create_port_forward").await.1["total"], 4);
}

async fn a_forward_goes_with_its_address_its_interface_and_its_server(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/forwards");
    assert_eq!(app.post(&format!("/servers/{server}/ipv4"), json!({ "ip": ["192.0.2.9"] })).await.0, 204);
    for address in ["192.0.2.1", "192.0.2.9"] {
        let body = json!({ "protocol": "tcp", "port": 22, "address": address });
        assert_eq!(app.post(&path, body).await.0, 201);
    }
    let removed = send(&app, "DELETE", &format!("/servers/{server}/ipv4"), json!({ "ip": ["192.0.2.9"] })).await;
    assert_eq!(removed.0, 204);
    assert_eq!(told(&app, server).await, [(20_000, "192.0.2.1".to_owned(), 22)]);
    assert_eq!(app.get(&path).await.1["data"].as_array().unwrap().len(), 1);

    let (_, second) = app.post(&format!("/servers/{server}/interfaces"), json!({ "hypervisorNetworkId": 1 })).await;
    let interface = format!("/servers/{server}/interfaces/{}", second["data"]["tag"]);
    assert_eq!(app.post(&format!("{interface}/ipv4"), json!({ "quantity": 1 })).await.0, 201);
    let (status, made) = app.post(&path, json!({ "protocol": "udp", "port": 1, "interface": "secondary" })).await;
    assert_eq!((status, &made["data"]["interface"]), (201, &second["data"]["tag"]));
    assert_eq!(send(&app, "DELETE", &interface, json!({ "confirm": true })).await.0, 204);
    assert_eq!(app.get(&path).await.1["data"].as_array().unwrap().len(), 1);
}

async fn bad_forwards_are_refused_with_the_fields_name(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/forwards");
    for (body, field) in [
        (json!({ "port": 22 }), "protocol"),
        (json!({ "protocol": "sctp", "port": 22 }), "protocol"),
        (json!({ "protocol": "tcp" }), "port"),
        (json!({ "protocol": "tcp", "port": 0 }), "port"),
        (json!({ "protocol": "tcp", "port": 65_536 }), "port"),
        (json!({ "protocol": "tcp", "port": 22, "publicPort": 22 }), "publicPort"),
        (json!({ "protocol": "tcp", "port": 22, "publicPort": 60_000 }), "publicPort"),
        (json!({ "protocol": "tcp", "port": 22, "address": "192.0.2.2" }), "address"),
        (json!({ "protocol": "tcp", "port": 22, "address": "2001:db8::1" }), "address"),
        (json!({ "protocol": "tcp", "port": 22, "interface": "secondary" }), "interface"),
        (json!({ "protocol": "tcp", "port": 22, "to": "everybody" }), "to"),
    ] {
        let (status, answer) = app.post(&path, body.clone()).await;
        assert!(status == 422 && answer["errors"].to_string().contains(field), "{body}: {answer}");
    }
    assert_eq!(app.post("/servers/999/forwards", json!({ "protocol": "tcp", "port": 22 })).await.0, 404);
    let network = format!("/compute/hypervisors/{}/networks/1", company.hypervisors[0]);
    assert_eq!(send(&app, "PUT", &network, json!({ "type": "simpleBridge" })).await.0, 200);
    let (status, answer) = app.post(&path, json!({ "protocol": "tcp", "port": 22 })).await;
    assert!(status == 422 && answer["errors"].to_string().contains("lvNatv1"), "{answer}");
    assert_eq!(send(&app, "PUT", &network, json!({ "type": "lvNatv1" })).await.0, 200);
    for _ in 0..64 {
        assert_eq!(app.post(&path, json!({ "protocol": "tcp", "port": 22 })).await.0, 201);
    }
    let (status, answer) = app.post(&path, json!({ "protocol": "tcp", "port": 22 })).await;
    assert!(status == 422 && answer["errors"].to_string().contains("at most 64"), "{answer}");
}
