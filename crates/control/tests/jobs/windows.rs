//! Servers of Windows templates: what their node is told, and the Administrator's password.

use berth_agent::{domain_xml, paths::Paths, sim};
use berth_control::jobs::Kind;
use berth_store::testing::Database;
use serde_json::json;

use crate::{
    repeat_and_kill::{Harm, each_step, run_to_end},
    sim::World,
};

berth_store::on_both_databases!(t20_the_administrators_password_is_reset_whatever_is_repeated_or_killed,);

async fn windows(world: &World) -> i64 {
    let slug = world.app.ctx.rng.letters_and_digits(8).to_lowercase();
    let template = json!({
        "slug": slug, "name": "Windows", "version": "2025", "type": "windows",
        "imageUrl": "https://images.test/windows.qcow2", "imageDigest": format!("sha256:{}", "1".repeat(64)),
    });
    let (status, made) = world.app.post("/media/templates", template).await;
    assert_eq!(status, 201, "{made}");
    let server = world.company.server(&world.app).await;
    let order = json!({ "operatingSystemId": made["data"]["id"], "sshKeys": [world.company.key] });
    let (status, built) = world.app.post(&format!("/servers/{server}/build"), order).await;
    assert_eq!(status, 200, "{built}");
    let (_, ended) = run_to_end(world, server, Harm::None, 0).await;
    assert_eq!(ended.state, "done", "{:?}", ended.error);
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_windows_guest_is_given_its_password_and_no_hash() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = windows(&world).await;
        let (_, shown) = world.app.get(&format!("/servers/{server}")).await;
        let uuid = world.uuid(server).await;
        let spec = world.node.host().servers[&uuid].applied.clone().unwrap();
        let seed = spec.seed.unwrap();
        assert_eq!((spec.os_type.as_str(), seed.root_password_hash.as_str()), ("windows", ""));
        assert_eq!(shown["data"]["settings"]["decryptedPassword"], seed.administrator_password);
        assert!(spec.required_features.contains(&"hardware.v1".to_owned()), "an older agent would make it a Linux");
    }
}

