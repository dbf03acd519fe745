//! Addresses of a server: what it gets is nobody else's, what it loses rests, and nothing is half done.

use std::{collections::HashSet, net::SocketAddr};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::Request,
};
use berth_control::{clock::HOUR, http};
use berth_store::testing::Database;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tower::ServiceExt as _;

use crate::{
    app::App,
    rows::{self, Company},
};

berth_store::on_both_databases!(
    addresses_are_added_by_number_all_or_none,
    addresses_are_added_and_removed_by_name,
    networks_are_let_through_and_no_longer,
    interfaces_are_read_and_changed,
    interfaces_get_and_lose_addresses_and_subnets,
    bad_addresses_are_refused_with_the_fields_name,
    t18_a_thousand_at_once_never_share_an_address_and_lose_none,
);

const AT_ONCE: usize = 1_000;
/// Of one for whom none was left, so that some come while others give back.
const TRIES: usize = 3;

async fn send(app: &App, method: &str, path: &str, body: Value) -> (u16, Value) {
    app.call(method, path, Some(body.to_string())).await
}

fn refusal(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 422, "{}", answer.1);
    answer.1["errors"][0].as_str().unwrap()
}

async fn interface(app: &App, server: i64) -> Value {
    let (status, body) = app.get(&format!("/servers/{server}/interfaces/primary")).await;
    assert_eq!(status, 200, "{body}");
    body["data"].clone()
}

async fn ipv4(app: &App, server: i64) -> Vec<String> {
    let interface = interface(app, server).await;
    let list = interface["ipv4"].as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap().to_owned());
    list.collect()
}

async fn generation(app: &App, server: i64) -> i64 {
    berth_store::server::by_id(app.ctx.store.read(), server).await.unwrap().unwrap().generation
}

async fn started(database: Database, addresses: u32) -> (App, Company, i64) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, addresses).await;
    let server = company.server(&app).await;
    (app, company, server)
}

async fn addresses_are_added_by_number_all_or_none(database: Database) {
    let (app, _, server) = started(database, 5).await;
    let path = format!("/servers/{server}/ipv4Qty");
    let before = generation(&app, server).await;
    let added = app.post(&path, json!({ "interface": "primary", "quantity": "2", "id": {} })).await;
    assert_eq!(added, (200, json!({ "data": ["192.0.2.2", "192.0.2.3"] })));
    assert_eq!(generation(&app, server).await, before + 1, "the node follows");
    assert_eq!(ipv4(&app, server).await, ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "behind those that it has");
    let few = app.post(&path, json!({ "interface": "primary", "quantity": 3 })).await;
    assert!(refusal(&few).contains("fewer than 3 free IPv4 addresses"), "{}", few.1);
    assert_eq!((ipv4(&app, server).await.len(), generation(&app, server).await), (3, before + 1), "none was added");
    assert_eq!(app.get("/connectivity/ipblocks/1").await.1["data"]["ipv4"]["freeTotal"], 2);
}

async fn addresses_are_added_and_removed_by_name(database: Database) {
    let (app, company, server) = started(database, 6).await;
    let path = format!("/servers/{server}/ipv4");
    let named = json!({ "interface": "primary", "ip": ["192.0.2.5", "192.0.2.4", "192.0.2.5"] });
    assert_eq!(app.post(&path, named.clone()).await, (204, Value::Null));
    assert_eq!(ipv4(&app, server).await, ["192.0.2.1", "192.0.2.4", "192.0.2.5"]);
    assert_eq!(app.post(&path, named).await.0, 204, "it has them");
    let other = company.server(&app).await;
    let taken = app.post(&format!("/servers/{other}/ipv4"), json!({ "ip": ["192.0.2.3", "192.0.2.4"] })).await;
    assert!(refusal(&taken).contains("ip 192.0.2.4 is in use"), "{}", taken.1);
    assert_eq!(ipv4(&app, other).await, ["192.0.2.2"], "none of them was given");
    let strange = send(&app, "DELETE", &path, json!({ "ip": ["192.0.2.5", "192.0.2.2"] })).await;
    assert!(refusal(&strange).contains("192.0.2.2"), "{}", strange.1);
    let gone = send(&app, "DELETE", &path, json!({ "ip": ["192.0.2.5"] })).await;
    assert_eq!(gone, (204, Value::Null), "wherever it is");
    let gone = send(&app, "DELETE", &path, json!({ "interface": "primary", "ip": ["192.0.2.1"] })).await;
    assert_eq!(gone.0, 204);
    assert_eq!(ipv4(&app, server).await, ["192.0.2.4"]);
    let quantity = json!({ "interface": "primary", "quantity": 3 });
    assert_eq!(app.post(&format!("{path}Qty"), quantity.clone()).await.0, 422, "two rest");
    app.pass(HOUR);
    let again = app.post(&format!("{path}Qty"), quantity).await;
    assert_eq!(again.1["data"], json!(["192.0.2.3", "192.0.2.6", "192.0.2.1"]), "those that were never given first");
    let (_, history) = app.get("/connectivity/addresses/192.0.2.1/history").await;
    assert_eq!(history["total"], 2);
}

