//! Blocks of addresses: ranges, what is kept back, which nodes they serve, and who held an address when.

use berth_control::{Error, clock::HOUR};
use berth_store::{
    dns_service::{self, NewService},
    rdns_zone::{self, NewZone},
    testing::Database,
};
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    ranges_are_added_once_and_never_hold_the_gateway,
    bad_ranges_are_refused_with_the_fields_name,
    addresses_are_listed_kept_back_and_taken_out,
    a_block_changes_and_goes_when_nobody_needs_it,
    a_new_ipv6_prefix_wants_a_free_block,
    blocks_serve_nodes_in_their_order,
    a_group_of_blocks_serves_networks_after_their_own,
    bad_groups_of_blocks_are_refused_with_the_fields_name,
    it_is_known_who_held_an_address_when,
    a_block_says_where_the_names_of_its_addresses_are_kept,
);

async fn block(app: &App, name: &str) -> i64 {
    let new = json!({ "name": name, "type": 4, "gateway": "198.51.100.1", "prefixLen": 24 });
    let (status, body) = app.post("/connectivity/ipblocks", new).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["id"].as_i64().unwrap()
}

async fn put(app: &App, path: &str, body: Value) -> (u16, Value) {
    app.call("PUT", path, Some(body.to_string())).await
}

async fn remove(app: &App, path: &str, body: Value) -> (u16, Value) {
    app.call("DELETE", path, Some(body.to_string())).await
}

fn refusal(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 422, "{}", answer.1);
    answer.1["errors"][0].as_str().unwrap()
}

async fn ranges_are_added_once_and_never_hold_the_gateway(database: Database) {
    let app = App::start(database).await;
    let id = block(&app, "Public").await;
    let path = format!("/connectivity/ipblocks/{id}/ipv4");
    let total = async || app.get(&format!("/connectivity/ipblocks/{id}")).await.1["data"]["ipv4"]["total"].clone();
    let range = json!({ "type": "range", "start": "198.51.100.0", "end": "198.51.100.9", "id": {} });
    assert_eq!(app.post(&path, range.clone()).await, (204, Value::Null));
    assert_eq!(total().await, 8, "neither the network's own address nor the gateway");
    assert_eq!(app.post(&path, range).await, (204, Value::Null), "once more is no mistake");
    let overlapping = json!({ "start": "198.51.100.8", "end": "198.51.100.11" });
    assert_eq!(app.post(&path, overlapping).await.0, 204);
    assert_eq!(total().await, 10);
    let (status, body) = app.post(&path, json!({ "network": "198.51.100.0", "prefix": "28" })).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["data"]["added"], &body["data"]["existingTotal"]), (&json!(4), &json!(10)));
    assert_eq!(body["data"]["existing"][0], "198.51.100.2");
    assert_eq!(body["data"]["keptOut"], json!(["198.51.100.0", "198.51.100.1"]));
    let (status, body) = app.post(&path, json!({ "address": "203.0.113.8", "prefix": 30 })).await;
    assert_eq!((status, &body["data"]["added"]), (200, &json!(4)), "another range than the netmask's is fine: {body}");
    let (_, list) = app.get(&format!("{path}?address=203.0.113.8")).await;
    assert_eq!((&list["total"], &list["data"][0]["outsideNetmask"]), (&json!(1), &json!(true)));
}

