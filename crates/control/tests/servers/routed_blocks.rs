//! IPv6 blocks whose subnets nodes lead to their servers.

use berth_control::spec;
use berth_store::{server_details, testing::Database};
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    subnets_are_led_to_their_servers_where_nodes_route,
    a_block_is_made_as_one_whose_subnets_are_led,
    bad_words_for_it_are_refused_with_the_fields_name,
);

const IPV4: &str = "/connectivity/ipblocks/1";
const IPV6: &str = "/connectivity/ipblocks/2";

/// Whether its node is told to lead the server's subnet to it, and by the specification of which generation.
async fn told(app: &App, server: i64) -> (bool, i64) {
    let details = server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let spec = spec::trial_spec(&app.ctx, &details).unwrap();
    let routed = spec.interfaces[0].ipv6[0].routed;
    assert_eq!(spec.required_features.contains(&"routed-subnets.v1".to_owned()), routed);
    (routed, details.server.generation)
}

async fn is_routed(app: &App, server: i64) -> Value {
    let (_, body) = app.get(&format!("/servers/{server}")).await;
    body["data"]["network"]["interfaces"][0]["ipv6"][0]["routeNet"].clone()
}

async fn set(app: &App, path: &str, body: Value) -> Value {
    let (status, answer) = app.put(path, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"].clone()
}

async fn subnets_are_led_to_their_servers_where_nodes_route(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 4).await;
    let server = company.server(&app).await;
    let (routed, first) = told(&app, server).await;
    assert!(!routed);
    assert_eq!(set(&app, IPV6, json!({ "routeBlock": "yes" })).await["routeBlock"], true);
    assert_eq!(app.get(IPV6).await.1["data"]["routeBlock"], true);
    let entry = app.get("/audit?action=update_ip_block").await.1["data"][0].clone();
    assert_eq!((&entry["before"]["routeBlock"], &entry["after"]["routeBlock"]), (&json!(false), &json!(true)));
    assert_eq!(told(&app, server).await, (false, first + 1), "its node does not route by that bridge");
    assert_eq!(is_routed(&app, server).await, false);

    let node = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    let new = json!({ "name": "Routed", "bridge": "rt0", "type": "lvNetwork" });
    let (status, made) = app.post(&format!("{node}/networks"), new).await;
    assert_eq!(status, 201, "{made}");
    let network = made["data"]["id"].clone();
    for block in [1, 2] {
        set(&app, &format!("{node}/ipblocks/{block}"), json!({ "networkId": network })).await;
    }
    let interface = format!("/servers/{server}/interfaces/primary");
    set(&app, &interface, json!({ "hypervisorNetworkId": network })).await;
    assert_eq!(told(&app, server).await, (true, first + 2));
    assert_eq!(is_routed(&app, server).await, true);

    set(&app, IPV6, json!({ "routeBlock": true })).await;
    assert_eq!(told(&app, server).await, (true, first + 2), "it is so already");
    assert_eq!(set(&app, IPV6, json!({ "routeBlock": 0 })).await["routeBlock"], false);
    assert_eq!(told(&app, server).await, (false, first + 3));
    assert_eq!(is_routed(&app, server).await, true, "still, to the link");
    assert_eq!(set(&app, IPV6, json!({ "name": "Renamed", "routeBlock": true })).await["routeBlock"], true);
    assert_eq!(set(&app, IPV6, json!({ "enabled": true })).await["routeBlock"], true, "what is absent stays");
    assert_eq!(told(&app, server).await, (true, first + 4));

    // The owner of the node takes the routing from the bridge.
    rows::told_of_bridge(&app, company.hypervisors[0], "rt0", json!({ "routed": false })).await;
    set(&app, &format!("{node}/networks/{network}"), json!({ "type": "simpleBridge" })).await;
    assert_eq!(told(&app, server).await, (false, first + 5), "no specification says two things");
    assert_eq!(is_routed(&app, server).await, false);
}

async fn a_block_is_made_as_one_whose_subnets_are_led(database: Database) {
    let app = App::start(database).await;
    let ipv4 = json!({ "name": "Public", "type": 4, "gateway": "198.51.100.1", "prefixLen": 24 });
    let ipv6 = json!({ "name": "Subnets", "type": 6, "gateway": "2001:db8:5::1", "prefixLen": 48,
                       "sourcePrefix": "2001:db8:5::", "subnetPrefixLen": 64 });
    for (n, (block, wanted, is)) in [
        (&ipv4, json!(null), false),
        (&ipv4, json!(false), false),
        (&ipv6, json!(null), false),
        (&ipv6, json!("1"), true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut block = block.clone();
        block["name"] = json!(format!("Block {n}"));
        block["routeBlock"] = wanted;
        let (status, made) = app.post("/connectivity/ipblocks", block).await;
        assert_eq!((status, &made["data"]["routeBlock"]), (201, &json!(is)), "{made}");
    }
    let entry = app.get("/audit?action=create_ip_block").await.1["data"][0].clone();
    assert_eq!(entry["after"]["routeBlock"], true);
    let (_, absent) = app.post("/connectivity/ipblocks", ipv6).await;
    assert_eq!(absent["data"]["routeBlock"], false);
}

async fn bad_words_for_it_are_refused_with_the_fields_name(database: Database) {
    let app = App::start(database).await;
    rows::company(&app, 1, 4).await;
    let ipv4 = json!({ "name": "Public", "type": 4, "gateway": "198.51.100.1", "prefixLen": 24 });
    for wrong in [json!(true), json!("perhaps"), json!(7), json!(["true"])] {
        let mut block = ipv4.clone();
        block["routeBlock"] = wrong.clone();
        let made = app.post("/connectivity/ipblocks", block).await;
        let changed = app.put(IPV4, json!({ "routeBlock": wrong })).await;
        for (status, refused) in [made, changed] {
            assert_eq!(status, 422, "{wrong}: {refused}");
            assert!(refused["errors"].to_string().contains("routeBlock"), "{wrong}: {refused}");
        }
    }
    for wrong in [json!("perhaps"), json!(7)] {
        let (status, refused) = app.put(IPV6, json!({ "routeBlock": wrong })).await;
        assert_eq!(status, 422, "{wrong}: {refused}");
    }
    assert_eq!(set(&app, IPV4, json!({ "routeBlock": false })).await["routeBlock"], false, "as it is");
    assert_eq!(app.get(IPV6).await.1["data"]["routeBlock"], false);
}
