//! Building, and the root password.

use berth_store::{entity::server, testing::Database};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::{app::App, rows};

berth_store::on_both_databases!(
    a_build_is_queued_with_everything_it_needs,
    while_a_build_owns_the_server_other_work_is_told_to_wait,
    a_rebuild_replaces_the_disk_and_the_password,
    what_does_not_fit_is_refused,
    t08_job_rows_hold_no_password,
);

async fn a_build_is_queued_with_everything_it_needs(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon";
    let (_, key) = app.post("/ssh_keys", json!({ "userId": company.user, "name": "a", "publicKey": line })).await;
    let key = &key["data"]["id"];
    let order = json!({ "operatingSystemId": company.template, "name": "server 1", "hostname": "Server1.Domain.com",
        "sshKeys": [key, key], "vnc": true, "ipv6": true, "swap": "1.5", "email": 0, "unknown": [] });
    let (status, body) = app.post(&format!("/servers/{id}/build"), order).await;
    assert_eq!(status, 200, "{body}");
    let built = &body["data"];
    assert_eq!(
        (&built["state"], &built["commissionStatus"], &built["rebuild"]),
        (&json!("queued"), &json!(1), &json!(false))
    );
    assert_eq!((&built["name"], &built["hostname"]), (&json!("server 1"), &json!("server1.domain.com")));
    assert_eq!(built["sshKeys"].as_array().unwrap().len(), 1);
    let shown = &built["sshKeys"][0];
    assert_eq!(
        (&shown["type"], &shown["public"], &shown["ownerId"]),
        (&json!("OpenSSH"), &json!(line), &json!(company.user))
    );
    assert_eq!((&built["vnc"]["enabled"], &built["tasks"]["active"]), (&json!(true), &json!(true)));
    assert_eq!(built["os"]["templateName"], "Micro 1");
    let password = built["settings"]["decryptedPassword"].as_str().unwrap();
    assert_eq!(password.len(), 20);
    let (_, retrieved) = app.get(&format!("/servers/{id}")).await;
    assert_eq!(retrieved["data"]["settings"]["decryptedPassword"], password);
    let row = berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap();
    assert_eq!((row.swap_mib, row.generation), (1536, 2));
    assert!(row.password_hash.starts_with("$6$") && !row.password_enc.contains(password));
}

async fn while_a_build_owns_the_server_other_work_is_told_to_wait(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let build = format!("/servers/{id}/build");
    let order = json!({ "operatingSystemId": company.template });
    // Of builds that are asked for at once, one is taken.
    let outcomes = futures::future::join_all((0..5).map(|_| app.post(&build, order.clone()))).await;
    assert_eq!(outcomes.iter().filter(|(status, _)| *status == 200).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|(status, _)| *status == 423).count(), 4, "{outcomes:?}");
    for path in ["power/boot", "power/poweroff", "resetPassword"] {
        let (status, body) = app.post(&format!("/servers/{id}/{path}"), json!({})).await;
        assert_eq!(status, 423, "{body}");
        assert!(body["msg"].is_string());
        let owner = rows::job(&app, body["queueId"].as_i64().unwrap()).await;
        assert_eq!(owner.kind, "build");
    }
}

async fn a_rebuild_replaces_the_disk_and_the_password(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let (_, before) = app.get(&format!("/servers/{id}")).await;
    assert_eq!(before["data"]["commissionStatus"], 3);
    assert!(before["data"]["built"].is_string());
    let order = json!({ "operatingSystemId": company.template, "ipv6": false });
    let (status, body) = app.post(&format!("/servers/{id}/build"), order).await;
    assert_eq!((status, &body["data"]["rebuild"]), (200, &json!(true)));
    let (before, after) = (&before["data"], &body["data"]);
    assert_ne!(before["storage"][0]["filename"], after["storage"][0]["filename"]);
    assert_ne!(before["settings"]["decryptedPassword"], after["settings"]["decryptedPassword"]);
    let ipv6 = |server: &serde_json::Value| server["network"]["interfaces"][0]["ipv6"].as_array().unwrap().len();
    assert_eq!((ipv6(before), ipv6(after)), (1, 1), "a build takes no addresses away");
    assert_eq!(before["network"]["interfaces"][0]["ipv4"], after["network"]["interfaces"][0]["ipv4"]);
}

async fn what_does_not_fit_is_refused(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let path = format!("/servers/{id}/build");
    let (status, body) = app.post(&path, json!({ "operatingSystemId": 999 })).await;
    assert_eq!((status, &body["errors"][0]), (422, &json!("Invalid or disabled operating system template")));
    let order = json!({ "operatingSystemId": company.template, "sshKeys": [999] });
    let (status, body) = app.post(&path, order).await;
    assert_eq!((status, &body["errors"]), (422, &json!(["Invalid SSH key: 999"])));
    for (row, sentence) in [
        (server::ActiveModel { suspended: Set(true), ..Default::default() }, "The server is suspended."),
        (
            server::ActiveModel { suspended: Set(false), protected: Set(true), ..Default::default() },
            "The server is protected.",
        ),
    ] {
        rows::change(&app, id, row).await;
        let (status, body) = app.post(&path, json!({ "operatingSystemId": company.template })).await;
        assert_eq!((status, &body["msg"]), (423, &json!(sentence)));
    }
}

async fn t08_job_rows_hold_no_password(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.built_server(&app).await;
    let path = format!("/servers/{id}/resetPassword");
    let (status, body) = app.post(&path, json!({ "user": "ADMINISTRATOR", "sendMail": false })).await;
    assert_eq!(status, 200, "{body}");
    let password = body["data"]["expectedPassword"].as_str().unwrap();
    let job = rows::job(&app, body["data"]["queueId"].as_i64().unwrap()).await;
    assert_eq!(
        (job.kind.as_str(), job.payload["user"].as_str()),
        ("password", Some("root")),
        "a Linux guest has no other"
    );
    assert!(!job.payload.to_string().contains(password));
    for body in [json!({}), json!([]), json!({ "user": "root" }), json!({ "user": "" })] {
        assert_eq!(app.post(&path, body).await.0, 200);
    }
    assert_eq!(app.call("POST", &path, None).await.0, 200);
    assert_eq!(app.post(&path, json!({ "user": "toor" })).await.0, 422);
}
