//! The shape of a whole server, kept in a golden file.

use berth_control::Error;
use berth_store::{
    entity::{hypervisor, hypervisor_network, ipv6_subnet, server},
    testing::Database,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::{app::App, rows};

/// Names and types of every field, with what does not change from run to run.
#[tokio::test]
async fn the_whole_server_keeps_its_shape() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    order["additionalStorage1Enable"] = json!(true);
    order["additionalStorage1Capacity"] = json!(10);
    let (_, created) = app.post("/servers", order).await;
    let id = created["data"]["id"].as_i64().unwrap();
    let build = json!({ "operatingSystemId": company.template, "sshKeys": [company.key] });
    app.post(&format!("/servers/{id}/build"), build).await;
    rows::end_jobs(&app, id).await;
    // The node tells its figures and none of this guest: what events said of its power holds.
    let details = berth_store::server_details::by_id(app.ctx.store.read(), id).await.unwrap().unwrap();
    let told = berth_proto::StatsSample { node: Some(berth_proto::NodeStats::default()), ..Default::default() };
    app.ctx.live.store(details.hypervisor.uuid, told, app.ctx.now());
    let (_, mut body) = app.get(&format!("/servers/{id}?remoteState=true")).await;
    hide_random(&mut body);
    insta::assert_json_snapshot!("whole_server", body);
    let (_, mut body) = app.get(&format!("/servers/user/{}", company.user)).await;
    hide_random(&mut body);
    insta::assert_json_snapshot!("user_servers", body);
}

/// Of a node that is reached by IPv6 and routes a single address to its guest, against one that does neither.
#[tokio::test]
async fn subnets_say_whether_they_are_routed_and_used_up_and_nodes_how_they_are_reached() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let said = async || {
        let (_, body) = app.get(&format!("/servers/{id}")).await;
        let subnet = body["data"]["network"]["interfaces"][0]["ipv6"][0].clone();
        let node = body["data"]["hypervisor"].clone();
        json!([subnet["routeNet"], subnet["exhausted"], node["forceIPv6"], node["vncListenType"]])
    };
    assert_eq!(said().await, json!([false, false, false, 0]));
    let node = company.hypervisors[0];
    let changed = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let row = hypervisor::ActiveModel { ip: Set("2001:db8:ffff::1".to_owned()), ..Default::default() };
            let of_node = hypervisor::Column::Id.eq(node);
            hypervisor::Entity::update_many().set(row).filter(of_node).exec(tx).await.unwrap();
            let row = hypervisor_network::ActiveModel { kind: Set("lvNetwork".to_owned()), ..Default::default() };
            let of_node = hypervisor_network::Column::HypervisorId.eq(node);
            hypervisor_network::Entity::update_many().set(row).filter(of_node).exec(tx).await.unwrap();
            let row = ipv6_subnet::ActiveModel { prefix_len: Set(128), ..Default::default() };
            ipv6_subnet::Entity::update_many().set(row).exec(tx).await.unwrap();
            Ok(())
        })
    });
    changed.await.unwrap();
    assert_eq!(said().await, json!([true, true, true, 0]));
}

/// Of rows, the node's facts and what specifications are made of; before the first build and after it.
#[tokio::test]
async fn settings_say_what_is_so() {
    let app = App::start(Database::sqlite()).await;
    let company = rows::company(&app, 1, 10).await;
    let node = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    assert_eq!(app.put(&node, json!({ "diskCacheType": "none" })).await.0, 200);
    let id = company.server(&app).await;
    let said = async || {
        let (_, body) = app.get(&format!("/servers/{id}")).await;
        let of = |part: &str, names: &[&str]| names.iter().map(|name| body["data"][part][name].clone()).collect();
        let settings: Vec<Value> = of("settings", &["osTemplateInstall", "bootMenu", "customISO", "securityDriver"]);
        let same: Vec<Value> = of("settings", &["uefiType", "cloudInit", "cloudInitType"]);
        let node: Vec<Value> = of("hypervisor", &["nfType", "backupStorageType", "defaultDiskCacheType"]);
        let cpu: Vec<Value> = of("cpu", &["shares"]);
        json!([settings, same, node, cpu])
    };
    let same = json!([0, true, 1]);
    assert_eq!(said().await, json!([[true, 0, 0, 2], same, [4, 0, "none"], [1024]]), "there is no drive yet");
    let build = json!({ "operatingSystemId": company.template });
    assert_eq!(app.post(&format!("/servers/{id}/build"), build).await.0, 200);
    rows::end_jobs(&app, id).await;
    assert_eq!(said().await, json!([[true, 0, 1, 2], same, [4, 0, "none"], [1024]]));
    let menu = |enabled: bool| server::ActiveModel {
        custom_xml: Set(json!({ "os": { "xml": "<bootmenu enable='yes'/>", "enabled": enabled } })),
        cpu_shares: Set(512),
        ..Default::default()
    };
    for (enabled, wanted) in [(true, 1), (false, 0)] {
        rows::change(&app, id, menu(enabled)).await;
        assert_eq!(said().await, json!([[true, wanted, 1, 2], same, [4, 0, "none"], [512]]), "{enabled}");
    }
    let details = berth_store::server_details::by_id(app.ctx.store.read(), id).await.unwrap().unwrap();
    let spec = berth_control::spec::trial_spec(&app.ctx, &details).unwrap();
    assert_eq!((spec.cpu_shares, spec.disks[0].cache.as_str()), (512, "none"), "and the node is told the same");
    assert!(spec.seed.is_some());
}

fn hide_random(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide_random),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "uuid" | "mac" | "tag" | "filename" | "encryptedPassword" | "decryptedPassword"
                        if !field.is_null() =>
                    {
                        *field = json!("[random]");
                    }
                    "port" if field.as_i64() != Some(8892) => *field = json!("[port]"),
                    "name" if field.as_str().is_some_and(|name| name.len() == 38) => *field = json!("[uuid]_n"),
                    _ => hide_random(field),
                }
            }
        }
        _ => {}
    }
}