async fn networks_are_let_through_and_no_longer(database: Database) {
    let (app, _, server) = started(database, 2).await;
    let path = format!("/servers/{server}/networkWhitelist");
    for (ip, cidr) in [("10.0.0.10", 32), ("198.51.100.0", 24), ("2001:db8:7::", 48), ("10.0.0.10", 32)] {
        let passed = json!({ "interface": "Primary", "ip": ip, "cidr": cidr, "unknown": 1 });
        assert_eq!(app.post(&path, passed).await, (201, Value::Null), "{ip}");
    }
    let list = interface(&app, server).await["ipWhitelist"].clone();
    let first = json!({ "id": list[0]["id"], "type": 4, "ip": "10.0.0.10", "mask": 32 });
    assert_eq!((list.as_array().unwrap().len(), &list[0], &list[2]["type"]), (3, &first, &json!(6)));
    let (_, whole) = app.get(&format!("/servers/{server}")).await;
    assert_eq!(whole["data"]["network"]["interfaces"][0]["ipWhitelist"], list);
    for (body, field) in [
        (json!({}), "ip"),
        (json!({ "ip": "10.0.0.1/32", "cidr": 32 }), "ip"),
        (json!({ "ip": "10.0.0.1" }), "cidr"),
        (json!({ "ip": "10.0.0.1", "cidr": 33 }), "cidr"),
        (json!({ "ip": "0.0.0.0", "cidr": 0 }), "cidr"),
        (json!({ "ip": "::", "cidr": 0 }), "cidr"),
        (json!({ "ip": "10.0.0.1", "cidr": 24 }), "ip"),
        (json!({ "ip": "127.0.0.1", "cidr": 32 }), "ip"),
        (json!({ "ip": "fe80::1", "cidr": 128 }), "ip"),
        (json!({ "ip": "10.0.0.1", "cidr": 32, "interface": "secondary" }), "interface"),
        (json!({ "ip": "10.0.0.1", "cidr": 32, "interface": "eth0" }), "interface"),
        (json!({ "ip": "10.0.0.1", "cidr": "wide" }), "cidr"),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
    let gone = json!({ "interface": "primary", "ip": "198.51.100.0" });
    assert_eq!(send(&app, "DELETE", &path, gone.clone()).await, (204, Value::Null));
    assert!(refusal(&send(&app, "DELETE", &path, gone).await).contains("not on the interface's whitelist"));
    for n in 0..62 {
        let passed = json!({ "ip": format!("10.1.{n}.0"), "cidr": 24 });
        assert_eq!(app.post(&path, passed).await.0, 201);
    }
    assert!(refusal(&app.post(&path, json!({ "ip": "10.2.0.0", "cidr": 16 })).await).contains("at most 64"));
}

async fn interfaces_are_read_and_changed(database: Database) {
    let (app, _, server) = started(database, 2).await;
    let path = format!("/servers/{server}/interfaces");
    let (_, list) = app.get(&path).await;
    let (_, whole) = app.get(&format!("/servers/{server}")).await;
    assert_eq!(list["data"], whole["data"]["network"]["interfaces"]);
    let by_tag = format!("{path}/{}", list["data"][0]["tag"]);
    assert_eq!(app.get(&by_tag).await.1["data"], list["data"][0]);
    for strange in ["secondary", "1", "eth0", "0000000001"] {
        let missing = app.get(&format!("{path}/{strange}")).await;
        assert_eq!(missing, (404, json!({ "msg": "interface not found" })), "{strange}");
    }
    assert_eq!(app.get("/servers/999/interfaces").await, (404, json!({ "msg": "server not found" })));
    let before = generation(&app, server).await;
    let change = json!({ "driver": 2, "ipFilter": false, "inAverage": "500", "outAverage": 600, "networkProfile": 4 });
    let (status, changed) = send(&app, "PUT", &by_tag, change).await;
    assert_eq!(status, 200, "{changed}");
    let data = &changed["data"];
    assert_eq!((&data["driver"], &data["ipFilter"], &data["inAverage"]), (&json!(2), &json!(false), &json!(500)));
    assert_eq!((&data["outAverage"], &data["networkProfile"]), (&json!(600), &json!(4)));
    assert_eq!(generation(&app, server).await, before + 1);
    let (_, changed) = send(&app, "PUT", &by_tag, json!({ "ipFilter": true })).await;
    assert_eq!(
        (&changed["data"]["ipFilter"], &changed["data"]["inAverage"]),
        (&json!(true), &json!(500)),
        "the rest stays"
    );
    for (body, field) in [
        (json!({ "driver": 4 }), "driver"),
        (json!({ "inAverage": -1 }), "inAverage"),
        (json!({ "outAverage": 1_000_000_000_i64 }), "outAverage"),
        (json!({ "networkProfile": 21 }), "networkProfile"),
        (json!({ "ipFilter": "perhaps" }), "ipFilter"),
        (json!({ "mac": "52:54:00:00:00:01" }), "mac"),
    ] {
        let answer = send(&app, "PUT", &by_tag, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
}

async fn interfaces_get_and_lose_addresses_and_subnets(database: Database) {
    let (app, _, server) = started(database, 6).await;
    let path = format!("/servers/{server}/interfaces/primary");
    let v4 = format!("{path}/ipv4");
    assert_eq!(app.post(&v4, json!({ "quantity": 2 })).await, (201, json!({ "data": ["192.0.2.2", "192.0.2.3"] })));
    let (_, list) = app.get("/connectivity/ipblocks/1/ipv4?address=192.0.2.5").await;
    let id = list["data"][0]["id"].clone();
    assert_eq!(app.post(&v4, json!({ "ids": [id] })).await.1["data"], json!(["192.0.2.5"]));
    assert_eq!(app.post(&v4, json!({ "addresses": ["192.0.2.5", "192.0.2.6"] })).await.1["data"], json!(["192.0.2.6"]));
    for body in [
        json!({}),
        json!({ "ids": [id], "quantity": 1 }),
        json!({ "quantity": 0 }),
        json!({ "quantity": 101 }),
        json!({ "ids": [999] }),
        json!({ "count": 1 }),
        json!({ "addresses": ["2001:db8::1"] }),
    ] {
        refusal(&app.post(&v4, body).await);
    }
    assert_eq!(send(&app, "DELETE", &v4, json!({ "ids": [id] })).await, (200, json!({ "data": ["192.0.2.5"] })));
    assert_eq!(send(&app, "DELETE", &v4, json!({ "quantity": 1 })).await.1["data"], json!(["192.0.2.6"]), "the newest");
    refusal(&send(&app, "DELETE", &v4, json!({ "quantity": 4 })).await);
    assert_eq!(ipv4(&app, server).await, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);

    let v6 = format!("{path}/ipv6");
    assert_eq!(app.post(&v6, json!({})).await, (201, json!({ "data": "2001:db8:0:2::/64" })));
    let first = json!({ "subnet": "2001:db8:0:1::/64" });
    assert!(refusal(&app.post(&v6, first.clone()).await).contains("not free"));
    assert_eq!(send(&app, "DELETE", &v6, first.clone()).await, (204, Value::Null));
    refusal(&send(&app, "DELETE", &v6, first.clone()).await);
    assert_eq!(app.post(&v6, first).await.1["data"], "2001:db8:0:1::/64", "one that is free can be named");
    for wrong in ["2001:db8:0:1::1/64", "192.0.2.0/24", "2001:db8:0:9::/64", "2001:db8:0:1::", "x"] {
        refusal(&app.post(&v6, json!({ "subnet": wrong })).await);
        refusal(&send(&app, "DELETE", &v6, json!({ "subnet": wrong })).await);
    }
    assert_eq!(app.post(&format!("/servers/{server}/interfaces/secondary/ipv6"), json!({})).await.0, 404);
}

async fn bad_addresses_are_refused_with_the_fields_name(database: Database) {
    let (app, _, server) = started(database, 3).await;
    let (quantity, named) = (format!("/servers/{server}/ipv4Qty"), format!("/servers/{server}/ipv4"));
    for wrong in [json!(0), json!(-1), json!(101), json!("lots"), json!(null), json!([1]), json!(1.5), json!({})] {
        let answer = app.post(&quantity, json!({ "interface": "primary", "quantity": wrong })).await;
        assert!(refusal(&answer).contains("quantity"), "{}", answer.1);
    }
    for interface in ["secondary", "eth0", "'; --"] {
        let answer = app.post(&quantity, json!({ "interface": interface, "quantity": 1 })).await;
        assert!(refusal(&answer).contains("interface"), "{}", answer.1);
    }
    let long = vec!["192.0.2.2"; 101];
    for wrong in [
        json!([]),
        json!(null),
        json!(["x"]),
        json!(["2001:db8::1"]),
        json!(["192.0.2.0/24"]),
        json!([1]),
        json!({ "a": 1 }),
        json!(["198.51.100.9"]),
        json!(["192.0.2.2", "$(reboot)"]),
        json!(long),
    ] {
        for method in ["POST", "DELETE"] {
            let answer = send(&app, method, &named, json!({ "interface": "primary", "ip": wrong })).await;
            assert!(refusal(&answer).contains("ip"), "{method} {wrong}: {}", answer.1);
        }
    }
    let unbound = json!({ "name": "Elsewhere", "type": 4, "gateway": "198.51.100.1", "prefixLen": 24,
                          "first": "198.51.100.9", "last": "198.51.100.9" });
    assert_eq!(app.post("/connectivity/ipblocks", unbound).await.0, 201);
    let answer = app.post(&named, json!({ "ip": ["198.51.100.9"] })).await;
    assert!(refusal(&answer).contains("does not serve the interface's network"), "{}", answer.1);
    assert_eq!(
        app.post("/servers/999/ipv4Qty", json!({ "quantity": 1 })).await,
        (404, json!({ "msg": "server not found" }))
    );
    assert_eq!(ipv4(&app, server).await, ["192.0.2.1"]);
}

/// Straight to the router, without sockets, of which a process may not have as many. Again where the database was busy.
async fn straight(app: &App, router: &Router, method: &str, path: &str, body: Value) -> (u16, Value) {
    loop {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", app.token))
            .header("content-type", "application/json")
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))))
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = tokio::spawn(router.clone().oneshot(request)).await.unwrap().unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        if status != 503 {
            return (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() });
        }
    }
}

