//! Firewalls of servers, rulesets, and what new servers get of them.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    rows::{self, Company},
};

berth_store::on_both_databases!(
    new_servers_get_what_order_or_package_says,
    a_firewall_is_switched_and_its_rules_replaced,
    whoever_reads_a_firewall_may_have_it_given_to_the_node_again,
    single_rules_come_change_and_go,
    rulesets_are_made_changed_and_copied,
    a_server_is_put_into_quarantine_by_staff_alone,
    bad_rules_are_refused_with_the_fields_name,
);

async fn send(app: &App, method: &str, path: &str, body: Value) -> (u16, Value) {
    app.call(method, path, Some(body.to_string())).await
}

fn refusal(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 422, "{}", answer.1);
    answer.1["errors"][0].as_str().unwrap()
}

async fn world(database: Database) -> (App, Company) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    (app, company)
}

async fn generation(app: &App, server: i64) -> i64 {
    berth_store::server::by_id(app.ctx.store.read(), server).await.unwrap().unwrap().generation
}

async fn ruleset(app: &App, name: &str, ports: &[&str]) -> i64 {
    let rule = |port: &&str| json!({ "direction": "in", "action": "deny", "protocol": "tcp", "destinationPort": port });
    let rules: Vec<Value> = ports.iter().map(rule).collect();
    let (status, body) = app.post("/firewall/rulesets", json!({ "name": name, "rules": rules })).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["id"].as_i64().unwrap()
}

