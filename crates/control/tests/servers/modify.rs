//! Changes of a server that exists.

use berth_store::{
    entity::{hypervisor, user},
    testing::Database,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::{
    app::App,
    rows::{self, Company},
};

berth_store::on_both_databases!(
    what_was_changed_is_shown,
    one_job_carries_all_changes_that_wait_for_it,
    a_server_that_is_not_built_gets_no_job,
    changes_never_wait_for_other_work,
    a_node_gives_no_more_than_it_has,
    of_two_that_want_the_last_memory_one_gets_it,
    disks_only_grow,
    a_server_changes_hands_once,
    a_protected_server_says_so,
    wrong_values_change_nothing,
);

pub async fn put(app: &App, path: &str, body: Value) -> (u16, Value) {
    app.call("PUT", path, Some(body.to_string())).await
}

pub async fn shown(app: &App, id: i64) -> Value {
    app.get(&format!("/servers/{id}")).await.1["data"].take()
}

/// Jobs of the server that have not ended, by their actions, oldest first.
pub async fn queued(app: &App, id: i64) -> Vec<String> {
    berth_store::job::unfinished_actions(app.ctx.store.read(), id).await.unwrap()
}

async fn world(database: Database) -> (App, Company, i64) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 20).await;
    let id = company.built_server(&app).await;
    (app, company, id)
}

/// Changes the limits of the company's only node.
pub async fn limit(app: &App, company: &Company, row: hypervisor::ActiveModel) {
    let id = company.hypervisors[0];
    let changed = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let row = row.clone();
        Box::pin(async move {
            let it = hypervisor::Column::Id.eq(id);
            hypervisor::Entity::update_many().set(row).filter(it).exec(tx).await.unwrap();
            Ok(())
        })
    });
    changed.await.unwrap();
}

async fn what_was_changed_is_shown(database: Database) {
    let (app, _, id) = world(database).await;
    app.pass(1_000_000);
    for (path, body) in [
        ("modify/name", json!({ "name": " Server 1 ", "id": {} })),
        ("modify/memory", json!({ "memory": "1024" })),
        ("modify/cpuCores", json!({ "cores": 3 })),
        ("modify/cpuCores", json!({ "cpuCores": "4" })),
        ("modify/cpuThrottle?sync=true", json!({ "percent": 50 })),
        ("modify/storage", json!({ "drive": "A", "size": 7 })),
        ("modify/traffic", json!({ "traffic": "2000" })),
        ("modify/protected", json!({ "protected": 1 })),
        ("backupManager/access", json!({ "type": "view_restore" })),
        ("backups/plan/0", json!([])),
    ] {
        let answer = put(&app, &format!("/servers/{id}/{path}"), body).await;
        assert_eq!(answer, (201, Value::Null), "{path}");
    }
    let server = shown(&app, id).await;
    assert_eq!((&server["name"], &server["protected"]), (&json!("Server 1"), &json!(true)));
    assert_eq!(
        server["settings"]["resources"],
        json!({ "memory": 1024, "storage": 7, "traffic": 2000, "cpuCores": 4 })
    );
    assert_eq!((&server["cpu"]["cores"], &server["cpu"]["throttle"]), (&json!(4), &json!(50)));
    assert_eq!(server["storage"][0]["capacity"], 7);
    assert_eq!(server["traffic"]["public"]["currentPeriod"]["limit"], 2000);
    assert_eq!(server["backupManager"]["access"], "view_restore");
    assert_eq!(server["backupPlan"]["id"], Value::Null);
    assert_eq!(server["updated"], "2025-01-20T14:00:48+00:00");
    let resources = &server["hypervisor"]["resources"];
    let allocated = ["memory", "cpuCores", "localStorage"].map(|what| resources[what]["allocated"].clone());
    assert_eq!(allocated, [json!(1024), json!(4), json!(7)]);
    let (_, log) = app.get("/audit?action=change_memory").await;
    assert_eq!(
        (&log["data"][0]["before"], &log["data"][0]["after"]),
        (&json!({ "memory": 512 }), &json!({ "memory": 1024 }))
    );
}