async fn bad_ranges_are_refused_with_the_fields_name(database: Database) {
    let app = App::start(database).await;
    rows::company(&app, 1, 10).await;
    let id = block(&app, "Public").await;
    let path = format!("/connectivity/ipblocks/{id}/ipv4");
    for (body, field) in [
        (json!({}), "network"),
        (json!({ "type": "range" }), "start"),
        (json!({ "type": "range", "start": "198.51.100.9" }), "end"),
        (json!({ "type": "range", "start": "198.51.100.9", "end": "198.51.100.8" }), "end"),
        (json!({ "type": "range", "start": "2001:db8::1", "end": "2001:db8::2" }), "start"),
        (json!({ "type": "range", "start": "1.2.3.4'; --", "end": "1.2.3.5" }), "start"),
        (json!({ "type": "range", "start": "10.0.0.0", "end": "10.255.255.255" }), "start"),
        (json!({ "type": "range", "start": "0.0.0.0", "end": "0.0.0.9" }), "start"),
        (json!({ "type": "range", "start": "126.255.255.250", "end": "127.0.0.9" }), "start"),
        (json!({ "type": "range", "start": "239.0.0.1", "end": "239.0.0.2" }), "start"),
        (json!({ "type": "list", "start": "198.51.100.8", "end": "198.51.100.9" }), "type"),
        (json!({ "network": "0.0.0.0", "prefix": 0 }), "prefix"),
        (json!({ "network": "10.0.0.0", "prefix": 15 }), "prefix"),
        (json!({ "network": "10.0.0.0", "prefix": 33 }), "prefix"),
        (json!({ "network": "10.0.0.0", "prefix": -1 }), "prefix"),
        (json!({ "network": "10.0.0.1", "prefix": 24 }), "network"),
        (json!({ "network": "2001:db8::", "prefix": 24 }), "network"),
        (json!({ "network": ["10.0.0.0"], "prefix": 24 }), "network"),
        (json!({ "start": "192.0.2.9", "end": "192.0.2.20" }), "start"),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
    let answer = app.post(&path, json!({ "start": "192.0.2.9", "end": "192.0.2.20" })).await;
    assert!(refusal(&answer).contains("192.0.2.9 is in block Block 4"), "{}", answer.1);
    let six = app.post("/connectivity/ipblocks/2/ipv4", json!({ "start": "10.0.0.1", "end": "10.0.0.2" })).await;
    assert!(refusal(&six).contains("IPv4 block"), "{}", six.1);
    let strange = app.post("/connectivity/ipblocks/999/ipv4", json!({ "start": "10.0.0.1", "end": "10.0.0.2" })).await;
    assert_eq!(strange, (404, json!({ "msg": "ip block not found" })));
    for end in [json!("192.0.2.4"), json!("198.51.100.1"), json!("x")] {
        let new = json!({ "name": "Another", "type": 4, "gateway": "192.0.2.254", "prefixLen": 0, "first": "192.0.2.5",
                          "last": end });
        assert_eq!(app.post("/connectivity/ipblocks", new).await.0, 422);
    }
    assert_eq!(app.get(&format!("{path}?results=1")).await.1["total"], 0, "nothing was added");
}

async fn addresses_are_listed_kept_back_and_taken_out(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 4).await;
    let path = "/connectivity/ipblocks/1/ipv4";
    let keep = json!({ "addresses": ["192.0.2.1", "192.0.2.2"], "reserved": "true" });
    assert_eq!(put(&app, path, keep).await.0, 204);
    let (status, made) = app.post("/servers", company.order()).await;
    assert_eq!((status, &made["data"]["network"]["interfaces"][0]["ipv4"][0]["address"]), (201, &json!("192.0.2.3")));
    let totals = async |query: &str| {
        let (status, list) = app.get(&format!("{path}?{query}")).await;
        assert_eq!(status, 200, "{list}");
        list["total"].as_i64().unwrap()
    };
    assert_eq!(totals("").await, 4);
    assert_eq!((totals("reserved=true").await, totals("reserved=0").await), (2, 2));
    assert_eq!((totals("assigned=1").await, totals("assigned=false").await), (1, 3));
    assert_eq!((totals("server=1").await, totals("server=2").await, totals("address=192.0.2.9").await), (1, 0, 0));
    let (_, list) = app.get(&format!("{path}?assigned=true")).await;
    assert_eq!((&list["data"][0]["serverId"], &list["data"][0]["reserved"]), (&json!(1), &json!(false)));
    for query in ["address=x", "reserved=perhaps", "server=x", "results=0"] {
        refusal(&app.get(&format!("{path}?{query}")).await);
    }

    let held = remove(&app, path, json!({ "addresses": ["192.0.2.3", "192.0.2.4"], "confirm": true })).await;
    assert!(refusal(&held).contains("a server has 192.0.2.3"), "{}", held.1);
    let unsure = remove(&app, path, json!({ "addresses": ["192.0.2.4"] })).await;
    assert!(refusal(&unsure).contains("confirm"));
    assert_eq!(totals("").await, 4, "all or none");
    assert_eq!(remove(&app, path, json!({ "addresses": ["192.0.2.4"], "confirm": true })).await.0, 204);
    assert_eq!(totals("").await, 3);
    for wrong in
        [json!([]), json!(["x"]), json!(["2001:db8::1"]), json!(["198.51.100.7"]), json!(vec!["192.0.2.1"; 1001])]
    {
        let body = json!({ "addresses": wrong, "reserved": true });
        assert!(refusal(&put(&app, path, body).await).contains("addresses"));
        refusal(&remove(&app, path, json!({ "addresses": wrong, "confirm": true })).await);
    }
    refusal(&put(&app, path, json!({ "addresses": ["192.0.2.1"], "reserved": true, "note": "unknown" })).await);
    assert_eq!(put(&app, path, json!({ "addresses": ["192.0.2.2"], "reserved": false })).await.0, 204);
    let (_, made) = app.post("/servers", company.order()).await;
    assert_eq!(made["data"]["network"]["interfaces"][0]["ipv4"][0]["address"], "192.0.2.2");
}

