//! An administrator's own XML: judged by the node before it is kept, told to it afterwards.

use berth_agent::sim::Call;
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    changes::{pending, put, work},
    kinds::order_power,
    repeat_and_kill::{Harm, run_to_end},
    sim::World,
};

async fn server(world: &World) -> i64 {
    let server = world.company.server(&world.app).await;
    let order = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
    run_to_end(world, server, Harm::None, 0).await;
    server
}

async fn shown(world: &World, server: i64) -> Value {
    world.app.get(&format!("/servers/{server}")).await.1["data"]["customXML"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t17_own_xml_is_kept_only_when_its_node_would_take_it() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let id = server(&world).await;
        let path = format!("/servers/{id}/customXML");
        let before = shown(&world, id).await;
        let huge = format!("<a b='{}'/>", "c".repeat(17 << 10));
        for (field, text, word) in [
            ("features", "<pae>", "ends within"),
            ("features", "<!DOCTYPE x [<!ENTITY a 'b'>]><pae/>", "document type"),
            ("features", "<a>&xxe;</a>", "entity xxe"),
            ("features", huge.as_str(), "at most"),
            ("features", "<a>\u{7}</a>", "control characters"),
            ("domain", "<qemu:commandline/>", "not accepted"),
            ("domain", "<name>another</name>", "not accepted"),
            ("devices", "<hostdev/>", "not accepted"),
            ("devices", "<rng><backend>/dev/sda</backend></rng>", "paths"),
            ("os", "<kernel>/etc/shadow</kernel>", "not accepted"),
            ("clock", "just text", "text outside"),
        ] {
            for enabled in [true, false] {
                let mut body = json!({ field: text });
                body[format!("{field}Enabled")] = json!(enabled);
                let (status, answer) = world.app.post(&path, body).await;
                let said = answer["errors"][0].as_str().unwrap_or_default();
                assert!(status == 422 && said.contains(word), "{field} {enabled}: {status} {answer}");
            }
        }
        for body in [json!({ "features": 7 }), json!({ "osEnabled": "maybe" }), json!({ "os": ["<bios/>"] })] {
            assert_eq!(world.app.post(&path, body.clone()).await.0, 422, "{body}");
        }
        assert_eq!(shown(&world, id).await, before, "nothing was kept");
        for path in ["/servers/0/customXML", "/servers/999/customXML", "/servers/x/customXML"] {
            assert_eq!(world.app.post(path, json!({})).await, (404, json!({ "msg": "server not found" })));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_xml_reaches_the_node_only_where_it_is_switched_on() {
    let world = World::start(Database::sqlite()).await;
    let id = server(&world).await;
    let path = format!("/servers/{id}/customXML");
    let body =
        json!({ "features": "<pae/>", "featuresEnabled": 1, "os": "<bootmenu enable='yes'/>", "osEnabled": false });
    assert_eq!(world.app.post(&path, body).await, (200, json!("")));
    run_to_end(&world, id, Harm::None, 0).await;
    let told = async || {
        let uuid = world.uuid(id).await;
        world.node.host().servers[&uuid].applied.clone().unwrap().custom_xml.unwrap_or_default()
    };
    assert_eq!((told().await.features.as_str(), told().await.os.as_str()), ("<pae/>", ""));
    let kept = shown(&world, id).await;
    assert_eq!(kept["features"], json!({ "xml": "<pae/>", "enabled": true }));
    assert_eq!(kept["os"], json!({ "xml": "<bootmenu enable='yes'/>", "enabled": false }));
    assert_eq!(world.app.post(&path, json!({ "featuresEnabled": false, "osEnabled": "true" })).await.0, 200);
    run_to_end(&world, id, Harm::None, 0).await;
    assert_eq!((told().await.features.as_str(), told().await.os.as_str()), ("", "<bootmenu enable='yes'/>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_xml_and_hardware_wait_for_a_start_or_until_they_are_taken_back() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let id = server(&world).await;
        let xml = async |body: Value| {
            assert_eq!(world.app.post(&format!("/servers/{id}/customXML"), body).await.0, 200);
            work(&world, id).await;
        };
        xml(json!({ "clock": "<clock offset='localtime'/>", "clockEnabled": false })).await;
        assert_eq!(pending(&world, id).await, [] as [&str; 0], "what is switched off changes nothing");
        xml(json!({ "clockEnabled": true })).await;
        assert_eq!(pending(&world, id).await, ["Change definition"]);
        xml(json!({ "clockEnabled": false })).await;
        assert_eq!(pending(&world, id).await, [] as [&str; 0], "it is taken back");

        put(&world, id, "hardware", json!({ "machineType": "pc" })).await;
        work(&world, id).await;
        xml(json!({ "clockEnabled": true })).await;
        assert_eq!(pending(&world, id).await, ["Change definition"], "the two of them are one start");
        order_power(&world, id, "restart").await;
        let ended = work(&world, id).await;
        assert_eq!(pending(&world, id).await, [] as [&str; 0]);
        let (_, item) = world.app.get(&format!("/queue/{}", ended.id)).await;
        let applied = item["data"]["primaryActions"].as_array().unwrap().last().unwrap();
        assert_eq!(applied["data"]["applied"], json!(["Change definition"]), "{item}");
        let uuid = world.uuid(id).await;
        let host = world.node.host();
        let has = &host.servers[&uuid].guest.as_ref().expect("a guest runs").has;
        let clock = has.custom_xml.as_ref().map(|own| own.clock.as_str());
        assert_eq!((has.machine.as_str(), clock), ("pc", Some("<clock offset='localtime'/>")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_node_own_xml_is_not_kept() {
    let world = World::start(Database::sqlite()).await;
    let id = server(&world).await;
    let unavailable = tonic::Status::unavailable("away");
    world.node.faults().refusals.insert(Call::Validate, (1, unavailable));
    let path = format!("/servers/{id}/customXML");
    let (status, answer) = world.app.post(&path, json!({ "clock": "<clock offset='localtime'/>" })).await;
    assert_eq!(status, 503, "{answer}");
    assert_eq!(shown(&world, id).await["clock"]["xml"], "");
    let switches = json!({ "clockEnabled": false });
    assert_eq!(world.app.post(&path, switches).await.0, 200, "what changes nothing needs no node");
}