async fn one_job_carries_all_changes_that_wait_for_it(database: Database) {
    let (app, _, id) = world(database).await;
    let generation =
        || async { berth_store::server::by_id(app.ctx.store.read(), id).await.unwrap().unwrap().generation };
    let before = generation().await;
    assert_eq!(put(&app, &format!("/servers/{id}/modify/name"), json!({ "name": "x" })).await.0, 201);
    assert_eq!((queued(&app, id).await.len(), generation().await), (0, before), "a name is not the node's business");
    for cores in 2..6 {
        assert_eq!(put(&app, &format!("/servers/{id}/modify/cpuCores"), json!({ "cores": cores })).await.0, 201);
    }
    assert_eq!((queued(&app, id).await, generation().await), (vec!["modify_server".to_owned()], before + 4));
    // One that runs may have read the rows already.
    let claimed = berth_control::jobs::claim(&app.ctx, "runner", 8).await.unwrap();
    assert_eq!(claimed.len(), 1);
    for memory in [600, 700] {
        assert_eq!(put(&app, &format!("/servers/{id}/modify/memory"), json!({ "memory": memory })).await.0, 201);
    }
    assert_eq!(queued(&app, id).await, ["modify_server", "modify_server"]);
    // A throttle that waits for a start has no job.
    rows::end_jobs(&app, id).await;
    for percent in [10, 20] {
        let path = format!("/servers/{id}/modify/cpuThrottle");
        assert_eq!(put(&app, &path, json!({ "percent": percent })).await.0, 201);
    }
    assert_eq!(queued(&app, id).await, [] as [&str; 0]);
    let pending = shown(&app, id).await["tasks"]["actions"]["pending"].take();
    assert_eq!(pending.as_array().unwrap().len(), 1, "{pending}");
    assert_eq!(
        (&pending[0]["action"], &pending[0]["payload"], &pending[0]["requires"], &pending[0]["collected"]),
        (
            &json!("Change CPU throttle"),
            &json!({ "percent": 20 }),
            &json!(["boot", "restart", "shutdown", "poweroff"]),
            &json!(false)
        )
    );
}

async fn a_server_that_is_not_built_gets_no_job(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    for (path, body) in [
        ("memory", json!({ "memory": 1024 })),
        ("cpuCores", json!({ "cores": 2 })),
        ("cpuThrottle?sync=1", json!({ "percent": 5 })),
        ("cpuThrottle", json!({ "percent": 5 })),
        ("storage", json!({ "drive": "a", "size": 9 })),
    ] {
        assert_eq!(put(&app, &format!("/servers/{id}/modify/{path}"), body).await.0, 201, "{path}");
    }
    let server = shown(&app, id).await;
    assert_eq!((&server["tasks"]["active"], &server["tasks"]["actions"]["pending"]), (&json!(false), &json!([])));
    assert_eq!(server["settings"]["resources"]["storage"], 9);
}

async fn changes_never_wait_for_other_work(database: Database) {
    let (app, company, id) = world(database).await;
    let build = json!({ "operatingSystemId": company.template });
    assert_eq!(app.post(&format!("/servers/{id}/build"), build.clone()).await.0, 200);
    for (path, body) in [
        ("modify/name", json!({ "name": "x" })),
        ("modify/memory", json!({ "memory": 1024 })),
        ("modify/cpuCores", json!({ "cores": 2 })),
        ("modify/cpuThrottle?sync=true", json!({ "percent": 5 })),
        ("modify/storage", json!({ "drive": "a", "size": 9 })),
        ("modify/traffic", json!({ "traffic": 1 })),
        ("owner/1", json!({})),
    ] {
        let (status, body) = put(&app, &format!("/servers/{id}/{path}"), body).await;
        assert_eq!(status, 201, "{path}: {body}");
    }
    assert_eq!(queued(&app, id).await, ["build_server", "modify_server"]);
    let (status, body) = app.post(&format!("/servers/{id}/build"), build).await;
    assert_eq!(status, 423, "{body}");
}