async fn a_block_changes_and_goes_when_nobody_needs_it(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 4).await;
    let server = company.server(&app).await;
    let generation =
        async || berth_store::server::by_id(app.ctx.store.read(), server).await.unwrap().unwrap().generation;
    let (path, before) = ("/connectivity/ipblocks/1", generation().await);
    let renamed = json!({ "name": "Renamed", "networkProfile": 3 });
    let (status, body) = put(&app, path, renamed).await;
    assert_eq!((status, &body["data"]["name"], &body["data"]["networkProfile"]), (200, &json!("Renamed"), &json!(3)));
    assert_eq!(body["data"]["ipv4"]["gateway"], "192.0.2.254", "what is absent stays");
    assert_eq!(generation().await, before, "a name is nothing that guests are told");
    let told = json!({ "gateway": "192.0.2.4", "prefixLen": 25, "resolver1": null, "resolver2": "192.0.2.54" });
    let (status, body) = put(&app, path, told).await;
    assert_eq!((status, &body["data"]["ipv4"]["netmask"]), (200, &json!("255.255.255.128")), "{body}");
    assert_eq!(body["data"]["ipv4"]["resolvers"], json!({ "primary": null, "secondary": "192.0.2.54" }));
    assert_eq!(body["data"]["ipv4"]["total"], 3, "the new gateway is nobody's any more");
    assert_eq!(generation().await, before + 1, "its guest is told");
    let other = block(&app, "Another").await;
    for (body, word) in [
        (json!({ "gateway": "192.0.2.1" }), "gateway"),
        (json!({ "gateway": "2001:db8::1" }), "gateway"),
        (json!({ "prefixLen": 0 }), "prefixLen"),
        (json!({ "resolver1": "dns" }), "resolver1"),
        (json!({ "name": "x" }), "name"),
        (json!({ "networkProfile": 21 }), "networkProfile"),
        (json!({ "sourcePrefix": "2001:db8::/32", "regenerate": true }), "sourcePrefix"),
        (json!({ "typ": 6 }), "typ"),
    ] {
        let answer = put(&app, path, body).await;
        assert!(refusal(&answer).contains(word), "{}", answer.1);
    }
    assert_eq!(put(&app, path, json!({ "name": "Another" })).await.0, 409);
    let used = remove(&app, path, json!({ "confirm": true })).await;
    assert!(refusal(&used).contains("servers have addresses"));
    let gone = format!("/connectivity/ipblocks/{other}");
    refusal(&remove(&app, &gone, json!({})).await);
    assert_eq!(remove(&app, &gone, json!({ "confirm": true })).await, (204, Value::Null));
    assert_eq!(app.get(&gone).await.0, 404);
    assert_eq!(put(&app, path, json!({ "enabled": 0 })).await.1["data"]["enabled"], false);
    assert_eq!(app.post("/servers", company.order()).await.0, 422, "a block that is not enabled gives nothing");
}

