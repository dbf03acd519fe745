//! Networks of nodes, and further interfaces of servers on them.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    rows::{self, Company},
};

berth_store::on_both_databases!(
    networks_of_a_node_are_made_changed_and_removed,
    a_network_in_use_stays_and_says_by_how_much,
    only_what_the_nodes_owner_allows_becomes_a_network,
    a_bridge_of_the_owners_prefix_is_made_by_the_node,
    a_bridge_of_open_vswitch_is_used_while_its_node_finds_it_good,
    a_server_gets_and_loses_a_further_interface,
    an_interface_is_bounded_isolated_and_unplugged,
    an_interface_is_told_its_addresses_by_dhcp_where_the_block_allows_it,
    an_interface_moves_to_a_network_that_serves_its_addresses,
    bad_interfaces_are_refused_with_the_fields_name,
);

async fn send(app: &App, method: &str, path: &str, body: Value) -> (u16, Value) {
    app.call(method, path, Some(body.to_string())).await
}

fn refusal(answer: &(u16, Value)) -> String {
    assert_eq!(answer.0, 422, "{}", answer.1);
    answer.1["errors"].to_string()
}

async fn world(database: Database) -> (App, Company, String) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let path = format!("/compute/hypervisors/{}/networks", company.hypervisors[0]);
    (app, company, path)
}