async fn a_node_gives_no_more_than_it_has(database: Database) {
    let (app, company, id) = world(database).await;
    company.server(&app).await;
    let limits = hypervisor::ActiveModel {
        max_memory_mib: Set(2048),
        max_cpu: Set(4),
        max_storage_gib: Set(20),
        cpu_overcommit_percent: Set(100),
        ..Default::default()
    };
    limit(&app, &company, limits).await;
    for (path, wrong, sentence, right) in [
        (
            "memory",
            json!({ "memory": 1537 }),
            "Hypervisor hv0 has 1024 MB of memory free, and 1025 more are needed.",
            json!({ "memory": 1536 }),
        ),
        (
            "cpuCores",
            json!({ "cores": 4 }),
            "Hypervisor hv0 has 2 CPU cores free, and 3 more are needed.",
            json!({ "cores": 3 }),
        ),
        (
            "storage",
            json!({ "drive": "a", "size": 16 }),
            "Hypervisor hv0 has 10 GB of storage free, and 11 more are needed.",
            json!({ "drive": "a", "size": 15 }),
        ),
    ] {
        let path = format!("/servers/{id}/modify/{path}");
        assert_eq!(put(&app, &path, wrong).await, (422, json!({ "errors": [sentence] })));
        assert_eq!(put(&app, &path, right).await.0, 201, "{path}");
    }
    let resources = shown(&app, id).await["hypervisor"]["resources"].take();
    assert_eq!((&resources["memory"]["free"], &resources["cpuCores"]["free"]), (&json!(0), &json!(0)));
    assert_eq!(put(&app, &format!("/servers/{id}/modify/memory"), json!({ "memory": 256 })).await.0, 201);
    assert_eq!(app.post("/servers", company.order()).await.0, 422, "there are no cores");
    assert_eq!(put(&app, &format!("/servers/{id}/modify/cpuCores"), json!({ "cores": 1 })).await.0, 201);
    limit(&app, &company, hypervisor::ActiveModel { max_storage_gib: Set(25), ..Default::default() }).await;
    assert_eq!(app.post("/servers", company.order()).await.0, 201, "what a server gives back is there for others");
}

async fn of_two_that_want_the_last_memory_one_gets_it(database: Database) {
    let (app, company, id) = world(database).await;
    let other = company.built_server(&app).await;
    let limits = hypervisor::ActiveModel { max_memory_mib: Set(2048), ..Default::default() };
    limit(&app, &company, limits).await;
    let wants = |id| {
        let app = &app;
        async move { put(app, &format!("/servers/{id}/modify/memory"), json!({ "memory": 1536 })).await.0 }
    };
    let mut outcomes = futures::future::join_all([wants(id), wants(other)]).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [201, 422]);
    let allocated = shown(&app, id).await["hypervisor"]["resources"]["memory"]["allocated"].take();
    assert_eq!(allocated, 2048);
}

async fn disks_only_grow(database: Database) {
    let (app, _, id) = world(database).await;
    let path = format!("/servers/{id}/modify/storage");
    for (body, sentence) in [
        (json!({ "drive": "a", "size": 4 }), "The size must be at least the 5 GB that the disk has: disks only grow."),
        (json!({ "drive": "b", "size": 9 }), "The drive must be the letter of one of the server's disks."),
        (json!({ "drive": "aa", "size": 9 }), "The drive must be one letter, a for the primary disk."),
        (json!({ "size": 9 }), "The drive field is required."),
        (json!({ "drive": "a" }), "The size field is required."),
        (json!({ "drive": "a", "size": 65_537 }), "The size must be between 1 and 65536."),
    ] {
        assert_eq!(put(&app, &path, body).await, (422, json!({ "errors": [sentence] })));
    }
    let (status, body) = put(&app, &path, json!({ "drive": "a", "size": 9, "format": "raw" })).await;
    assert!(status == 422 && body["errors"][0].as_str().unwrap().contains("format"), "{body}");
    assert_eq!(put(&app, &path, json!({ "drive": "a", "size": 5 })).await.0, 201, "it is as it is asked to be");
    assert_eq!(put(&app, &path, json!({ "drive": "a", "size": 6 })).await.0, 201);
    assert_eq!(shown(&app, id).await["storage"][0]["capacity"], 6);
}