async fn a_new_ipv6_prefix_wants_a_free_block(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 4).await;
    let path = "/connectivity/ipblocks/2";
    let wanted = json!({ "sourcePrefix": "2001:db8:100::/40", "subnetPrefixLen": 56, "regenerate": true });
    let (status, body) = put(&app, path, wanted.clone()).await;
    assert_eq!((status, &body["data"]["ipv6"]["subnet"]), (200, &json!("2001:db8:100::")), "{body}");
    assert_eq!((&body["data"]["ipv6"]["from"], &body["data"]["ipv6"]["to"]), (&json!(40), &json!(56)));
    assert_eq!(body["data"]["ipv6"]["total"], 65_535, "none of them is a row before it is given");
    assert_eq!(body["data"]["ipv6"]["generatedTotal"], 0);
    for wrong in ["2001:db8:100::1/40", "2001:db8::", "192.0.2.0/24", "::/0", "2001:db8::/128", "x"] {
        let body = json!({ "sourcePrefix": wrong, "regenerate": true });
        assert!(refusal(&put(&app, path, body).await).contains("refix"), "{wrong}");
    }
    let unsure = put(&app, path, json!({ "sourcePrefix": "2001:db8:200::/40" })).await;
    assert!(refusal(&unsure).contains("regenerate"));
    let (_, made) = app.post("/servers", company.order()).await;
    assert_eq!(made["data"]["network"]["interfaces"][0]["ipv6"][0]["subnet"], "2001:db8:100:100::");
    let used = put(&app, path, json!({ "sourcePrefix": "2001:db8:200::/40", "regenerate": true })).await;
    assert!(refusal(&used).contains("servers have 1 subnets"), "{}", used.1);
}

async fn blocks_serve_nodes_in_their_order(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 4).await;
    let (node, id) = (company.hypervisors[0], block(&app, "Public").await);
    let path = format!("/compute/hypervisors/{node}/ipblocks");
    let range = json!({ "start": "198.51.100.10", "end": "198.51.100.19" });
    assert_eq!(app.post(&format!("/connectivity/ipblocks/{id}/ipv4"), range).await.0, 204);
    let (status, body) = app.post(&path, json!({ "blockId": id })).await;
    assert_eq!((status, &body["data"]["order"], &body["data"]["network"]["bridge"]), (201, &json!(3), &json!("br0")));
    assert_eq!(app.post(&path, json!({ "blockId": id })).await.0, 409, "it does already");
    let order = async || {
        let (_, list) = app.get(&path).await;
        let blocks = list["data"].as_array().unwrap().iter().map(|bound| bound["blockId"].as_i64().unwrap());
        blocks.collect::<Vec<_>>()
    };
    assert_eq!(order().await, [1, 2, id]);
    assert_eq!(put(&app, &format!("{path}/order"), json!({ "blocks": [id] })).await, (204, Value::Null));
    assert_eq!(order().await, [id, 1, 2], "those that are not named come last");

    let (_, of_block) = app.get(&format!("/connectivity/ipblocks/{id}/hypervisors")).await;
    assert_eq!(of_block["data"].as_array().unwrap().len(), 1);
    assert_eq!(of_block["data"][0]["hypervisorId"], node);
    for (body, word) in [
        (json!({ "blockId": 999 }), "blockId"),
        (json!({ "blockId": "x" }), "blockId"),
        (json!({ "blockId": id, "networkId": 2 }), "networkId"),
        (json!({ "blockId": id, "order": 1 }), "order"),
        (json!({}), "blockId"),
    ] {
        let answer = app.post(&path, body).await;
        assert!(refusal(&answer).contains(word), "{}", answer.1);
    }
    refusal(&put(&app, &format!("{path}/order"), json!({ "blocks": [999] })).await);
    refusal(&put(&app, &format!("{path}/order"), json!({ "blocks": [] })).await);
    refusal(&put(&app, &format!("{path}/{id}"), json!({ "networkId": 2 })).await);
    assert_eq!(put(&app, &format!("{path}/{id}"), json!({ "networkId": 1 })).await.0, 200);
    assert_eq!(app.delete(&format!("{path}/{id}")).await, (204, Value::Null));
    assert_eq!(app.delete(&format!("{path}/{id}")).await.0, 404);
    assert_eq!(order().await, [1, 2]);
    for strange in ["/compute/hypervisors/999/ipblocks", "/connectivity/ipblocks/999/hypervisors"] {
        assert_eq!(app.get(strange).await.0, 404);
    }
}