async fn made(app: &App, path: &str, body: Value) -> Value {
    let (status, answer) = app.post(path, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

async fn generation(app: &App, server: i64) -> i64 {
    berth_store::server::by_id(app.ctx.store.read(), server).await.unwrap().unwrap().generation
}

async fn networks_of_a_node_are_made_changed_and_removed(database: Database) {
    let (app, company, path) = world(database).await;
    let network = made(&app, &path, json!({ "name": "Customers", "bridge": "br1", "mtu": "9000" })).await;
    assert_eq!((&network["type"], &network["mtu"]), (&json!("simpleBridge"), &json!(9000)));
    assert_eq!((&network["primary"], &network["default"]), (&json!(false), &json!(false)));
    let nat = made(&app, &path, json!({ "name": "Behind the node", "bridge": "nat0", "type": "lvNatv1" })).await;
    assert_eq!((&nat["type"], &nat["mtu"]), (&json!("lvNatv1"), &Value::Null));
    let (_, list) = app.get(&path).await;
    let bridges: Vec<&str> = list["data"].as_array().unwrap().iter().map(|n| n["bridge"].as_str().unwrap()).collect();
    assert_eq!(bridges, ["br0", "br1", "nat0"], "the primary one first");
    let (_, node) = app.get(path.trim_end_matches("/networks")).await;
    assert_eq!(node["data"]["networks"], list["data"]);

    let one = format!("{path}/{}", network["id"]);
    assert_eq!(app.get(&one).await.1["data"], network);
    let (status, changed) = send(&app, "PUT", &one, json!({ "name": "Staff", "mtu": null, "default": true })).await;
    assert_eq!(status, 200, "{changed}");
    let data = &changed["data"];
    assert_eq!((&data["name"], &data["mtu"], &data["default"]), (&json!("Staff"), &Value::Null, &json!(true)));
    let (_, list) = app.get(&path).await;
    assert_eq!(list["data"].as_array().unwrap().iter().filter(|n| n["default"] == true).count(), 1);
    let answer = app.call("DELETE", &one, Some(json!({ "confirm": true }).to_string())).await;
    assert!(refusal(&answer).contains("another one the default"), "{}", answer.1);
    let primary = format!("{path}/{}", list["data"][0]["id"]);
    assert_eq!(send(&app, "PUT", &primary, json!({ "default": true })).await.0, 200);
    assert!(refusal(&send(&app, "DELETE", &one, json!({})).await).contains("confirm"));
    assert_eq!(send(&app, "DELETE", &one, json!({ "confirm": true })).await, (204, Value::Null));
    assert_eq!(app.get(&one).await, (404, json!({ "msg": "network not found" })));
    let entries = app.get("/audit?action=remove_network").await.1;
    assert_eq!(entries["data"][0]["before"]["bridge"], "br1");

    let other = rows::spare_hypervisor(&app, company.group).await;
    let elsewhere = format!("/compute/hypervisors/{other}/networks/{}", nat["id"]);
    for method in ["GET", "PUT", "DELETE"] {
        let answer = send(&app, method, &elsewhere, json!({})).await;
        assert_eq!(answer, (404, json!({ "msg": "network not found" })), "{method}: another node's");
    }
    assert_eq!(app.get("/compute/hypervisors/999/networks").await.0, 404);
}

async fn a_network_in_use_stays_and_says_by_how_much(database: Database) {
    let (app, company, path) = world(database).await;
    let server = company.server(&app).await;
    let network = made(&app, &path, json!({ "name": "Customers", "bridge": "br1" })).await;
    let one = format!("{path}/{}", network["id"]);
    let interfaces = format!("/servers/{server}/interfaces");
    for _ in 0..2 {
        made(&app, &interfaces, json!({ "hypervisorNetworkId": network["id"] })).await;
    }
    let bind = format!("/compute/hypervisors/{}/ipblocks/1", company.hypervisors[0]);
    assert_eq!(send(&app, "PUT", &bind, json!({ "networkId": network["id"] })).await.0, 200);
    let answer = send(&app, "DELETE", &one, json!({ "confirm": true })).await;
    assert!(refusal(&answer).contains("2 interfaces of servers are attached to it, and 1 IP blocks"), "{}", answer.1);
    let answer = send(&app, "PUT", &one, json!({ "bridge": "nat0" })).await;
    assert!(refusal(&answer).contains("2 interfaces"), "{}", answer.1);
    let before = generation(&app, server).await;
    assert_eq!(send(&app, "PUT", &one, json!({ "name": "Others" })).await.0, 200);
    assert_eq!(generation(&app, server).await, before, "nodes are told of no names");
    assert_eq!(send(&app, "PUT", &one, json!({ "mtu": 1400 })).await.0, 200);
    assert_eq!(generation(&app, server).await, before + 1);
    let primary = format!("{path}/{}", app.get(&path).await.1["data"][0]["id"]);
    let answer = send(&app, "DELETE", &primary, json!({ "confirm": true })).await;
    assert!(refusal(&answer).contains("primary network"), "{}", answer.1);
    let answer = send(&app, "PUT", &primary, json!({ "name": "Renamed" })).await;
    assert!(refusal(&answer).contains("name of the primary"), "{}", answer.1);
}

async fn only_what_the_nodes_owner_allows_becomes_a_network(database: Database) {
    let (app, _, path) = world(database).await;
    let twice = app.post(&path, json!({ "name": "Twice", "bridge": "br0" })).await;
    let told_so = "The bridge is a network of the hypervisor already.";
    assert_eq!((twice.0, &twice.1["msg"]), (409, &json!(told_so)));
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "ab", "bridge": "br1" }), "name"),
        (json!({ "name": "a".repeat(31), "bridge": "br1" }), "name"),
        (json!({ "name": "Customers", "bridge": "" }), "bridge"),
        (json!({ "name": "Customers", "bridge": "br9" }), "bridge"),
        (json!({ "name": "Customers", "bridge": "br2" }), "not there on the node"),
        (json!({ "name": "Customers", "bridge": "br1; reboot" }), "bridge"),
        (json!({ "name": "Customers", "bridge": "a-name-that-is-too-long" }), "bridge"),
        (json!({ "name": "Customers", "bridge": "br1", "mtu": 1279 }), "mtu"),
        (json!({ "name": "Customers", "bridge": "br1", "mtu": 9001 }), "at most 9000, the bridge's"),
        (json!({ "name": "Customers", "bridge": "br1", "mtu": "wide" }), "mtu"),
        (json!({ "name": "Customers", "bridge": "br1", "type": "macVTap" }), "type"),
        (json!({ "name": "Customers", "bridge": "br1", "type": "lvNatv1" }), "does not translate"),
        (json!({ "name": "Customers", "bridge": "br1", "type": "lvNetwork" }), "does not route"),
        (json!({ "name": "Customers", "bridge": "rt0" }), "routes to single addresses"),
        (json!({ "name": "Customers", "bridge": "br1", "vlan": 7 }), "vlan"),
        (json!({ "name": "Customers", "bridge": "br1", "type": "lvBridgeOVS" }), "is not a bridge of Open vSwitch"),
        (json!({ "name": "Customers", "bridge": "ovs0" }), "ovs0 is a bridge of Open vSwitch"),
        (json!({ "name": "Customers", "bridge": "ovs0", "type": "lvNatv1" }), "type can't be lvNatv1"),
        (json!({ "name": "Customers", "bridge": "ovs1", "type": "lvBridgeOVS" }), "ovs-vswitchd does not answer."),
        (json!({ "name": "Customers", "bridge": "vmbr7", "type": "lvBridgeOVS" }), "type must be simpleBridge"),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
    let listed = refusal(&app.post(&path, json!({ "name": "Customers", "bridge": "br9" })).await);
    assert!(listed.contains("br0, br1, br2, nat0, rt0, ovs0, ovs1"), "{listed}");
    let routed = json!({ "name": "Routed", "bridge": "rt0", "type": "lvNetwork" });
    assert_eq!(made(&app, &path, routed).await["type"], "lvNetwork");
}