async fn a_server_changes_hands_once(database: Database) {
    let (app, company, id) = world(database).await;
    let (_, console) = app.post(&format!("/servers/{id}/vnc"), json!({ "vnc": true })).await;
    assert!(console["data"].is_object(), "{console}");
    let path = |user: i64| format!("/servers/{id}/owner/{user}");
    let same = json!({ "errors": ["The new owner is the same as the existing owner."] });
    assert_eq!(put(&app, &path(company.user), json!({})).await, (422, same.clone()));
    assert_eq!(put(&app, &path(999), json!({})).await, (404, json!({ "msg": "user not found" })));
    let to_admin = path(1);
    let mut outcomes = futures::future::join_all((0..2).map(|_| put(&app, &to_admin, json!([])))).await;
    outcomes.sort_by_key(|(status, _)| *status);
    assert_eq!(outcomes, [(201, Value::Null), (422, same)]);
    let server = shown(&app, id).await;
    assert_eq!((&server["ownerId"], &server["owner"]["id"]), (&json!(1), &json!(1)));
    assert_eq!(app.get(&format!("/servers/user/{}", company.user)).await.1["data"], json!([]));
    assert_eq!(app.get("/servers?user=1").await.1["total"], 1);
    let token = berth_store::console_token::fresh(app.ctx.store.read(), id, "vnc", app.ctx.now()).await.unwrap();
    assert_eq!(token, None, "the owner of before has no console any more");

    let suspended = app.ctx.store.write_tx::<_, berth_control::Error>(|tx| {
        let user = company.user;
        Box::pin(async move {
            let row = user::ActiveModel { suspended: Set(true), ..Default::default() };
            user::Entity::update_many().set(row).filter(user::Column::Id.eq(user)).exec(tx).await.unwrap();
            Ok(())
        })
    });
    suspended.await.unwrap();
    let refused = json!({ "errors": ["The user is suspended."] });
    assert_eq!(put(&app, &path(company.user), json!({})).await, (422, refused));
}

async fn a_protected_server_says_so(database: Database) {
    let (app, company, id) = world(database).await;
    let path = format!("/servers/{id}/modify/protected");
    assert_eq!(put(&app, &path, json!({ "protected": "true" })).await.0, 201);
    let refused = (423, json!("The server is protected."));
    let (status, mut body) =
        app.post(&format!("/servers/{id}/build"), json!({ "operatingSystemId": company.template })).await;
    assert_eq!((status, body["msg"].take()), refused);
    let (status, mut body) = app.delete(&format!("/servers/{id}")).await;
    assert_eq!((status, body["msg"].take()), refused);
    assert_eq!(shown(&app, id).await["destroyable"], false);
    assert_eq!(put(&app, &path, json!({ "protected": false })).await.0, 201);
    for wrong in [json!({}), json!({ "protected": "maybe" }), json!({ "protected": true, "force": true })] {
        let (status, body) = put(&app, &path, wrong).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{body}");
    }
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
}

async fn wrong_values_change_nothing(database: Database) {
    let (app, _, id) = world(database).await;
    let (_, plan) = app.post("/backups/plans", json!({ "name": "Nightly" })).await;
    assert_eq!(put(&app, &format!("/servers/{id}/backups/plan/{}", plan["data"]["id"]), json!({})).await.0, 201);
    let before = shown(&app, id).await;
    let names = ["", " ", "a\nb", "a\u{0}b", "a\u{202e}b", &"a".repeat(64), &"a".repeat(1 << 19)];
    let mut wrong: Vec<(&str, Value)> = names.iter().map(|name| ("modify/name", json!({ "name": name }))).collect();
    wrong.extend([("modify/name", json!({ "name": {} })), ("modify/name", json!({ "name": ["a"] }))]);
    for (path, field, least, most) in [
        ("modify/memory", "memory", 256, 4 << 20),
        ("modify/cpuCores", "cores", 1, 600),
        ("modify/cpuThrottle?sync=true", "percent", 0, 99),
        ("modify/traffic", "traffic", 0, 999_999_999),
    ] {
        wrong.push((path, json!({})));
        for value in [json!(least - 1), json!(most + 1), json!("x"), json!(1.5), json!([1]), json!({}), json!(u64::MAX)]
        {
            wrong.push((path, json!({ field: value })));
        }
    }
    wrong.push(("modify/cpuThrottle?sync=maybe", json!({ "percent": 1 })));
    for value in [json!(null), json!(""), json!("all"), json!("FULL"), json!(1), json!({})] {
        wrong.push(("backupManager/access", json!({ "type": value })));
    }
    for (path, body) in wrong {
        let (status, answer) = put(&app, &format!("/servers/{id}/{path}"), body.clone()).await;
        let sentences = answer["errors"].as_array().is_some_and(|errors| errors.iter().all(Value::is_string));
        let body = body.to_string().chars().take(100).collect::<String>();
        assert!(status == 422 && sentences, "{path} {body}: {status} {answer}");
    }
    for plan in ["2", "5", "-1", "x", "99999999999999999999"] {
        let answer = put(&app, &format!("/servers/{id}/backups/plan/{plan}"), json!({})).await;
        assert_eq!(answer, (404, json!({ "msg": "backup plan not found" })), "{plan}");
    }
    assert_eq!(shown(&app, id).await, before);
    assert_eq!(queued(&app, id).await, [] as [&str; 0]);
}