const GROUPS: &str = "/connectivity/ipblockgroups";

async fn group(app: &App, blocks: &[i64]) -> Value {
    let (status, body) = app.post(GROUPS, json!({ "name": "Shared", "blocks": blocks })).await;
    assert_eq!(status, 201, "{body}");
    body["data"].clone()
}

async fn a_group_of_blocks_serves_networks_after_their_own(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 1).await;
    let id = block(&app, "Public").await;
    let range = json!({ "start": "198.51.100.10", "end": "198.51.100.19" });
    assert_eq!(app.post(&format!("/connectivity/ipblocks/{id}/ipv4"), range).await.0, 204);
    let shared = group(&app, &[id, 1]).await;
    assert_eq!((&shared["name"], &shared["networks"]), (&json!("Shared"), &json!([])));
    let blocks = shared["blocks"].as_array().unwrap().iter().map(|block| block["id"].as_i64().unwrap());
    assert_eq!(blocks.collect::<Vec<_>>(), [id, 1]);
    let path = format!("{GROUPS}/{}", shared["id"]);
    let network = format!("/compute/hypervisors/{}/networks/1", company.hypervisors[0]);
    let order = async || {
        let (status, made) = app.post("/servers", company.order()).await;
        (status, made["data"]["network"]["interfaces"][0]["ipv4"][0]["address"].clone())
    };
    let has = json!({ "ipBlockGroupId": shared["id"] });
    assert_eq!(put(&app, &network, has).await.1["data"]["ipBlockGroupId"], shared["id"]);
    let (_, served) = app.get(&path).await;
    assert_eq!(
        (&served["data"]["networks"][0]["id"], &served["data"]["networks"][0]["bridge"]),
        (&json!(1), &json!("br0"))
    );
    assert_eq!(app.get(GROUPS).await.1["data"], json!([served["data"]]));
    assert_eq!(order().await, (201, json!("192.0.2.1")), "what is bound to the network gives first");
    assert_eq!(order().await, (201, json!("198.51.100.10")));
    let disabled = json!({ "enabled": false });
    assert_eq!(put(&app, &format!("/connectivity/ipblocks/{id}"), disabled).await.0, 200);
    assert_eq!(order().await.0, 422, "a block that is not enabled gives nothing");
    assert_eq!(put(&app, &format!("/connectivity/ipblocks/{id}"), json!({ "enabled": true })).await.0, 200);

    let in_use = remove(&app, &path, json!({ "confirm": true })).await;
    assert!(refusal(&in_use).contains("1 networks of hypervisors have"), "{}", in_use.1);
    let (status, changed) = put(&app, &path, json!({ "name": "Theirs", "blocks": [] })).await;
    assert_eq!((status, &changed["data"]["name"], &changed["data"]["blocks"]), (200, &json!("Theirs"), &json!([])));
    assert_eq!(order().await.0, 422, "nothing is left in the group");
    assert_eq!(put(&app, &path, json!({ "blocks": [id] })).await.1["data"]["name"], "Theirs");
    assert_eq!(order().await, (201, json!("198.51.100.11")));
    assert_eq!(put(&app, &network, json!({ "ipBlockGroupId": null })).await.1["data"]["ipBlockGroupId"], Value::Null);
    assert_eq!(order().await.0, 422, "nothing serves the network any more");
    assert!(refusal(&remove(&app, &path, json!({})).await).contains("confirm"));
    assert_eq!(remove(&app, &path, json!({ "confirm": true })).await, (204, Value::Null));
    assert_eq!(app.get(&path).await, (404, json!({ "msg": "ip block group not found" })));
}