async fn a_bridge_of_the_owners_prefix_is_made_by_the_node(database: Database) {
    let (app, _, path) = world(database).await;
    let queued = async || app.get("/queue?kind=networks").await.1["total"].clone();
    let network = made(&app, &path, json!({ "name": "Customers", "bridge": "vmbr7" })).await;
    assert_eq!((&network["made"], queued().await), (&json!(true), json!(1)));
    let one = format!("{path}/{}", network["id"]);
    assert_eq!(send(&app, "PUT", &one, json!({ "name": "Others" })).await.0, 200);
    assert_eq!(queued().await, 1, "nodes are told of no names");
    assert_eq!(send(&app, "PUT", &one, json!({ "mtu": 9000 })).await.0, 200, "the node makes it so");
    assert_eq!(queued().await, 2);
    let (status, changed) = send(&app, "PUT", &one, json!({ "bridge": "br1" })).await;
    assert_eq!((status, &changed["data"]["made"], queued().await), (200, &json!(false), json!(3)));
    let (status, changed) = send(&app, "PUT", &one, json!({ "bridge": "vmbr8" })).await;
    assert_eq!((status, &changed["data"]["made"], queued().await), (200, &json!(true), json!(4)));
    assert_eq!(send(&app, "DELETE", &one, json!({ "confirm": true })).await.0, 204);
    assert_eq!(queued().await, 5);
    for (body, field) in [
        (json!({ "name": "Customers", "bridge": "vmbr7", "type": "lvNatv1" }), "type"),
        (json!({ "name": "Customers", "bridge": "vmbr7", "mtu": 1000 }), "mtu"),
        (json!({ "name": "Customers", "bridge": "vmbr 7" }), "bridge"),
        (json!({ "name": "Customers", "bridge": "vmb7" }), "bridge"),
    ] {
        let answer = app.post(&path, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
}

/// The node says this of its bridge `ovs0` from now on; empty: it is good.
async fn tell_of_switch(app: &App, hypervisor: i64, trouble: &str) {
    rows::told_of_bridge(app, hypervisor, "ovs0", json!({ "trouble": trouble })).await;
}

async fn a_bridge_of_open_vswitch_is_used_while_its_node_finds_it_good(database: Database) {
    let (app, company, path) = world(database).await;
    let node = company.hypervisors[0];
    let server = company.server(&app).await;
    let network = made(&app, &path, json!({ "name": "Switch", "bridge": "ovs0", "type": "lvBridgeOVS" })).await;
    assert_eq!(network["type"], "lvBridgeOVS");
    let one = format!("{path}/{}", network["id"]);
    let interfaces = format!("/servers/{server}/interfaces");
    let wanted = json!({ "hypervisorNetworkId": network["id"] });
    let second = made(&app, &interfaces, wanted.clone()).await;
    let vlan = app.post(&format!("{interfaces}/{}/vlans", second["tag"]), json!({ "vlan": 100 })).await;
    assert_eq!(vlan.0, 201, "{}", vlan.1);
    let third = made(&app, &interfaces, json!({ "hypervisorNetworkId": 1 })).await;

    tell_of_switch(&app, node, "Open vSwitch has no bridge ovs0.").await;
    let third = format!("{interfaces}/{}", third["tag"]);
    for refused in [app.post(&interfaces, wanted.clone()).await, send(&app, "PUT", &third, wanted.clone()).await] {
        assert!(refusal(&refused).contains("can't be used now. Open vSwitch has no bridge ovs0."), "{}", refused.1);
    }
    let (status, body) = app.post("/servers?dryRun=true", company.order()).await;
    assert_eq!(status, 200, "new servers go to another network: {body}");
    assert_eq!(send(&app, "PUT", &one, json!({ "default": true })).await.0, 200);
    for block in [1, 2] {
        let bound = format!("/compute/hypervisors/{node}/ipblocks/{block}");
        assert_eq!(send(&app, "PUT", &bound, json!({ "networkId": network["id"] })).await.0, 200);
    }
    let said = "Hypervisor hv0 can't use its bridge of Open vSwitch now; its self-test says why.";
    for path in ["/servers?dryRun=true", "/servers"] {
        let refused = app.post(path, company.order()).await;
        assert_eq!((refused.0, &refused.1["errors"]), (422, &json!([said])), "{path}");
    }
    let fits = format!("/compute/hypervisors/groups/{}/fits?packageId={}", company.group, company.package);
    assert_eq!(app.get(&fits).await.1["data"]["hypervisors"][0]["limitedBy"], json!(["networkFails"]));
    tell_of_switch(&app, node, "").await;
    assert_eq!(send(&app, "PUT", &third, wanted).await.0, 200);
    assert_eq!(app.post("/servers", company.order()).await.0, 201);
}

async fn a_server_gets_and_loses_a_further_interface(database: Database) {
    let (app, company, path) = world(database).await;
    let server = company.server(&app).await;
    let network = made(&app, &path, json!({ "name": "Customers", "bridge": "br1", "mtu": 1400 })).await;
    let interfaces = format!("/servers/{server}/interfaces");
    let before = generation(&app, server).await;
    let wanted = json!({ "hypervisorNetworkId": network["id"], "driver": 1, "processQueues": 4, "inAverage": 100,
                         "outAverage": "200", "portIsolated": true, "packetsPerSecond": 5000 });
    let second = made(&app, &interfaces, wanted).await;
    assert_eq!(generation(&app, server).await, before + 1);
    let read = |field: &str| second[field].clone();
    assert_eq!((read("type"), read("name"), read("order")), (json!("private"), json!("eth1"), json!(2)));
    assert_eq!((read("inAverage"), read("outAverage")), (json!(100), json!(200)));
    assert_eq!((read("processQueues"), read("portIsolated"), read("linkUp")), (json!(4), json!(true), json!(true)));
    assert_eq!((read("mtu"), read("ipv4"), read("ipv6")), (Value::Null, json!([]), json!([])));
    assert_eq!(second["hypervisorConnectivity"]["bridge"], "br1");
    let (_, whole) = app.get(&format!("/servers/{server}")).await;
    assert_eq!(whole["data"]["network"]["secondaryInterfaces"], json!([second]));
    assert_eq!(app.get(&format!("{interfaces}/secondary")).await.1["data"], second);

    // No block serves its network yet.
    let v4 = format!("{interfaces}/secondary/ipv4");
    assert!(refusal(&app.post(&v4, json!({ "quantity": 1 })).await).contains("fewer than 1"));
    let bind = format!("/compute/hypervisors/{}/ipblocks", company.hypervisors[0]);
    for block in [1, 2] {
        let moved = send(&app, "PUT", &format!("{bind}/{block}"), json!({ "networkId": network["id"] })).await;
        assert_eq!(moved.0, 200, "{}", moved.1);
    }
    assert_eq!(app.post(&v4, json!({ "quantity": 2 })).await.1["data"], json!(["192.0.2.2", "192.0.2.3"]));
    let subnet = app.post(&format!("{interfaces}/secondary/ipv6"), json!({})).await.1["data"].clone();
    assert_eq!(subnet, "2001:db8:0:2::/64");
    let passed = json!({ "ip": "10.0.0.0", "cidr": 8, "interface": "secondary" });
    assert_eq!(app.post(&format!("/servers/{server}/networkWhitelist"), passed).await.0, 201);
    let copied = app.post(&format!("/servers/{server}/firewall/secondary/rulesets"), json!({ "rulesetId": 1 })).await;
    assert_eq!(copied.0, 200, "{}", copied.1);

    let one = format!("{interfaces}/{}", second["tag"]);
    assert!(refusal(&send(&app, "DELETE", &one, json!({})).await).contains("confirm"));
    let before = generation(&app, server).await;
    assert_eq!(send(&app, "DELETE", &one, json!({ "confirm": true })).await, (204, Value::Null));
    assert_eq!(generation(&app, server).await, before + 1);
    assert_eq!(app.get(&one).await, (404, json!({ "msg": "interface not found" })));
    let (_, held) = app.get("/connectivity/ipblocks/1/ipv4?assigned=true").await;
    assert_eq!(held["total"], 1, "the primary interface's alone");
    let primary = send(&app, "DELETE", &format!("{interfaces}/primary"), json!({ "confirm": true })).await;
    assert!(refusal(&primary).contains("primary interface"), "{}", primary.1);
    // The place is free, and tags are never the same again.
    let again = made(&app, &interfaces, json!({ "hypervisorNetworkId": network["id"] })).await;
    assert_eq!((&again["order"], again["tag"] == second["tag"]), (&json!(2), false));
}

async fn an_interface_is_bounded_isolated_and_unplugged(database: Database) {
    let (app, company, _) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/interfaces/primary");
    let change = json!({ "portIsolated": true, "linkUp": false, "inBurst": 500, "outBurst": 600, "mtu": 1400,
                         "packetsPerSecond": "9000", "processQueues": 2 });
    let (status, changed) = send(&app, "PUT", &path, change.clone()).await;
    assert_eq!(status, 200, "{changed}");
    for (field, value) in change.as_object().unwrap() {
        let wanted = if value.is_string() { json!(9000) } else { value.clone() };
        assert_eq!(changed["data"][field], wanted, "{field}");
    }
    let (_, changed) = send(&app, "PUT", &path, json!({ "mtu": null, "linkUp": true })).await;
    assert_eq!((&changed["data"]["mtu"], &changed["data"]["linkUp"]), (&Value::Null, &json!(true)));
    assert_eq!((&changed["data"]["inBurst"], &changed["data"]["portIsolated"]), (&json!(500), &json!(true)));
    let entry = app.get("/audit?action=update_interface").await.1["data"][0].clone();
    assert_eq!((&entry["before"]["mtu"], &entry["after"]["mtu"]), (&json!(1400), &Value::Null));
}

/// What its node is told to tell: MAC addresses, addresses with their lengths, gateways.
async fn leases(app: &App, server: i64) -> Vec<(String, String, String)> {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let spec = berth_control::spec::trial_spec(&app.ctx, &details).unwrap();
    let all = spec.interfaces.iter().flat_map(|interface| &interface.dhcp);
    let leases: Vec<_> =
        all.map(|of| (of.mac.clone(), format!("{}/{}", of.address, of.prefix_len), of.gateway.clone())).collect();
    assert_eq!(spec.required_features.contains(&"dhcp.v1".to_owned()), !leases.is_empty());
    leases
}

async fn an_interface_is_told_its_addresses_by_dhcp_where_the_block_allows_it(database: Database) {
    let (app, company, _) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/interfaces/primary");
    let (_, shown) = app.get(&path).await;
    assert_eq!((&shown["data"]["dhcpV4"], &shown["data"]["dhcpV6"]), (&json!(0), &json!(0)));
    assert_eq!(leases(&app, server).await, []);
    let before = generation(&app, server).await;
    let (status, changed) = send(&app, "PUT", &path, json!({ "dhcpV4": true, "dhcpV6": 1 })).await;
    assert_eq!((status, generation(&app, server).await), (200, before + 1), "{changed}");
    assert_eq!((&changed["data"]["dhcpV4"], &changed["data"]["dhcpV6"]), (&json!(1), &json!(1)));
    let (_, whole) = app.get(&format!("/servers/{server}")).await;
    assert_eq!(
        (&whole["data"]["primaryNetworkDhcp4"], &whole["data"]["primaryNetworkDhcp6"]),
        (&json!(true), &json!(true))
    );
    let mac = shown["data"]["mac"].as_str().unwrap().to_lowercase();
    let lease = |mac: &str, address: &str, gateway: &str| (mac.to_owned(), address.to_owned(), gateway.to_owned());
    let four = lease(&mac, "192.0.2.1/24", "192.0.2.254");
    let six = lease(&mac, "2001:db8:0:1::1/64", "2001:db8::1");
    assert_eq!(leases(&app, server).await, [four.clone(), six.clone()]);

    // One address for each MAC address; another one has its own.
    assert_eq!(app.post(&format!("{path}/ipv4"), json!({ "quantity": 1 })).await.0, 201);
    assert_eq!(leases(&app, server).await, [four.clone(), six.clone()]);
    let (_, shown) = app.get(&path).await;
    let second = format!("{path}/ipv4/{}/mac", shown["data"]["ipv4"][1]["id"]);
    assert_eq!(app.put(&second, json!({ "mac": "02:00:5e:00:00:01" })).await.0, 200);
    let extra = lease("02:00:5e:00:00:01", "192.0.2.2/24", "192.0.2.254");
    assert_eq!(leases(&app, server).await, [four, extra, six.clone()]);

    let before = generation(&app, server).await;
    let (status, block) = send(&app, "PUT", "/connectivity/ipblocks/1", json!({ "dhcp": false })).await;
    assert_eq!((status, &block["data"]["dhcp"]), (200, &json!(0)), "{block}");
    assert_eq!((leases(&app, server).await, generation(&app, server).await), (vec![six], before + 1));
    assert_eq!(send(&app, "PUT", &path, json!({ "dhcpV6": false })).await.0, 200);
    assert_eq!(leases(&app, server).await, []);
    assert!(refusal(&send(&app, "PUT", &path, json!({ "dhcpV4": "perhaps" })).await).contains("dhcpV4"));
}

async fn an_interface_moves_to_a_network_that_serves_its_addresses(database: Database) {
    let (app, company, path) = world(database).await;
    let server = company.server(&app).await;
    let network = made(&app, &path, json!({ "name": "Customers", "bridge": "br1" })).await["id"].clone();
    let interface = format!("/servers/{server}/interfaces/primary");
    let to = |id: &Value| json!({ "hypervisorNetworkId": id });
    let refused = refusal(&send(&app, "PUT", &interface, to(&network)).await);
    assert!(refused.contains("192.0.2.1 is of an IP block") && refused.contains("2001:db8:0:1::/64"), "{refused}");
    let bind = format!("/compute/hypervisors/{}/ipblocks", company.hypervisors[0]);
    for block in [1, 2] {
        let moved = send(&app, "PUT", &format!("{bind}/{block}"), json!({ "networkId": network })).await;
        assert_eq!(moved.0, 200, "{}", moved.1);
    }
    let before = generation(&app, server).await;
    let (status, moved) = send(&app, "PUT", &interface, to(&network)).await;
    assert_eq!(status, 200, "{moved}");
    assert_eq!(moved["data"]["hypervisorConnectivity"]["bridge"], "br1");
    assert_eq!(
        (&moved["data"]["hypervisorNetwork"], &moved["data"]["ipv4"][0]["address"]),
        (&network, &json!("192.0.2.1"))
    );
    assert_eq!(generation(&app, server).await, before + 1);
    let entry = app.get("/audit?action=update_interface").await.1["data"][0].clone();
    assert_eq!(
        (&entry["before"]["hypervisorNetworkId"], &entry["after"]["hypervisorNetworkId"]),
        (&json!(1), &network)
    );
    let other = rows::spare_hypervisor(&app, company.group).await;
    let (_, elsewhere) = app.get(&format!("/compute/hypervisors/{other}/networks")).await;
    for wrong in [json!(999), elsewhere["data"][0]["id"].clone(), json!("br1")] {
        assert!(refusal(&send(&app, "PUT", &interface, to(&wrong)).await).contains("hypervisorNetworkId"), "{wrong}");
    }
}

async fn bad_interfaces_are_refused_with_the_fields_name(database: Database) {
    let (app, company, path) = world(database).await;
    let server = company.server(&app).await;
    let interfaces = format!("/servers/{server}/interfaces");
    let network = made(&app, &path, json!({ "name": "Customers", "bridge": "br1", "mtu": 1400 })).await["id"].clone();
    let other = rows::spare_hypervisor(&app, company.group).await;
    let elsewhere = format!("/compute/hypervisors/{other}/networks");
    let elsewhere = app.get(&elsewhere).await.1["data"][0]["id"].clone();
    for (mut body, field) in [
        (json!({ "hypervisorNetworkId": null }), "hypervisorNetworkId"),
        (json!({ "hypervisorNetworkId": 999 }), "hypervisorNetworkId"),
        (json!({ "hypervisorNetworkId": elsewhere }), "hypervisorNetworkId"),
        (json!({ "hypervisorNetworkId": "first" }), "hypervisorNetworkId"),
        (json!({ "driver": 0 }), "driver"),
        (json!({ "processQueues": 17 }), "processQueues"),
        (json!({ "processQueues": 0 }), "processQueues"),
        (json!({ "processQueues": 2, "driver": 2 }), "processQueues"),
        (json!({ "mtu": 1000 }), "mtu"),
        (json!({ "mtu": 1401 }), "at most 1400, the network's"),
        (json!({ "inBurst": -1 }), "inBurst"),
        (json!({ "outBurst": 1_000_001 }), "outBurst"),
        (json!({ "packetsPerSecond": 100_000_001 }), "packetsPerSecond"),
        (json!({ "portIsolated": "perhaps" }), "portIsolated"),
        (json!({ "linkUp": 7 }), "linkUp"),
        (json!({ "mac": "52:54:00:00:00:01" }), "mac"),
    ] {
        if body.get("hypervisorNetworkId").is_none() {
            body["hypervisorNetworkId"] = network.clone();
        }
        let answer = app.post(&interfaces, body.clone()).await;
        assert!(refusal(&answer).contains(field), "{body}: {}", answer.1);
    }
    for _ in 0..7 {
        made(&app, &interfaces, json!({ "hypervisorNetworkId": network })).await;
    }
    let answer = app.post(&interfaces, json!({ "hypervisorNetworkId": network })).await;
    assert!(refusal(&answer).contains("at most 8 interfaces"), "{}", answer.1);
    let missing = app.post("/servers/999/interfaces", json!({ "hypervisorNetworkId": network })).await;
    assert_eq!(missing, (404, json!({ "msg": "server not found" })));
}