/// A small block, ten servers, a thousand who take and give back, none of them before all are there.
async fn t18_a_thousand_at_once_never_share_an_address_and_lose_none(database: Database) {
    let app = App::start_with(database, |config| berth_control::config::Config { address_rest_s: 0, ..config }).await;
    let company = rows::company(&app, 1, 40).await;
    let mut servers = Vec::new();
    for _ in 0..10 {
        servers.push(company.server(&app).await);
    }
    let (router, all_there) = (http::router(&app.ctx), Barrier::new(AT_ONCE));
    let one = async |n: usize| {
        all_there.wait().await;
        let path = format!("/servers/{}/ipv4", servers[n % servers.len()]);
        let wanted = json!({ "interface": "primary", "quantity": 2 });
        for _ in 0..TRIES {
            let (status, given) = straight(&app, &router, "POST", &format!("{path}Qty"), wanted.clone()).await;
            match status {
                200 => {
                    let body = json!({ "ip": given["data"] });
                    let gone = straight(&app, &router, "DELETE", &path, body).await;
                    assert_eq!(gone.0, 204, "{}", gone.1);
                    return 1;
                }
                422 => {}
                _ => panic!("{status} {given}"),
            }
        }
        0
    };
    let took: Vec<i32> = join_all((0..AT_ONCE).map(one)).await;
    let took: i32 = took.into_iter().sum();
    assert!(took >= 15, "as many as there are pairs of addresses, at least: {took}");
    let mut all = HashSet::new();
    for server in servers {
        let mine = ipv4(&app, server).await;
        assert_eq!(mine.len(), 1, "what it had before");
        assert!(mine.into_iter().all(|address| all.insert(address)));
    }
    let (_, block) = app.get("/connectivity/ipblocks/1").await;
    assert_eq!((&block["data"]["ipv4"]["usedTotal"], &block["data"]["ipv4"]["total"]), (&json!(10), &json!(40)));
    let (_, held) = app.get("/connectivity/ipblocks/1/ipv4?assigned=true").await;
    assert_eq!(held["total"], 10);
}