async fn t20_the_administrators_password_is_reset_whatever_is_repeated_or_killed(database: Database) {
    let world = World::start(database).await;
    // Modules ask for root on any server.
    let order = async |world: &World, server: i64| {
        let asked = json!({ "user": "ROOT" });
        let (status, body) = world.app.post(&format!("/servers/{server}/resetPassword"), asked).await;
        assert_eq!(status, 200, "{body}");
        let filter = berth_store::job::Filter { server_id: Some(server), ..Default::default() };
        let (jobs, _) = berth_store::job::page(world.app.ctx.store.read(), &filter, 0, 1).await.unwrap();
        let payload = jobs[0].payload.to_string();
        let password = body["data"]["expectedPassword"].as_str().unwrap();
        assert!(!payload.contains(password) && payload.contains("\"Administrator\""), "{payload}");
    };
    each_step(&world, Kind::Password, windows, order, async |world: &World, server, ended: &_, how: &str| {
        let ended: &berth_store::entity::job::Model = ended;
        assert_eq!(ended.state, "done", "{how}: {:?}", ended.error);
        let (_, shown) = world.app.get(&format!("/servers/{server}")).await;
        let uuid = world.uuid(server).await;
        let host = world.node.host();
        assert_eq!(shown["data"]["settings"]["decryptedPassword"], host.servers[&uuid].password_hash, "{how}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_ports_and_processors_are_shown_as_the_machine_has() {
    let world = World::start(Database::sqlite()).await;
    let mut order = world.company.order();
    order["additionalStorage1Enable"] = json!(true);
    order["additionalStorage1Capacity"] = json!(1);
    let (_, made) = world.app.post("/servers", order).await;
    let server = made["data"]["id"].as_i64().unwrap();
    let build = json!({ "operatingSystemId": world.company.template });
    assert_eq!(world.app.post(&format!("/servers/{server}/build"), build).await.0, 200);
    run_to_end(&world, server, Harm::None, 0).await;
    let (uuid, paths) = (world.uuid(server).await, Paths::new("/d"));
    for machine in ["inherit", "q35", "pc"] {
        let path = format!("/servers/{server}/hardware");
        let (status, shown) = world.app.put(&path, json!({ "machineType": machine })).await;
        assert_eq!(status, 200, "{shown}");
        if world.unfinished(server).await.is_some() {
            run_to_end(&world, server, Harm::None, 0).await;
        }
        let spec = world.node.host().servers[&uuid].applied.clone().unwrap();
        let xml = domain_xml::domain_xml(&spec, &sim::host_facts(), &paths);
        let ports = xml.matches("model=\"pcie-root-port\"").count();
        assert_eq!(shown["data"]["settings"]["pciPorts"], ports, "{machine}");
        assert_eq!(ports == 0, machine == "pc");
    }
    for (cores, places) in [(1, 8), (3, 12), (20, 64), (70, 70)] {
        let mut order = world.company.order();
        order["cpuCores"] = json!(cores);
        let (status, made) = world.app.post("/servers", order).await;
        assert_eq!(status, 201, "{made}");
        let id = made["data"]["id"].as_i64().unwrap();
        let details = berth_store::server_details::by_id(world.app.ctx.store.read(), id).await.unwrap().unwrap();
        let spec = berth_control::spec::trial_spec(&world.app.ctx, &details).unwrap();
        let xml = domain_xml::domain_xml(&spec, &sim::host_facts(), &paths);
        let topology = format!("<topology sockets=\"1\" cores=\"{places}\" threads=\"1\"");
        assert!(xml.contains(&topology), "{xml}");
        let shown = json!({ "enabled": true, "sockets": 1, "cores": places, "threads": 1, "dies": 1 });
        assert_eq!(made["data"]["cpu"]["topology"], shown);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hardware_is_judged_by_the_node_and_told_to_it() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        let server = world.company.server(&world.app).await;
        let order = json!({ "operatingSystemId": world.company.template });
        assert_eq!(world.app.post(&format!("/servers/{server}/build"), order).await.0, 200);
        run_to_end(&world, server, Harm::None, 0).await;
        let path = format!("/servers/{server}/hardware");
        let put = async |body: serde_json::Value| world.app.call("PUT", &path, Some(body.to_string())).await;
        for (body, word) in [
            (json!({ "bootOrder": [] }), "bootOrder"),
            (json!({ "bootOrder": ["hd", "hd"] }), "bootOrder"),
            (json!({ "bootOrder": ["floppy"] }), "bootOrder"),
            (json!({ "bootOrder": "hd" }), "bootOrder"),
            (json!({ "machineType": "" }), "machineType"),
            (json!({ "machineType": "../q35" }), "machineType"),
            (json!({ "machineType": "q35,accel=tcg" }), "machineType"),
            (json!({ "machineType": "microvm" }), "microvm"),
            (json!({ "cpuType": "<x/>" }), "cpuType"),
            (json!({ "cpuType": "a".repeat(65) }), "cpuType"),
            (json!({ "tpmType": 3 }), "tpmType"),
            (json!({ "tpmType": "x" }), "tpmType"),
            (json!({ "uefi": true }), "unknown field"),
        ] {
            let (status, answer) = put(body.clone()).await;
            let said = answer["errors"][0].as_str().unwrap_or_default();
            assert!(status == 422 && said.contains(word), "{body}: {status} {answer}");
        }
        let (status, answer) = put(
            json!({ "bootOrder": ["cdrom", "network"], "machineType": "pc", "cpuType": "Nehalem", "tpmType": "2" }),
        )
        .await;
        assert_eq!(status, 200, "{answer}");
        let of = &answer["data"];
        let settings = &of["settings"];
        assert_eq!((&settings["machineType"], &settings["tpmType"]), (&json!("pc"), &json!(2)));
        assert_eq!((&settings["bootOrder"], &settings["networkBoot"]), (&json!(["cdrom", "network"]), &json!(true)));
        assert_eq!(of["cpu"]["typeExact"], "Nehalem");
        run_to_end(&world, server, Harm::None, 0).await;
        let uuid = world.uuid(server).await;
        let spec = world.node.host().servers[&uuid].applied.clone().unwrap();
        assert_eq!(
            (spec.machine.as_str(), spec.tpm_version.as_str(), spec.cpu_model.as_str()),
            ("pc", "2.0", "Nehalem")
        );
        assert_eq!(spec.boot_order, ["cdrom", "network"]);
        for path in ["/servers/0/hardware", "/servers/999/hardware", "/servers/x/hardware"] {
            let answer = world.app.call("PUT", path, Some("{}".to_owned())).await;
            assert_eq!(answer, (404, json!({ "msg": "server not found" })));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tpm_is_refused_with_a_reason_where_the_node_has_none() {
    for database in [Database::sqlite(), Database::postgres()] {
        let world = World::start(database).await;
        world.node.host().without_tpms = true;
        let server = world.company.server(&world.app).await;
        let path = format!("/servers/{server}/hardware");
        let (status, answer) = world.app.put(&path, json!({ "tpmType": 2 })).await;
        let said = answer["errors"][0].as_str().unwrap_or_default();
        assert!(status == 422 && said.starts_with("The hardware is refused:") && said.contains("swtpm"), "{answer}");
        let (_, shown) = world.app.get(&format!("/servers/{server}")).await;
        assert_eq!(shown["data"]["settings"]["tpmType"], 0, "nothing was kept");

        world.node.host().without_tpms = false;
        let (status, answer) = world.app.put(&path, json!({ "tpmType": 2 })).await;
        assert_eq!((status, &answer["data"]["settings"]["tpmType"]), (200, &json!(2)), "{answer}");
    }
}
