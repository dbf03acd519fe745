//! Further MAC addresses of interfaces, for addresses that are used under no other.

use berth_control::spec;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    an_address_gets_a_mac_of_its_own_and_loses_it,
    a_mac_is_one_interfaces_and_goes_with_its_addresses,
    bad_macs_are_refused_with_the_fields_name,
);

async fn put(app: &App, path: &str, mac: Value) -> (u16, Value) {
    app.put(path, json!({ "mac": mac })).await
}

/// A server's primary interface, and the paths to the MAC addresses of its first address and subnet.
async fn world(app: &App, company: &rows::Company) -> (i64, String, String, String) {
    let server = company.server(app).await;
    let interface = format!("/servers/{server}/interfaces/primary");
    let (_, shown) = app.get(&interface).await;
    let four = format!("{interface}/ipv4/{}/mac", shown["data"]["ipv4"][0]["id"]);
    let six = format!("{interface}/ipv6/{}/mac", shown["data"]["ipv6"][0]["id"]);
    (server, interface, four, six)
}

/// What its node is told: MAC addresses and what is used under them.
async fn told(app: &App, server: i64) -> Vec<(String, Vec<String>)> {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let spec = spec::trial_spec(&app.ctx, &details).unwrap();
    let macs = spec.interfaces.iter().flat_map(|of| &of.macs);
    let macs: Vec<_> = macs.map(|of| (of.mac.clone(), of.networks.clone())).collect();
    assert_eq!(spec.required_features.contains(&"macs.v1".to_owned()), !macs.is_empty());
    macs
}

async fn an_address_gets_a_mac_of_its_own_and_loses_it(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let (server, interface, four, six) = world(&app, &company).await;
    let macs = format!("{interface}/macs");
    let (_, shown) = app.get(&interface).await;
    let (address, subnet) = (&shown["data"]["ipv4"][0], &shown["data"]["ipv6"][0]);
    let v4 = json!({ "id": address["id"], "address": address["address"] });
    let v6 = json!({ "id": subnet["id"], "subnet": subnet["subnet"], "cidr": 64 });
    let own = |ipv4: Vec<&Value>, ipv6: Vec<&Value>| json!({ "mac": shown["data"]["mac"], "own": true, "ipv4": ipv4, "ipv6": ipv6 });
    assert_eq!(app.get(&macs).await, (200, json!({ "data": [own(vec![&v4], vec![&v6])] })));

    let (status, answer) = put(&app, &four, json!("02-00-5e-10-00-0a")).await;
    let extra = |ipv6: Vec<&Value>| json!({ "mac": "02:00:5E:10:00:0A", "own": false, "ipv4": [v4], "ipv6": ipv6 });
    assert_eq!((status, &answer["data"]), (200, &json!([own(vec![], vec![&v6]), extra(vec![])])));
    assert_eq!(app.get(&macs).await.1, answer);
    assert_eq!(app.get(&interface).await.1["data"]["ipv4"][0]["mac"], "02:00:5E:10:00:0A");
    assert_eq!(told(&app, server).await, [("02:00:5e:10:00:0a".to_owned(), vec!["192.0.2.1/32".to_owned()])]);

    let (status, answer) = put(&app, &six, json!("02:00:5E:10:00:0A")).await;
    assert_eq!((status, &answer["data"]), (200, &json!([own(vec![], vec![]), extra(vec![&v6])])), "they share it");
    assert_eq!(told(&app, server).await[0].1, ["192.0.2.1/32", "2001:db8:0:1::/64"]);
    let entries = app.get("/audit?action=set_address_mac").await.1;
    assert_eq!((&entries["total"], &entries["data"][0]["after"]["mac"]), (&json!(2), &json!("02:00:5e:10:00:0a")));
    assert_eq!(put(&app, &six, json!("02:00:5E:10:00:0A")).await.0, 200, "as it is");
    assert_eq!(app.get("/audit?action=set_address_mac").await.1["total"], 2);

    assert_eq!(put(&app, &four, Value::Null).await.0, 200);
    let (_, answer) = put(&app, &six, json!("")).await;
    assert_eq!(answer["data"], json!([own(vec![&v4], vec![&v6])]), "null and an empty text take it away");
    assert_eq!(told(&app, server).await, []);
}

async fn a_mac_is_one_interfaces_and_goes_with_its_addresses(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let (one, interface, four, _) = world(&app, &company).await;
    let (_, _, elsewhere, six) = world(&app, &company).await;
    let mac = || json!("02:00:5e:10:00:0a");
    assert_eq!(put(&app, &four, mac()).await.0, 200);
    for path in [&elsewhere, &six] {
        let taken = put(&app, path, mac()).await;
        assert_eq!((taken.0, &taken.1["msg"]), (409, &json!("The mac is of another interface already.")));
    }
    let strange = format!("{interface}/ipv4/{}", elsewhere.split("/ipv4/").last().unwrap());
    assert_eq!(put(&app, &strange, mac()).await, (404, json!({ "msg": "address not found" })), "another server's");
    assert_eq!(
        put(&app, &format!("{interface}/ipv6/999/mac"), mac()).await,
        (404, json!({ "msg": "subnet not found" }))
    );
    assert_eq!(put(&app, &four.replace("primary", "secondary"), mac()).await.0, 404);

    // Given back, the address is anybody's again, under whoever's own MAC address.
    let removed = app.call("DELETE", &format!("{interface}/ipv4"), Some(json!({ "quantity": 1 }).to_string())).await;
    assert_eq!(removed.0, 200, "{}", removed.1);
    assert_eq!(told(&app, one).await, []);
    assert_eq!(put(&app, &elsewhere, mac()).await.0, 200);
}

async fn bad_macs_are_refused_with_the_fields_name(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let (_, interface, four, six) = world(&app, &company).await;
    for mac in [
        "",
        "02",
        "00:00:5e:00:00:01",
        "03:00:5e:00:00:01",
        "52:54:00:00:00:01",
        "fe:00:5e:00:00:01",
        "02:00:5e:00:00:01; x",
    ] {
        for path in [&four, &six] {
            let (status, answer) = put(&app, path, json!(mac)).await;
            let is_refused = status == 422 && answer["errors"].to_string().contains("mac");
            assert!(is_refused || mac.is_empty() && status == 200, "{mac}: {answer}");
        }
    }
    for body in [json!({}), json!({ "mac": 7 }), json!({ "mac": "02:00:5e:00:00:01", "for": "me" })] {
        let (status, answer) = app.put(&four, body.clone()).await;
        assert_eq!(status, 422, "{body}: {answer}");
    }
    assert_eq!(app.post(&format!("{interface}/ipv4"), json!({ "quantity": 16 })).await.0, 201);
    let (_, shown) = app.get(&interface).await;
    for (n, address) in shown["data"]["ipv4"].as_array().unwrap().iter().enumerate() {
        let path = format!("{interface}/ipv4/{}/mac", address["id"]);
        let (status, answer) = put(&app, &path, json!(format!("02:00:5e:00:00:{n:02x}"))).await;
        assert_eq!(status, if n < 16 { 200 } else { 422 }, "{n}: {answer}");
    }
}