async fn bad_groups_of_blocks_are_refused_with_the_fields_name(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 1).await;
    let path = format!("{GROUPS}/{}", group(&app, &[1]).await["id"]);
    for (body, field) in [
        (json!({ "name": "ab" }), "name"),
        (json!({ "name": "a".repeat(101) }), "name"),
        (json!({ "name": "Others", "blocks": [1, 1] }), "blocks"),
        (json!({ "name": "Others", "blocks": [999] }), "blocks must be ids of IP blocks: 999"),
        (json!({ "name": "Others", "blocks": (1..=101).collect::<Vec<i64>>() }), "at most 100"),
        (json!({ "name": "Others", "networks": [1] }), "networks"),
    ] {
        for answer in [app.post(GROUPS, body.clone()).await, put(&app, &path, body.clone()).await] {
            assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
        }
    }
    let twice = app.post(GROUPS, json!({ "name": "Shared" })).await;
    assert_eq!((twice.0, &twice.1["msg"]), (409, &json!("An IP block group of that name exists already.")));
    let networks = format!("/compute/hypervisors/{}/networks", company.hypervisors[0]);
    let strange = put(&app, &format!("{networks}/1"), json!({ "ipBlockGroupId": 999 })).await;
    assert!(refusal(&strange).contains("ipBlockGroupId"), "{}", strange.1);
    let strange = app.post(&networks, json!({ "name": "Customers", "bridge": "br1", "ipBlockGroupId": 999 })).await;
    assert!(refusal(&strange).contains("ipBlockGroupId"), "{}", strange.1);

    let spare = block(&app, "Spare").await;
    assert_eq!(put(&app, &path, json!({ "blocks": [spare, 1] })).await.0, 200);
    let gone = remove(&app, &format!("/connectivity/ipblocks/{spare}"), json!({ "confirm": true })).await;
    assert_eq!(gone, (204, Value::Null));
    assert_eq!(app.get(&path).await.1["data"]["blocks"][0]["id"], 1, "a block that is deleted is in no group");
}

