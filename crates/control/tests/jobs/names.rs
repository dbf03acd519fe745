//! What addresses are called, from the API to a PowerDNS that answers questions.

use berth_control::{actions::address_names, jobs::Kind};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    pdns::{KEY, PowerDns},
    repeat_and_kill::{Harm, each_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(
    an_address_is_named_shown_and_cleared,
    t20_a_name_is_written_once_whatever_is_repeated_or_killed,
);

const ZONE4: &str = "2.0.192.in-addr.arpa";

/// A server's first IPv4 address and its IPv6 address.
async fn addresses(world: &World, server: i64) -> (String, String) {
    let (_, body) = world.app.get(&format!("/servers/{server}")).await;
    let interface = &body["data"]["network"]["interfaces"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&interface["ipv4"][0]["address"]), text(&interface["ipv6"][0]["addresses"][0]))
}

/// The zone of a network that holds the address, at the DNS server and here.
async fn zone(world: &World, dns: &PowerDns, service: i64, network: &str, name: Option<&str>, full: &str) -> i64 {
    dns.add_zone(full).await;
    let order = json!({ "serviceId": service, "network": network, "name": name, "ttl": 60 });
    let (status, body) = world.app.post("/connectivity/rdns/zones", order).await;
    assert_eq!((status, &body["data"]["name"]), (201, &json!(full)), "{body}");
    body["data"]["id"].as_i64().unwrap()
}

async fn service(world: &World, dns: &PowerDns) -> i64 {
    let order = json!({ "name": "ns1", "url": dns.url, "apiKey": KEY });
    let (status, body) = world.app.post("/dns/services", order).await;
    assert_eq!(status, 201, "{body}");
    assert!(!body.to_string().contains(KEY), "the key is not shown: {body}");
    body["data"]["id"].as_i64().unwrap()
}

async fn call_it(world: &World, family: u8, address: &str, ptr: Option<&str>) -> (u16, Value) {
    let body = json!({ "address": address, "ptr": ptr }).to_string();
    world.app.call("PUT", &format!("/connectivity/ipv{family}/rdns"), Some(body)).await
}

/// The /24 of an address, and its zone.
fn v4_zone(address: &str) -> (String, String) {
    let [a, b, c, _] = address.parse::<std::net::Ipv4Addr>().unwrap().octets();
    (format!("{a}.{b}.{c}.0/24"), format!("{c}.{b}.{a}.in-addr.arpa"))
}

