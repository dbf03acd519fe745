//! Creating.

use std::collections::HashSet;

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    a_server_is_created_whole,
    additional_disks_wait_for_a_power_action,
    asset_groups_are_kept_for_when_there_are_any,
    a_dry_run_creates_nothing_and_tells_every_reason,
    nodes_are_filled_up_to_their_limits_and_not_further,
    t18_no_address_is_given_twice,
);

async fn a_server_is_created_whole(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    // As text, as some clients send numbers, with a field that is not known and a trailing slash.
    order["packageId"] = json!(company.package.to_string());
    order["memory"] = json!("1024");
    order["ipv4"] = json!(2);
    order["networkSpeedInbound"] = json!(200);
    order["firewallRulesets"] = json!([-1]);
    order["id"] = json!({});
    let (status, body) = app.post("/servers/", order).await;
    assert_eq!(status, 201, "{body}");
    let server = &body["data"];
    assert_eq!((&server["state"], &server["commissionStatus"]), (&json!("allocated"), &json!(0)));
    assert_eq!(
        server["settings"]["resources"],
        json!({ "memory": 1024, "storage": 5, "traffic": 1000, "cpuCores": 1 })
    );
    assert_eq!(server["owner"]["email"], "jon@doe.test");
    assert_eq!(server["remoteState"], false);
    assert!(server["settings"].get("decryptedPassword").is_none());
    let interface = &server["network"]["interfaces"][0];
    assert_eq!(interface["inAverage"], 200);
    assert_eq!(interface["tag"].as_i64().unwrap().to_string().len(), 10);
    let addresses = interface["ipv4"].as_array().unwrap();
    assert_eq!((&addresses[0]["address"], &addresses[1]["address"]), (&json!("192.0.2.1"), &json!("192.0.2.2")));
    assert_eq!((&addresses[1]["order"], &addresses[0]["netmask"]), (&json!(2), &json!("255.255.255.0")));
    assert_eq!(interface["ipv6"][0]["subnet"], "2001:db8:0:1::");
    assert_eq!(interface["ipv6"][0]["addresses"][0], "2001:db8:0:1::1");
    assert_eq!(server["hypervisor"]["resources"]["memory"]["allocated"], 1024);
    assert_eq!(server["hypervisor"]["resources"]["localStorage"]["allocated"], 5);
    assert_eq!(server["traffic"]["public"]["currentPeriod"]["start"], "2025-01-20T00:00:00.000000Z");
    // What create answered is what retrieve answers.
    let (status, retrieved) = app.get(&format!("/servers/{}", server["id"])).await;
    assert_eq!((status, &retrieved["data"]), (200, server));
}

async fn additional_disks_wait_for_a_power_action(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    order["additionalStorage1Enable"] = json!(true);
    order["additionalStorage1Capacity"] = json!(10);
    order["additionalStorage2Enable"] = json!(0);
    order["additionalStorage2Capacity"] = json!(20);
    let (status, body) = app.post("/servers", order).await;
    assert_eq!(status, 201, "{body}");
    let disks = body["data"]["storage"].as_array().unwrap();
    assert_eq!(disks.len(), 2);
    assert_eq!((&disks[0]["status"], &disks[0]["enabled"]), (&json!(3), &json!(true)));
    assert_eq!(
        (&disks[1]["status"], &disks[1]["enabled"], &disks[1]["drive"]),
        (&json!(1), &json!(false), &json!("b"))
    );
    let pending = &body["data"]["tasks"]["actions"]["pending"][0];
    assert_eq!(
        (&pending["action"], &pending["requires"]),
        (&json!("Create HDD (sdb)"), &json!(["boot", "restart", "shutdown", "poweroff"]))
    );
    assert_eq!(pending["payload"]["disk"]["id"], disks[1]["_id"]);
}

async fn asset_groups_are_kept_for_when_there_are_any(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    for (asked, kept) in [(json!(null), json!([])), (json!([-1]), json!([])), (json!([3, "4", 3]), json!([3, 4]))] {
        let mut order = company.order();
        order["hypervisorAssetGroups"] = asked;
        let (status, made) = app.post("/servers", order).await;
        assert_eq!((status, &made["data"]["hypervisorAssetGroups"]), (201, &kept), "{made}");
        let (_, read) = app.get(&format!("/servers/{}", made["data"]["id"])).await;
        assert_eq!((&read["data"]["hypervisorAssetGroups"], &read["data"]["hypervisorAssets"]), (&kept, &json!([])));
    }
}

