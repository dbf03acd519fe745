//! Calls of the operations on reverse names that succeed, with what they need made before. The DNS server behind them
//! says yes to everything; that names are written is proven with a real one, among the tests of jobs.

use std::net::IpAddr;

use berth_control::dns::names;
use serde_json::{Value, json};

use crate::{
    app::App,
    operations::{Body, Call, Operation},
    rows::Company,
};

/// `None` for every other operation.
pub async fn example(app: &App, company: &Company, operation: &Operation) -> Option<Call> {
    let random = app.ctx.rng.letters_and_digits(8).to_lowercase();
    let service = json!({ "name": random, "url": stub().await, "apiKey": "key" });
    let name = operation.name();
    let (path, body) = match name.as_str() {
        "GET /dns/services" | "GET /connectivity/rdns/zones" => (operation.path.clone(), None),
        "POST /dns/services" => (operation.path.clone(), Some(service)),
        "POST /connectivity/rdns/zones" => {
            let [third] = app.ctx.rng.bytes();
            let network = format!("198.51.{third}.0/24");
            let id = made(app, "/dns/services", service).await;
            (operation.path.clone(), Some(json!({ "serviceId": id, "network": network })))
        }
        _ if operation.path == "/dns/services/{serviceId}" => {
            let id = made(app, "/dns/services", service).await;
            let body = (operation.method == "PUT").then(|| json!({ "enabled": false }));
            (format!("/dns/services/{id}"), body)
        }
        _ if operation.path == "/connectivity/rdns/zones/{zoneId}" => {
            let [third] = app.ctx.rng.bytes();
            let id = zone(app, service, format!("203.0.{third}.0/24")).await;
            let body = (operation.method == "PUT").then(|| json!({ "ttl": 600 }));
            (format!("/connectivity/rdns/zones/{id}"), body)
        }
        "PUT /connectivity/ipv4/rdns" | "PUT /connectivity/ipv6/rdns" | "GET /connectivity/rdns/names/{address}" => {
            let address = address(app, company, operation.path.contains("ipv6")).await;
            zone_of(app, service, address).await;
            let body = json!({ "address": address, "ptr": "web.example.test" });
            if operation.changes() {
                (operation.path.clone(), Some(body))
            } else {
                let (status, answer) = app.call("PUT", "/connectivity/ipv4/rdns", Some(body.to_string())).await;
                assert_eq!(status, 200, "{answer}");
                (format!("/connectivity/rdns/names/{address}"), None)
            }
        }
        _ => return None,
    };
    Some(Call { method: operation.method.clone(), path, body: body.map(Body::Json) })
}

/// Of a new server.
async fn address(app: &App, company: &Company, is_v6: bool) -> IpAddr {
    let id = company.server(app).await;
    let (_, body) = app.get(&format!("/servers/{id}")).await;
    let interface = &body["data"]["network"]["interfaces"][0];
    let text = if is_v6 { &interface["ipv6"][0]["addresses"][0] } else { &interface["ipv4"][0]["address"] };
    text.as_str().unwrap().parse().unwrap()
}

/// Its zone, where there is none yet.
async fn zone_of(app: &App, service: Value, address: IpAddr) {
    let length = if address.is_ipv4() { 24 } else { 32 };
    let network = ipnet::IpNet::new(address, length).unwrap().trunc();
    let (_, zones) = app.get("/connectivity/rdns/zones?results=200").await;
    let known = zones["data"].as_array().unwrap().iter().any(|zone| zone["network"] == network.to_string());
    if !known {
        assert!(names::own_zone(network).is_some());
        zone(app, service, network.to_string()).await;
    }
}

async fn zone(app: &App, service: Value, network: String) -> i64 {
    let service = made(app, "/dns/services", service).await;
    made(app, "/connectivity/rdns/zones", json!({ "serviceId": service, "network": network })).await
}

async fn made(app: &App, path: &str, body: Value) -> i64 {
    let (status, answer) = app.post(path, body).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer["data"]["id"].as_i64().unwrap()
}

async fn stub() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(async || axum::Json(json!({})));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