async fn an_address_is_named_shown_and_cleared(database: Database) {
    let dns = PowerDns::start().await;
    let resolvers = vec![dns.dns];
    let world =
        World::start_with(database, |config| berth_control::config::Config { dns_resolvers: resolvers, ..config })
            .await;
    let server = world.company.server(&world.app).await;
    let (v4, v6) = addresses(&world, server).await;
    let service = service(&world, &dns).await;
    let (network, zone4) = v4_zone(&v4);
    zone(&world, &dns, service, &network, None, &zone4).await;
    dns.add_zone("example.test").await;
    dns.add_address("example.test", "web.example.test", "A", &v4).await;
    let last = v4.rsplit('.').next().unwrap();

    let (status, body) = call_it(&world, 4, &v4, Some("Web.Example.Test.")).await;
    let named = &body["data"];
    assert_eq!(
        (status, &named["ptr"], &named["state"]),
        (200, &json!("web.example.test"), &json!("pending")),
        "{body}"
    );
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!((ended.state.as_str(), ended.id), ("done", named["queueId"].as_i64().unwrap()), "{:?}", ended.error);
    assert_eq!(dns.pointers(&zone4).await, [(format!("{last}.{zone4}"), "web.example.test".to_owned())]);
    let (_, shown) = world.app.get(&format!("/connectivity/rdns/names/{v4}")).await;
    assert_eq!(
        (&shown["data"]["state"], &shown["data"]["forwardConfirmed"]),
        (&json!("done"), &json!(true)),
        "{shown}"
    );
    let (_, body) = world.app.get(&format!("/servers/{server}")).await;
    assert_eq!(body["data"]["network"]["interfaces"][0]["ipv4"][0]["rdns"], "web.example.test");

    // A name that leads elsewhere is written all the same, and shown as not confirmed.
    assert_eq!(call_it(&world, 4, &v4, Some("other.example.test")).await.0, 200);
    run_to_end(&world, server, Harm::None, 0).await;
    let (_, shown) = world.app.get(&format!("/connectivity/rdns/names/{v4}")).await;
    assert_eq!(shown["data"]["forwardConfirmed"], false, "{shown}");

    // Any address of the server's subnet has its name, also one that the guest was not told.
    let v6_net: ipnet::Ipv6Net = format!("{v6}/32").parse().unwrap();
    let zone6 = berth_control::dns::names::own_zone(ipnet::IpNet::V6(v6_net.trunc())).unwrap();
    zone(&world, &dns, service, &v6_net.trunc().to_string(), None, &zone6).await;
    let inside = format!("{}beef", v6.rsplit_once(':').map(|(head, _)| format!("{head}:")).unwrap());
    assert_eq!(call_it(&world, 6, &inside, Some("mail.example.test")).await.0, 200);
    run_to_end(&world, server, Harm::None, 0).await;
    let pointers = dns.pointers(&zone6).await;
    assert_eq!(pointers.len(), 1);
    assert_eq!(pointers[0].0, berth_control::dns::names::reverse(inside.parse().unwrap()));
    let (_, body) = world.app.get(&format!("/servers/{server}")).await;
    let detailed = body["data"]["network"]["interfaces"][0]["ipv6"][0]["addressesDetailed"].as_array().unwrap().clone();
    assert!(detailed.contains(&json!({ "address": inside, "rdns": "mail.example.test" })), "{detailed:?}");

    // The next holder of an address does not answer to the name of the one before.
    assert_eq!(world.app.delete(&format!("/servers/{server}")).await.0, 204);
    run_to_end(&world, server, Harm::None, 0).await;
    address_names::clear_stale(&world.app.ctx).await.unwrap();
    run_to_end(&world, server, Harm::None, 0).await;
    run_all(&world, server).await;
    assert_eq!((dns.pointers(&zone4).await, dns.pointers(&zone6).await), (vec![], vec![]));
    assert_eq!(world.app.get(&format!("/connectivity/rdns/names/{v4}")).await.0, 404);
}