async fn it_is_known_who_held_an_address_when(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 1).await;
    let first = company.server(&app).await;
    app.pass(HOUR);
    let now = app.ctx.now();
    let removed = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        Box::pin(async move { Ok(berth_store::server_outcome::remove(tx, first, now).await?) })
    });
    removed.await.unwrap();
    app.pass(2 * HOUR);
    let second = company.server(&app).await;
    let holders = async |path: &str| {
        let (status, page) = app.get(&format!("/connectivity/addresses/{path}")).await;
        assert_eq!(status, 200, "{page}");
        let data = page["data"].as_array().unwrap().clone();
        data.iter().map(|holding| holding["serverId"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(holders("192.0.2.1/history").await, [second, first], "also of the one that is gone");
    assert_eq!(holders("192.0.2.1/history?at=2025-01-20T14:30:00Z").await, [first]);
    assert_eq!(holders("192.0.2.1/history?at=2025-01-20T15:30:00Z").await, [] as [i64; 0], "it rested");
    assert_eq!(holders("192.0.2.1/history?at=2025-01-20T17:30:00Z").await, [second]);
    assert_eq!(holders("2001:db8:0:1::abcd/history").await, [second, first], "by the subnet that it lies in");
    assert_eq!(holders("198.51.100.1/history").await, [] as [i64; 0]);
    let (_, page) = app.get("/connectivity/addresses/2001:db8:0:1::/history?results=1&page=2").await;
    let holding = &page["data"][0];
    assert_eq!((&holding["address"], &holding["userId"]), (&json!("2001:db8:0:1::/64"), &json!(company.user)));
    assert_eq!(
        (&holding["assigned"], &holding["released"]),
        (&json!("2025-01-20T14:00:47+00:00"), &json!("2025-01-20T15:00:47+00:00"))
    );
    assert_eq!(app.get("/connectivity/addresses/somebody/history").await.0, 404);
    refusal(&app.get("/connectivity/addresses/192.0.2.1/history?at=yesterday").await);
}

/// A zone for the names of a network's addresses, as if its DNS server had it.
async fn zone(app: &App, service_id: i64, name: &'static str, network: &'static str) -> i64 {
    let made = app.ctx.store.write_tx::<_, Error>(|tx| {
        let (name, network) = (name.to_owned(), network.to_owned());
        Box::pin(async move {
            Ok(rdns_zone::insert(tx, NewZone { service_id, name, network, ttl_s: 3_600, now: rows::NOW }).await?.id)
        })
    });
    made.await.unwrap()
}

async fn a_block_says_where_the_names_of_its_addresses_are_kept(database: Database) {
    let app = App::start(database).await;
    rows::company(&app, 1, 4).await;
    let names = async |block: i64| {
        let (_, body) = app.get(&format!("/connectivity/ipblocks/{block}")).await;
        (body["data"]["rdnsType"].as_i64().unwrap(), body["data"]["rdnsZoneId"].as_i64())
    };
    assert_eq!((names(1).await, names(2).await), ((0, None), (0, None)));
    let uuid = app.ctx.rng.uuid();
    let made = app.ctx.store.write_tx::<_, Error>(|tx| {
        let new = NewService {
            uuid,
            name: "ns1".to_owned(),
            url: "http://192.0.2.53:8081".to_owned(),
            server_name: "localhost".to_owned(),
            api_key_enc: String::new(),
            now: rows::NOW,
        };
        Box::pin(async move { Ok(dns_service::insert(tx, new).await?.id) })
    });
    let service = made.await.unwrap();
    let whole = zone(&app, service, "2.0.192.in-addr.arpa", "192.0.2.0/24").await;
    assert_eq!((names(1).await, names(2).await), ((2, Some(whole)), (0, None)));
    let part = zone(&app, service, "0-3.2.0.192.in-addr.arpa", "192.0.2.0/30").await;
    assert_eq!(names(1).await, (1, None), "192.0.2.4 is in another zone than those before it");
    let off = put(&app, &format!("/connectivity/rdns/zones/{part}"), json!({ "enabled": false })).await;
    assert_eq!(off.0, 200, "{}", off.1);
    assert_eq!(names(1).await, (2, Some(whole)));
    let six = zone(&app, service, "8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8::/32").await;
    assert_eq!(names(2).await, (2, Some(six)));
    let empty = block(&app, "Empty").await;
    assert_eq!(names(empty).await, (0, None));
    let far = zone(&app, service, "64-127.100.51.198.in-addr.arpa", "198.51.100.64/26").await;
    assert_eq!(names(empty).await, (1, None), "of its network, as long as it has no addresses");
    let range = json!({ "start": "198.51.100.70", "end": "198.51.100.79" });
    assert_eq!(app.post(&format!("/connectivity/ipblocks/{empty}/ipv4"), range).await.0, 204);
    assert_eq!(names(empty).await, (2, Some(far)));
}