async fn new_servers_get_what_order_or_package_says(database: Database) {
    let (app, company) = world(database).await;
    let create = async |rulesets: Value| {
        let mut order = company.order();
        if !rulesets.is_null() {
            order["firewallRulesets"] = rulesets;
        }
        app.post("/servers", order).await
    };
    let ports = async |made: &(u16, Value)| {
        assert_eq!(made.0, 201, "{}", made.1);
        let interface = &made.1["data"]["network"]["interfaces"][0];
        let (_, firewall) = app.get(&format!("/servers/{}/firewall/{}", made.1["data"]["id"], interface["tag"])).await;
        assert_eq!(firewall["data"]["enabled"], interface["firewallEnabled"]);
        let rules = firewall["data"]["rules"].as_array().unwrap().clone();
        let ids: Vec<Value> = rules.iter().map(|rule| rule["id"].clone()).collect();
        assert_eq!(json!(ids), interface["firewall"]);
        rules.iter().map(|rule| rule["destinationPort"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let made = create(Value::Null).await;
    assert_eq!(ports(&made).await, ["25", "25"], "outbound mail is closed, on IPv4 and IPv6");
    assert_eq!(made.1["data"]["network"]["interfaces"][0]["firewallEnabled"], true);
    let forced = create(json!([-1])).await;
    assert_eq!(ports(&forced).await, [""; 0]);
    assert_eq!(forced.1["data"]["network"]["interfaces"][0]["firewallEnabled"], false);
    let web = ruleset(&app, "Web", &["80", "443"]).await;
    assert_eq!(ports(&create(json!([web, 1])).await).await.len(), 4);
    assert!(refusal(&create(json!([999])).await).contains("firewall ruleset"));
    let package = format!("/packages/{}/firewallRulesets", company.package);
    assert_eq!(app.get(&package).await.1["data"]["rulesets"], json!([1]));
    for (set, wanted) in [(json!([web]), 2), (json!([]), 0), (Value::Null, 2)] {
        assert_eq!(send(&app, "PUT", &package, json!({ "rulesets": set })).await.0, 204);
        assert_eq!(ports(&create(Value::Null).await).await.len(), wanted, "{set}");
    }
    refusal(&send(&app, "PUT", &package, json!({ "rulesets": [999] })).await);
    assert_eq!(send(&app, "PUT", "/packages/999/firewallRulesets", json!({})).await.0, 404);
}

async fn a_firewall_is_switched_and_its_rules_replaced(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/firewall/primary");
    let before = generation(&app, server).await;
    let (status, off) = app.post(&format!("{path}/disable?sync=true"), json!([])).await;
    let not_built = json!(false);
    assert_eq!((status, &off["data"]["enabled"], &off["data"]["applied"]), (200, &json!(false), &not_built));
    let (_, on) = app.post(&format!("{path}/enable"), json!({})).await;
    assert_eq!((&on["data"]["enabled"], &on["data"]["stateful"]), (&json!(true), &json!(true)));
    let web = ruleset(&app, "Web", &["80"]).await;
    for field in ["rulesets", "rules"] {
        let replaced = app.post(&format!("{path}/rules?sync=true"), json!({ field: [web, 1] })).await;
        assert_eq!(replaced, (201, Value::Null));
        assert_eq!(app.get(&path).await.1["data"]["rules"].as_array().unwrap().len(), 3, "and not six");
    }
    assert_eq!(app.post(&format!("{path}/rules"), json!({ "rulesets": [] })).await.0, 201);
    assert_eq!(app.get(&path).await.1["data"]["rules"], json!([]));
    assert_eq!(generation(&app, server).await, before + 5, "the node follows each");
    let (status, waited) = app.post(&format!("{path}/apply"), json!({})).await;
    assert_eq!((status, &waited["data"]["applied"]), (200, &not_built), "and there is nothing to wait for");
    for how in ["enable", "disable", "rules"] {
        let perhaps = app.post(&format!("{path}/{how}?sync=perhaps"), json!({ "rulesets": [] })).await;
        assert!(refusal(&perhaps).contains("sync"), "{how}");
    }
    refusal(&app.post(&format!("{path}/rules"), json!({ "rulesets": [999] })).await);
    for (path, thing) in [
        (format!("/servers/{server}/firewall/secondary"), "interface"),
        ("/servers/999/firewall/primary".to_owned(), "server"),
    ] {
        let missing = (404, json!({ "msg": format!("{thing} not found") }));
        assert_eq!(app.get(&path).await, missing);
        assert_eq!(app.post(&format!("{path}/enable"), json!({})).await, missing);
    }
}

async fn whoever_reads_a_firewall_may_have_it_given_to_the_node_again(database: Database) {
    let (app, company) = world(database).await;
    let server = company.built_server(&app).await;
    let path = format!("/servers/{server}/firewall/primary");
    let before = generation(&app, server).await;
    for read in [path.clone(), format!("{path}?sync=false")] {
        assert_eq!(app.get(&read).await.1["data"]["applied"], true);
    }
    assert_eq!(generation(&app, server).await, before, "reading changes nothing");
    let (status, read) = app.get(&format!("{path}?sync=true")).await;
    assert_eq!((status, &read["data"]["enabled"], &read["data"]["applied"]), (200, &json!(true), &json!(false)));
    assert_eq!(read["data"]["rules"].as_array().unwrap().len(), 2, "{read}");
    assert_eq!(generation(&app, server).await, before + 1);
    let (_, queue) = app.get(&format!("/queue?serverId={server}&state=queued")).await;
    assert_eq!(queue["data"][0]["action"], "modify_server", "{queue}");
    let (_, log) = app.get("/audit?action=apply_firewall").await;
    assert_eq!(log["total"], 1);
    let body = json!({ "name": "reader", "abilities": ["read"] });
    let (_, made) = app.post("/tokens", body).await;
    let reader = made["data"]["token"].as_str().unwrap();
    for (query, wanted) in [("", 200), ("?sync=0", 200), ("?sync=1", 403)] {
        assert_eq!(app.call_as(reader, "GET", &format!("{path}{query}"), None).await.0, wanted, "{query}");
    }
    assert!(refusal(&app.get(&format!("{path}?sync=perhaps")).await).contains("sync"));
    assert_eq!(generation(&app, server).await, before + 1);
}

async fn single_rules_come_change_and_go(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/firewall/primary/rules");
    assert_eq!(app.post(&path, json!({ "rulesets": [] })).await.0, 201);
    let rule = json!({ "protocol": "tcp", "direction": "in", "action": "allow", "ipType": 4, "priority": 10,
                       "sourceAddress": "192.0.2.0/24", "destinationPort": 22, "apply": true });
    let (status, made) = app.post(&path, rule.clone()).await;
    assert_eq!((status, &made["data"]["created"]), (200, &json!(true)), "{made}");
    let id = made["data"]["rule"]["id"].clone();
    let (_, same) = app.post(&path, rule).await;
    assert_eq!((&same["data"]["created"], &same["data"]["rule"]["id"]), (&json!(false), &id));
    let deny = json!({ "direction": "in", "action": "deny", "priority": 5 });
    assert_eq!(app.post(&path, deny).await.0, 200);
    let (_, list) = app.get(&path).await;
    let order: Vec<_> = list["data"].as_array().unwrap().iter().map(|rule| rule["priority"].clone()).collect();
    assert_eq!(order, [5, 10], "lower ones are judged first");
    assert_eq!(list["data"][1], made["data"]["rule"]);
    let one = format!("{path}/{id}");
    let (status, changed) = send(&app, "PUT", &one, json!({ "priority": 1, "destinationPort": "22,2222" })).await;
    assert_eq!((status, &changed["data"]["destinationPort"]), (200, &json!("22,2222")), "{changed}");
    assert_eq!((&changed["data"]["sourceAddress"], &changed["data"]["priority"]), (&json!("192.0.2.0/24"), &json!(1)));
    assert!(refusal(&send(&app, "PUT", &one, json!({ "protocol": "icmp" })).await).contains("protocol"));
    assert_eq!(app.delete(&one).await, (204, Value::Null));
    assert_eq!(app.delete(&one).await, (404, json!({ "msg": "firewall rule not found" })));
    assert_eq!(app.get(&path).await.1["data"].as_array().unwrap().len(), 1);
    let other = company.server(&app).await;
    let strange = format!("/servers/{other}/firewall/primary/rules/{}", list["data"][0]["id"]);
    assert_eq!(app.delete(&strange).await.0, 404, "another server's rule");
}

async fn rulesets_are_made_changed_and_copied(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let web = ruleset(&app, "Web", &["80"]).await;
    let path = format!("/firewall/rulesets/{web}");
    let copy = format!("/servers/{server}/firewall/primary/rulesets");
    let (status, firewall) = app.post(&copy, json!({ "rulesetId": web, "apply": true })).await;
    assert_eq!((status, firewall["data"]["rules"].as_array().unwrap().len()), (200, 3), "{firewall}");
    let change = json!({ "name": "Web and more", "default": true, "rules": [
        { "direction": "in", "action": "deny", "protocol": "udp", "destinationPort": "53" },
        { "direction": "in", "action": "deny" },
    ] });
    let (status, changed) = send(&app, "PUT", &path, change).await;
    assert_eq!((status, changed["data"]["rules"].as_array().unwrap().len()), (200, 2), "{changed}");
    assert_eq!(app.get(&path).await.1, changed);
    assert_eq!(app.get(&format!("/servers/{server}/firewall/primary")).await.1["data"]["rules"][2]["protocol"], "tcp");
    let (_, list) = app.get("/firewall/rulesets").await;
    assert_eq!((&list["total"], &list["data"][0]["name"]), (&json!(2), &json!("Outbound mail closed")));
    assert_eq!(app.post("/firewall/rulesets", json!({ "name": "Web and more" })).await.0, 409);
    assert_eq!(app.post(&copy, json!({ "rulesetId": 999 })).await.0, 404);
    refusal(&send(&app, "DELETE", &path, json!({})).await);
    assert_eq!(send(&app, "DELETE", &path, json!({ "confirm": true })).await, (204, Value::Null));
    assert_eq!(app.get(&path).await.0, 404);
    let (_, kept) = app.get(&format!("/servers/{server}/firewall/primary/rules")).await;
    assert_eq!(kept["data"].as_array().unwrap().len(), 3, "copies stay");
}

async fn a_server_is_put_into_quarantine_by_staff_alone(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/quarantine");
    let quarantined =
        async || app.get(&format!("/servers/{server}/firewall/primary")).await.1["data"]["quarantined"].clone();
    let before = generation(&app, server).await;
    assert_eq!(app.post(&path, json!({})).await, (204, Value::Null));
    assert_eq!(quarantined().await, true);
    assert_eq!(app.delete(&path).await.0, 204);
    assert_eq!((quarantined().await, generation(&app, server).await), (json!(false), before + 2));
    let body = json!({ "name": "writer", "abilities": ["read", "write"] });
    let (_, made) = app.post("/tokens", body).await;
    let writer = made["data"]["token"].as_str().unwrap();
    assert_eq!(app.call_as(writer, "POST", &path, None).await.0, 403);
    assert_eq!(app.post("/servers/999/quarantine", json!({})).await.0, 404);
}

async fn bad_rules_are_refused_with_the_fields_name(database: Database) {
    let (app, company) = world(database).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/firewall/primary/rules");
    let base = json!({ "direction": "in", "action": "deny", "protocol": "tcp" });
    for (field, wrong) in [
        ("direction", json!("both")),
        ("action", json!("reject")),
        ("protocol", json!("tcp; accept")),
        ("ipType", json!(5)),
        ("sourceAddress", json!("192.0.2.0/33")),
        ("sourceAddress", json!("any }; flush ruleset")),
        ("destinationAddress", json!("2001:db8::/129")),
        ("destinationPort", json!("80-")),
        ("destinationPort", json!("65536")),
        ("sourcePort", json!("90-80")),
        ("priority", json!(-1)),
        ("priority", json!("first")),
        ("chain", json!("input")),
    ] {
        let mut rule = base.clone();
        rule[field] = wrong.clone();
        let answer = app.post(&path, rule.clone()).await;
        assert!(refusal(&answer).contains(field), "{rule}: {}", answer.1);
        let in_set = app.post("/firewall/rulesets", json!({ "name": "Wrong", "rules": [rule] })).await;
        assert!(refusal(&in_set).contains("rules"), "{}", in_set.1);
    }
    let many = vec![base.clone(); 101];
    refusal(&app.post("/firewall/rulesets", json!({ "name": "Many", "rules": many })).await);
    refusal(&app.post("/firewall/rulesets", json!({ "name": "x" })).await);
    refusal(&app.post(&path, json!({})).await);
    let (_, list) = app.get(&path).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2, "nothing was added");
}