/// Whatever else waits.
async fn run_all(world: &World, server: i64) {
    while world.unfinished(server).await.is_some() {
        run_to_end(world, server, Harm::None, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classless_zone_has_its_names_one_label_below() {
    let dns = PowerDns::start().await;
    let world = World::start(Database::sqlite()).await;
    let server = world.company.server(&world.app).await;
    let (v4, _) = addresses(&world, server).await;
    let service = service(&world, &dns).await;
    let address: std::net::Ipv4Addr = v4.parse().unwrap();
    let [a, b, c, d] = address.octets();
    let first = d / 64 * 64;
    let full = format!("{first}/26.{c}.{b}.{a}.in-addr.arpa");
    zone(&world, &dns, service, &format!("{a}.{b}.{c}.{first}/26"), Some(&full), &full).await;
    assert_eq!(call_it(&world, 4, &v4, Some("web.example.test")).await.0, 200);
    run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(dns.pointers(&full).await, [(format!("{d}.{full}"), "web.example.test".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_refused_and_a_dns_server_that_is_away_is_tried_again() {
    let mut dns = PowerDns::start().await;
    let world = World::start(Database::sqlite()).await;
    let server = world.company.server(&world.app).await;
    let (v4, v6) = addresses(&world, server).await;
    let (network, zone4) = v4_zone(&v4);
    let app = &world.app;
    for (order, field) in [
        (json!({ "name": "ns", "url": dns.url, "apiKey": KEY }), "name"),
        (json!({ "name": "ns1", "url": "ftp://192.0.2.1", "apiKey": KEY }), "url"),
        (json!({ "name": "ns1", "url": "http://a:b@192.0.2.1", "apiKey": KEY }), "url"),
        (json!({ "name": "ns1", "url": "http://192.0.2.1/x", "apiKey": KEY }), "url"),
        (json!({ "name": "ns1", "url": dns.url, "apiKey": "a\r\nX: y" }), "apiKey"),
        (json!({ "name": "ns1", "url": dns.url, "apiKey": KEY, "serverName": "../zones" }), "serverName"),
        (json!({ "name": "ns1", "url": dns.url, "apiKey": KEY, "admin": true }), "admin"),
    ] {
        let (status, body) = app.post("/dns/services", order.clone()).await;
        assert!(status == 422 && body["errors"].to_string().contains(field), "{order}: {status} {body}");
    }
    let service = service(&world, &dns).await;
    for (order, field) in [
        (json!({ "serviceId": 99, "network": network }), "serviceId"),
        (json!({ "serviceId": service, "network": "10.0.0.1/24" }), "network"),
        (json!({ "serviceId": service, "network": "0.0.0.0/0" }), "network"),
        (json!({ "serviceId": service, "network": "10.0.0.0/20" }), "name"),
        (json!({ "serviceId": service, "network": network, "name": "example.com" }), "name"),
        (json!({ "serviceId": service, "network": network, "name": "9.9.9.in-addr.arpa" }), "name"),
        (json!({ "serviceId": service, "network": network, "ttl": 1 }), "ttl"),
        (json!({ "serviceId": service, "network": network }), "no zone"),
    ] {
        let (status, body) = app.post("/connectivity/rdns/zones", order.clone()).await;
        assert!(status == 422 && body["errors"].to_string().contains(field), "{order}: {status} {body}");
    }
    assert_eq!(call_it(&world, 4, &v4, Some("web.example.test")).await.0, 422, "in no zone");
    let zone_id = zone(&world, &dns, service, &network, None, &zone4).await;
    for (family, address, ptr) in [
        (4, "10.255.255.1", Some("web.example.test")),
        (4, v6.as_str(), Some("web.example.test")),
        (6, v4.as_str(), Some("web.example.test")),
        (4, "10.0.0", Some("web.example.test")),
        (4, v4.as_str(), Some("web")),
        (4, v4.as_str(), Some("a b.example")),
        (4, v4.as_str(), Some("x.example\nPTR")),
        (4, v4.as_str(), None),
    ] {
        let (status, body) = call_it(&world, family, address, ptr).await;
        assert!(status == 422 && body["errors"].is_array(), "{address} {ptr:?}: {status} {body}");
    }
    let without = json!({ "address": v4 }).to_string();
    assert_eq!(app.call("PUT", "/connectivity/ipv4/rdns", Some(without)).await.0, 422, "null is said, not left out");

    dns.stop();
    assert_eq!(call_it(&world, 4, &v4, Some("web.example.test")).await.0, 200);
    for job in berth_control::jobs::claim(&app.ctx, "runner", 16).await.unwrap() {
        let run = berth_control::jobs::Run { ctx: app.ctx.clone(), job };
        berth_control::jobs::take_step(&run).await;
    }
    let waits = world.unfinished(server).await.unwrap();
    assert!(waits.error.as_deref().is_some_and(|why| why.contains("'ns1' does not answer")), "{:?}", waits.error);
    dns.resume().await;
    let (_, ended) = run_to_end(&world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    assert_eq!(dns.pointers(&zone4).await.len(), 1);

    let (status, body) = app.delete(&format!("/connectivity/rdns/zones/{zone_id}")).await;
    assert_eq!((status, body["errors"][0].as_str()), (422, Some("The zone has 1 names; clear those first.")));
    assert_eq!(app.delete(&format!("/dns/services/{service}")).await.0, 422);
}

pub async fn t20_a_name_is_written_once_whatever_is_repeated_or_killed(database: Database) {
    let dns = PowerDns::start().await;
    let world = World::start(database).await;
    let service = service(&world, &dns).await;
    zone(&world, &dns, service, "192.0.2.0/24", None, ZONE4).await;
    let order = async |world: &World, server: i64| {
        let (v4, _) = addresses(world, server).await;
        let (status, body) = call_it(world, 4, &v4, Some("web.example.test")).await;
        assert_eq!(status, 200, "{body}");
    };
    let a_server = async |world: &World| world.company.server(&world.app).await;
    each_step(&world, Kind::Ptr, a_server, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &berth_store::entity::job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        let (v4, _) = addresses(world, server).await;
        let last = v4.rsplit('.').next().unwrap();
        let wanted = (format!("{last}.{ZONE4}"), "web.example.test".to_owned());
        assert!(dns.pointers(ZONE4).await.contains(&wanted), "{how}");
    })
    .await;
}