async fn a_dry_run_creates_nothing_and_tells_every_reason(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 1).await;
    let (status, body) = app.post("/servers?dryRun=true", company.order()).await;
    assert_eq!(status, 200, "{body}");
    let mut order = company.order();
    order["ipv4"] = json!(2);
    let (status, body) = app.post("/servers?dryRun=1", order.clone()).await;
    assert_eq!((status, body["errors"].as_array().unwrap().len()), (422, 2), "{body}");
    assert_eq!(app.post("/servers", order).await, (422, body), "a create has the same reasons");
    assert_eq!(app.get("/servers").await.1["total"], 0);
    let (status, _) = app.post("/servers?dryRun=perhaps", company.order()).await;
    assert_eq!(status, 422);
}

async fn nodes_are_filled_up_to_their_limits_and_not_further(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 100).await;
    let limited = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        Box::pin(async move {
            use sea_orm::{ActiveValue::Set, EntityTrait};
            let row = berth_store::entity::hypervisor::ActiveModel { max_servers: Set(3), ..Default::default() };
            berth_store::entity::hypervisor::Entity::update_many().set(row).exec(tx).await.unwrap();
            Ok(())
        })
    });
    limited.await.unwrap();
    let creates = (0..10).map(|_| app.post("/servers", company.order()));
    let outcomes = futures::future::join_all(creates).await;
    let made: Vec<_> = outcomes.iter().filter(|(status, _)| *status == 201).collect();
    assert_eq!(made.len(), 6, "{outcomes:?}");
    for id in &company.hypervisors {
        assert_eq!(made.iter().filter(|(_, body)| body["data"]["hypervisorId"] == *id).count(), 3);
    }
    let (_, refused) = outcomes.iter().find(|(status, _)| *status == 422).unwrap();
    assert!(refused["errors"].as_array().unwrap().contains(&json!("Hypervisor hv0 has 3 of at most 3 servers.")));
}

async fn t18_no_address_is_given_twice(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 100).await;
    let creates = (0..200).map(|_| app.post("/servers", company.order()));
    let outcomes = futures::future::join_all(creates).await;
    let mut addresses = HashSet::new();
    let mut refused = 0;
    for (status, body) in outcomes {
        match status {
            201 => {
                let given = body["data"]["network"]["interfaces"][0]["ipv4"].as_array().unwrap();
                assert_eq!(given.len(), 1);
                assert!(addresses.insert(given[0]["address"].as_str().unwrap().to_owned()), "twice: {given:?}");
            }
            422 => {
                let has_reason = |error: &Value| error.as_str().unwrap().contains("fewer than 1 free IPv4 addresses");
                assert!(body["errors"].as_array().unwrap().iter().any(has_reason), "{body}");
                refused += 1;
            }
            _ => panic!("{status} {body}"),
        }
    }
    assert_eq!((addresses.len(), refused), (100, 100));
    assert_eq!(app.get("/servers?results=200").await.1["total"], 100);
}

/// Two control servers on one database: what holds then is what the database guards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t18_no_address_is_given_twice_by_two_control_servers() {
    let database = Database::postgres();
    let url = database.url.clone();
    let first = App::start(database).await;
    let company = rows::company(&first, 2, 30).await;
    let second = first.beside(&url).await;
    let creates =
        (0..60).map(|n| if n % 2 == 0 { &first } else { &second }).map(|app| app.post("/servers", company.order()));
    let outcomes = futures::future::join_all(creates).await;
    let mut addresses = HashSet::new();
    for (status, body) in &outcomes {
        match status {
            201 => {
                let given = &body["data"]["network"]["interfaces"][0]["ipv4"][0]["address"];
                assert!(addresses.insert(given.to_string()), "twice: {given}");
            }
            422 => {}
            _ => panic!("{status} {body}"),
        }
    }
    assert_eq!(addresses.len(), 30);
}
