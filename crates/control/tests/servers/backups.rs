//! Backups of servers, and plans by which they are to be made.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{app::App, rows};

berth_store::on_both_databases!(
    a_server_has_no_backups_and_a_server_that_is_not_there_is_not_found,
    plans_are_made_changed_and_removed,
    a_server_shows_the_plan_that_it_was_given_or_that_its_package_says,
    a_plan_that_is_in_use_stays,
    wrong_plans_are_refused,
);

async fn a_server_has_no_backups_and_a_server_that_is_not_there_is_not_found(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    let path = format!("/backups/server/{id}");
    assert_eq!(app.get(&path).await, (200, json!({ "data": [] })));
    assert_eq!(app.get("/backups/server/999").await, (404, json!({ "msg": "server not found" })));
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
    assert_eq!(app.get(&path).await.0, 404, "it is being deleted");
}

async fn made(app: &App, body: Value) -> i64 {
    let (status, made) = app.post("/backups/plans", body).await;
    assert_eq!(status, 201, "{made}");
    made["data"]["id"].as_i64().unwrap()
}

async fn plans_are_made_changed_and_removed(database: Database) {
    let app = App::start(database).await;
    let nightly = made(&app, json!({ "name": " Nightly " })).await;
    let path = format!("/backups/plans/{nightly}");
    let (status, mut plan) = app.get(&path).await;
    let wanted = json!({
        "id": nightly, "name": "Nightly", "days": [1, 2, 3, 4, 5, 6, 7], "time": "03:00", "keep": 7,
        "created": "2025-01-20T14:00:47+00:00", "updated": "2025-01-20T14:00:47+00:00",
    });
    assert_eq!((status, plan["data"].take()), (200, wanted));
    made(&app, json!({ "name": "Weekly", "days": [7], "time": "23:45", "keep": "4" })).await;
    let (_, list) = app.get("/backups/plans?results=1&page=2").await;
    assert_eq!((&list["total"], &list["data"][0]["time"]), (&json!(2), &json!("23:45")));
    app.pass(1_000_000);
    let (status, changed) = app.put(&path, json!({ "days": [6, 1, 6], "keep": 30 })).await;
    let plan = &changed["data"];
    assert_eq!(
        (status, &plan["days"], &plan["keep"], &plan["time"]),
        (200, &json!([1, 6]), &json!(30), &json!("03:00"))
    );
    assert_eq!(plan["updated"], "2025-01-20T14:00:48+00:00");
    assert_eq!(app.put(&path, json!({ "name": "Weekly" })).await.0, 409);
    assert_eq!(app.delete(&path).await.0, 422, "not without a confirmation");
    assert_eq!((app.remove(&path).await.0, app.get(&path).await.0), (204, 404));
}

async fn a_server_shows_the_plan_that_it_was_given_or_that_its_package_says(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (nightly, weekly) =
        (made(&app, json!({ "name": "Nightly" })).await, made(&app, json!({ "name": "Weekly", "days": [7] })).await);
    let package = format!("/packages/{}", company.package);
    assert_eq!(app.put(&package, json!({ "backupPlanId": nightly })).await.1["data"]["backupPlanId"], nightly);
    let (_, server) = app.post("/servers", company.order()).await;
    let named = |id: i64, name: &str| json!({ "id": id, "name": name });
    assert_eq!(server["data"]["backupPlan"], named(nightly, "Nightly"), "in the answer to the creation already");
    let id = server["data"]["id"].as_i64().unwrap();
    let plan = async || {
        let (_, whole) = app.get(&format!("/servers/{id}")).await;
        let (_, own) = app.get(&format!("/servers/user/{}", company.user)).await;
        let plan = whole["data"]["backupPlan"].clone();
        assert_eq!(whole["data"]["settings"]["backupPlan"], plan["id"]);
        assert_eq!(own["data"][0]["backup_plan"], plan["id"]);
        plan
    };
    assert_eq!(plan().await, named(nightly, "Nightly"));
    for (wanted, shown) in [(weekly, named(weekly, "Weekly")), (0, json!({ "id": null, "name": null }))] {
        let answer = app.put(&format!("/servers/{id}/backups/plan/{wanted}"), json!([])).await;
        assert_eq!((answer, plan().await), ((201, Value::Null), shown));
    }
    let (_, log) = app.get("/audit?action=change_backup_plan").await;
    assert_eq!(
        (&log["data"][0]["before"], &log["data"][0]["after"]),
        (&json!({ "plan": weekly }), &json!({ "plan": null }))
    );
    let answer = app.put("/servers/999/backups/plan/0", json!({})).await;
    assert_eq!(answer, (404, json!({ "msg": "server not found" })));
}

async fn a_plan_that_is_in_use_stays(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let nightly = made(&app, json!({ "name": "Nightly" })).await;
    let (path, package) = (format!("/backups/plans/{nightly}"), format!("/packages/{}", company.package));
    assert_eq!(app.put(&package, json!({ "backupPlanId": nightly })).await.0, 200);
    let id = company.server(&app).await;
    let in_the_way = |servers: u32, packages: u32| {
        let sentence =
            format!("{servers} servers and {packages} packages have the backup plan Nightly; give them another first.");
        (422, json!({ "errors": [sentence] }))
    };
    assert_eq!(app.remove(&path).await, in_the_way(1, 1));
    assert_eq!(app.put(&package, json!({ "backupPlanId": 0 })).await.0, 200);
    assert_eq!(app.remove(&path).await, in_the_way(1, 0));
    assert_eq!(app.put(&format!("/servers/{id}/backups/plan/0"), json!({})).await.0, 201);
    assert_eq!(app.remove(&path).await.0, 204);
}

async fn wrong_plans_are_refused(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let path = format!("/backups/plans/{}", made(&app, json!({ "name": "Nightly" })).await);
    let (_, before) = app.get(&path).await;
    for (field, wrong) in [
        ("name", json!("")),
        ("name", json!("a".repeat(101))),
        ("days", json!([])),
        ("days", json!([0])),
        ("days", json!([8])),
        ("days", json!("daily")),
        ("time", json!("25:00")),
        ("time", json!("3 o'clock")),
        ("keep", json!(0)),
        ("keep", json!(1001)),
        ("cron", json!("* * * * *")),
    ] {
        let mut new = json!({ "name": "Another" });
        new[field] = wrong.clone();
        for (status, answer) in [app.post("/backups/plans", new).await, app.put(&path, json!({ field: wrong })).await] {
            let sentence = answer["errors"][0].as_str().unwrap_or_default();
            assert!(status == 422 && sentence.contains(field), "{field} {wrong}: {status} {answer}");
        }
    }
    assert_eq!(app.get(&path).await.1, before);
    assert_eq!(app.get("/backups/plans").await.1["total"], 1);
    let (status, answer) = app.put(&format!("/packages/{}", company.package), json!({ "backupPlanId": 99 })).await;
    let sentence = json!({ "errors": ["The backupPlanId must be a backup plan's id, or 0 for none."] });
    assert_eq!((status, answer), (422, sentence));
}
