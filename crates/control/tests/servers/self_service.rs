//! The operations of self service, right and wrong.

use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::App,
    rows::{self, Company},
    self_serving::{Customer, done, made, package, pass_minutes},
};

berth_store::on_both_databases!(
    credit_is_the_sum_of_what_was_given_and_taken,
    currencies_have_one_default,
    profiles_are_given_and_kept_while_somebody_has_them,
    users_are_made_with_profiles_and_packs,
    access_follows_profiles_where_it_is_asked_for,
    servers_are_created_within_a_profile_and_not_beyond,
    a_pack_bounds_its_servers_and_is_handled_as_one,
    an_hourly_pack_bounds_what_is_had_by_the_hour,
    what_is_wrong_is_refused_and_changes_nothing,
);

async fn world(database: Database) -> (App, Company) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 50).await;
    (app, company)
}

async fn refused(app: &App, method: &str, path: &str, body: Value, names: &str) {
    let (status, answer) = app.call(method, path, Some(body.to_string())).await;
    let shown: String = body.to_string().chars().take(120).collect();
    assert_eq!(status, 422, "{method} {path} {shown}: {answer}");
    let sentence = answer["errors"][0].as_str().unwrap_or_default();
    assert!(sentence.contains(names), "{method} {path} {shown}: {names} in {sentence}");
}

async fn credit_is_the_sum_of_what_was_given_and_taken(database: Database) {
    let (app, _) = world(database).await;
    let jane = Customer::new(&app, 7, false).await;
    assert_eq!(jane.balance(&app).await, 0);
    let add = json!({ "tokens": 100, "reference_1": "400", "reference_2": "an invoice" });
    let (status, made) = app.post(&jane.path("credit"), add).await;
    assert_eq!((status, made["data"]["id"].is_i64()), (201, true), "{made}");
    let half = jane.credit(&app, json!("0.5")).await;
    jane.credit(&app, json!(-0.25)).await;
    assert_eq!(jane.balance(&app).await, 100.25);
    assert_eq!(app.delete(&format!("/selfService/credit/{half}")).await, (204, Value::Null));
    let again = app.delete(&format!("/selfService/credit/{half}")).await;
    assert_eq!(again, (404, json!({ "msg": "credit not found" })), "once");
    assert_eq!(jane.balance(&app).await, 99.75);
    let (_, shown) = app.get(&jane.path("credit")).await;
    let credits = shown["data"]["credits"].as_array().unwrap();
    assert_eq!((&credits[2]["reference_1"], &credits[2]["reference_2"]), (&json!(400), &json!("an invoice")));
    assert_eq!(credits[1]["cancelled"], "2025-01-20T14:00:47+00:00");
    let (_, ledger) = app.get(&format!("{}?results=3", jane.path("ledger"))).await;
    let kinds: Vec<_> = ledger["data"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, &ledger["total"]), (vec!["cancellation", "credit", "credit"], &json!(4)));
    assert_eq!(app.get("/audit?action=take_credit").await.1["total"], 1, "taken credit is told apart");

    let text = json!({ "name": "John", "email": "john@doe.test", "relStr": "client-9" });
    assert_eq!(app.post("/users", text).await.0, 201);
    let by_text = "/selfService/credit/byUserExtRelationId/client-9?relStr=true";
    assert_eq!(app.post(by_text, json!({ "tokens": 1.5 })).await.0, 201);
    assert_eq!(app.get(by_text).await.1["data"]["tokens"], 1.5);
    let nobody = (404, json!({ "msg": "ext_relation_id not found" }));
    assert_eq!(app.post("/selfService/credit/byUserExtRelationId/8", json!({ "tokens": 1 })).await, nobody);
    // The books outlive the customer.
    assert_eq!(app.delete("/users/7/byExtRelation").await.0, 204);
    assert_eq!(berth_store::self_service::ledger::balance(app.ctx.store.read(), jane.id).await.unwrap(), 99_750_000);
}

async fn currencies_have_one_default(database: Database) {
    let (app, _) = world(database).await;
    let dollar = made(&app, "/selfService/currencies", json!({ "code": "usd", "value": 0.01, "prefix": "$" })).await;
    let pound = json!({ "code": "GBP", "value": "0.02", "prefix": "£" });
    let pound = made(&app, "/selfService/currencies", pound).await;
    let (status, body) = app.get("/selfService/currencies").await;
    let wanted = json!([
        { "id": dollar, "code": "USD", "value": "0.0100000000", "prefix": "$", "suffix": null, "default": true, "enabled": true },
        { "id": pound, "code": "GBP", "value": "0.0200000000", "prefix": "£", "suffix": null, "default": false, "enabled": true },
    ]);
    assert_eq!((status, &body["data"]), (200, &wanted));
    let (one, other) = (format!("/selfService/currencies/{dollar}"), format!("/selfService/currencies/{pound}"));
    assert_eq!(app.post("/selfService/currencies", json!({ "code": "USD", "value": 1 })).await.0, 409);
    refused(&app, "PUT", &one, json!({ "default": false }), "default").await;
    refused(&app, "PUT", &one, json!({ "enabled": false }), "default").await;
    refused(&app, "DELETE", &one, json!({ "confirm": true }), "default").await;
    done(&app, "PUT", &other, json!({ "default": true, "suffix": "p", "prefix": null })).await;
    done(&app, "PUT", &one, json!({ "enabled": false })).await;
    let (_, body) = app.get("/selfService/currencies").await;
    assert_eq!((&body["data"][0]["default"], &body["data"][1]["default"]), (&json!(false), &json!(true)));
    assert_eq!((&body["data"][1]["prefix"], &body["data"][1]["suffix"]), (&json!(""), &json!("p")));
    let jane = Customer::new(&app, 7, false).await;
    done(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": false, "currency": "gbp" })).await;
    done(&app, "PUT", &one, json!({ "default": true, "enabled": true })).await;
    refused(&app, "DELETE", &other, json!({ "confirm": true }), "1 users").await;
    done(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": false, "currency": null })).await;
    assert_eq!(app.remove(&other).await.0, 204);
    assert_eq!(app.remove(&one).await.0, 204, "and the last one");
}

async fn profiles_are_given_and_kept_while_somebody_has_them(database: Database) {
    let (app, company) = world(database).await;
    let jane = Customer::new(&app, 7, false).await;
    for (noun, plural) in
        [("hourlyGroupProfile", "hourlyGroupProfiles"), ("resourceGroupProfile", "resourceGroupProfiles")]
    {
        let all = format!("/selfService/{plural}");
        let new = json!({ "name": "Small", "hypervisorGroups": [company.group], "packages": [company.package], "templates": [company.template] });
        let id = made(&app, &all, new.clone()).await;
        assert_eq!(app.post(&all, new).await.0, 409);
        let one = format!("{all}/{id}");
        let (_, shown) = app.get(&one).await;
        let wanted = json!({ "id": id, "name": "Small", "enabled": true, "maxServers": 0, "hypervisorGroups": [company.group],
            "packages": [company.package], "templates": [company.template], "created": "2025-01-20T14:00:47+00:00",
            "updated": "2025-01-20T14:00:47+00:00" });
        assert_eq!(shown["data"], wanted);
        done(&app, "PUT", &one, json!({ "templates": [], "maxServers": "2" })).await;
        let (_, list) = app.get(&all).await;
        assert_eq!((&list["total"], &list["data"][0]["templates"]), (&json!(1), &json!([])));
        let theirs = jane.path(noun);
        for _ in 0..2 {
            assert_eq!(app.post(&theirs, json!({ "profileId": id })).await, (204, Value::Null), "twice is once");
        }
        refused(&app, "DELETE", &one, json!({ "confirm": true }), "1 users").await;
        refused(&app, "DELETE", &one, json!({}), "confirm").await;
        let (_, answer) = app.remove(&format!("/packages/{}", company.package)).await;
        assert!(answer["errors"].to_string().contains("group profiles sell this package"), "{answer}");
        let taken = format!("/selfService/{noun}/{id}/byUserExtRelationId/7");
        assert_eq!(app.delete(&taken).await, (204, Value::Null));
        assert_eq!(app.delete(&taken).await.0, 404);
        refused(&app, "POST", &theirs, json!({ "profileId": 999 }), "profileId").await;
        done(&app, "PUT", &one, json!({ "enabled": false })).await;
        refused(&app, "POST", &theirs, json!({ "profileId": id }), "disabled").await;
        assert_eq!(app.remove(&one).await.0, 204);
        assert_eq!(app.get(&one).await.0, 404);
    }
}

async fn users_are_made_with_profiles_and_packs(database: Database) {
    let (app, company) = world(database).await;
    let profile =
        |name: &str| json!({ "name": name, "hypervisorGroups": [company.group], "packages": [company.package] });
    let hourly = made(&app, "/selfService/hourlyGroupProfiles", profile("Hourly")).await;
    let resource = made(&app, "/selfService/resourceGroupProfiles", profile("Packs")).await;
    let pack = made(&app, "/selfService/hourlyResourcePacks", json!({ "name": "Four" })).await;
    let user = json!({ "name": "Jane", "email": "jane@doe.test", "extRelationId": 7, "selfService": 3,
        "selfServiceHourlyGroupProfiles": [hourly], "selfServiceResourceGroupProfiles": [resource],
        "selfServiceHourlyResourcePack": pack });
    let (status, made) = app.post("/users", user).await;
    assert_eq!(status, 201, "{made}");
    let has = async || {
        let (_, user) = app.get("/users/7/byExtRelation").await;
        let user = &user["data"];
        json!([
            user["selfServiceHourlyGroupProfiles"],
            user["selfServiceResourceGroupProfiles"],
            user["selfServiceHourlyResourcePack"]
        ])
    };
    assert_eq!(made["data"]["selfServiceHourlyGroupProfiles"], json!([hourly]));
    assert_eq!(has().await, json!([[hourly], [resource], pack]));
    let path = "/users/7/byExtRelation";
    done(&app, "PUT", path, json!({ "name": "Janet" })).await;
    assert_eq!(has().await, json!([[hourly], [resource], pack]), "what is left out stays");
    done(&app, "PUT", path, json!({ "selfServiceHourlyGroupProfiles": [], "selfServiceHourlyResourcePack": 0 })).await;
    assert_eq!(has().await, json!([[], [resource], null]));
    refused(
        &app,
        "PUT",
        path,
        json!({ "selfServiceHourlyGroupProfiles": [resource] }),
        "selfServiceHourlyGroupProfiles",
    )
    .await;
    refused(&app, "PUT", path, json!({ "selfServiceHourlyResourcePack": 99 }), "selfServiceHourlyResourcePack").await;
    assert_eq!(has().await, json!([[], [resource], null]), "and nothing is done by halves");
}

async fn access_follows_profiles_where_it_is_asked_for(database: Database) {
    let (app, company) = world(database).await;
    let jane = Customer::new(&app, 7, false).await;
    let level = async || app.get("/users/7/byExtRelation").await.1["data"]["selfService"].clone();
    let sync = async |sync: bool| done(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": sync })).await;
    let give = async |noun: &str| {
        let new = json!({ "name": noun, "hypervisorGroups": [company.group], "packages": [company.package] });
        let id = made(&app, &format!("/selfService/{noun}s"), new).await;
        done(&app, "POST", &jane.path(noun), json!({ "profileId": id })).await;
        id
    };
    let hourly = give("hourlyGroupProfile").await;
    sync(false).await;
    assert_eq!(level().await, 0, "it stays");
    sync(true).await;
    assert_eq!(level().await, 1);
    give("resourceGroupProfile").await;
    sync(true).await;
    assert_eq!(level().await, 3);
    assert_eq!(app.delete(&format!("/selfService/hourlyGroupProfile/{hourly}/byUserExtRelationId/7")).await.0, 204);
    sync(true).await;
    assert_eq!(level().await, 2);
    done(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": "0", "selfService": 1 })).await;
    assert_eq!(level().await, 1);
    refused(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": true, "selfService": 1 }), "selfService")
        .await;
}

async fn servers_are_created_within_a_profile_and_not_beyond(database: Database) {
    let (app, company) = world(database).await;
    let small = package(&app, "S", 512, 5, "7.3").await;
    let other = package(&app, "M", 1024, 5, "7.3").await;
    let jane = Customer::hourly(&app, &company, 7, &[small, company.package], true).await;
    let orders = jane.path("servers");
    let order = Customer::order(&company, small, None);
    refused(&app, "POST", &orders, order.clone(), "credit").await;
    jane.credit(&app, json!(1)).await;
    let (status, server) = app.post(&orders, order.clone()).await;
    assert_eq!((status, &server["data"]["selfService"]), (201, &json!(1)), "{server}");
    assert_eq!(server["data"]["ownerId"], jane.id);
    for (body, names) in [
        (json!({}), "package"),
        (Customer::order(&company, other, None), "package"),
        (Customer::order(&company, company.package, None), "no price"),
        (json!({ "packageId": small, "hypervisorId": 99 }), "group"),
        (Customer::order(&company, small, Some(1)), "resource packs"),
    ] {
        refused(&app, "POST", &orders, body, names).await;
    }
    let mut unknown = order.clone();
    unknown["userId"] = json!(1);
    assert_eq!(app.post(&orders, unknown).await.0, 422, "whose it is says the path");
    done(
        &app,
        "PUT",
        "/selfService/hourlyGroupProfiles/1",
        json!({ "maxServers": 2, "templates": [company.template] }),
    )
    .await;
    let mut built = order.clone();
    built["operatingSystemId"] = json!(999);
    refused(&app, "POST", &orders, built.clone(), "template").await;
    built["operatingSystemId"] = json!(company.template);
    let id = made(&app, &orders, built).await;
    refused(&app, "POST", &orders, order.clone(), "allows 2 servers").await;
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
    refused(&app, "POST", &orders, order.clone(), "allows 2 servers").await;
    done(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": false, "selfService": 2 })).await;
    refused(&app, "POST", &orders, order, "by the hour").await;
}

async fn pack_of(app: &App, company: &Company, jane: &Customer, limits: Value) -> i64 {
    let profile = json!({ "name": "Packs", "hypervisorGroups": [company.group], "packages": [company.package] });
    let profile = made(app, "/selfService/resourceGroupProfiles", profile).await;
    done(app, "POST", &jane.path("resourceGroupProfile"), json!({ "profileId": profile })).await;
    done(app, "PUT", &jane.path("access"), json!({ "syncToProfiles": true })).await;
    let pack = made(app, "/selfService/resourcePacks", json!({ "name": "Pack 2", "limits": limits })).await;
    made(app, &jane.path("resourcePack"), json!({ "packId": pack, "enabled": true })).await
}

async fn a_pack_bounds_its_servers_and_is_handled_as_one(database: Database) {
    let (app, company) = world(database).await;
    let jane = Customer::new(&app, 7, false).await;
    let limits = json!({ "total_servers": 2, "total_memory": 4096, "total_storage": 200, "total_cpu": 24,
        "total_traffic": 1_000_000, "max_memory": 512, "max_storage": 10, "max_cpu": 8, "max_traffic": 500_000 });
    let id = pack_of(&app, &company, &jane, limits.clone()).await;
    let path = format!("/selfService/resourcePack/{id}");
    let (_, shown) = app.get(&path).await;
    let share = |total: i64| json!({ "t": total, "u": 0, "f": total, "p": 0, "l": true });
    let wanted = json!({ "type": "pack", "id": id, "pid": 1, "label": null, "name": "Pack 2", "limits": limits,
        "used": { "servers": 0, "memory": 0, "storage": 0, "cpu": 0, "traffic": 0 },
        "usage": { "servers": share(2), "memory": share(4096), "storage": share(200), "cpu": share(24), "traffic": share(1_000_000) },
        "enabled": true, "userId": jane.id });
    assert_eq!(shown["data"], wanted, "as the example, and whose it is");
    done(&app, "PUT", "/selfService/resourcePacks/1", json!({ "limits": { "total_servers": 9 } })).await;
    let order = Customer::order(&company, company.package, Some(id));
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(made(&app, &jane.path("servers"), order.clone()).await);
    }
    refused(&app, "POST", &jane.path("servers"), order.clone(), "0 of 2 servers left").await;
    let (_, shown) = app.get(&format!("{path}?withServers=true")).await;
    assert_eq!(shown["data"]["usage"]["memory"], json!({ "t": 4096, "u": 1024, "f": 3072, "p": 25, "l": true }));
    let ids: Vec<_> =
        shown["data"]["servers"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, servers);

    let all = format!("/selfService/resourcePackServers/{id}");
    let are = async |field: &str| {
        let mut values = Vec::new();
        for id in &servers {
            values.push(app.get(&format!("/servers/{id}")).await.1["data"][field].clone());
        }
        values
    };
    for (word, suspended) in [("suspend", true), ("suspend", true), ("unsuspend", false)] {
        assert_eq!(app.post(&format!("{all}/{word}"), json!([])).await, (204, Value::Null));
        assert_eq!(are("suspended").await, [suspended, suspended]);
    }
    refused(&app, "DELETE", &path, json!({}), "disable").await;
    assert_eq!(app.delete(&format!("{path}?disable=true")).await, (204, Value::Null));
    refused(&app, "POST", &jane.path("servers"), order.clone(), "disabled").await;
    assert_eq!(app.put(&path, json!({ "enabled": "true" })).await, (204, Value::Null));
    assert_eq!(app.get(&path).await.1["data"]["enabled"], true);

    refused(&app, "DELETE", &format!("{all}?delay=43801"), json!({}), "delay").await;
    done(&app, "PUT", &format!("/servers/{}/modify/protected", servers[1]), json!({ "protected": true })).await;
    assert_eq!(app.delete(&all).await.0, 423);
    assert_eq!(are("deleteLevel").await, [0, 0], "all or none");
    done(&app, "PUT", &format!("/servers/{}/modify/protected", servers[1]), json!({ "protected": false })).await;
    assert_eq!(app.delete(&all).await, (204, Value::Null));
    assert_eq!(are("deleteLevel").await, [1, 1], "after half an hour");
    pass_minutes(&app, 29);
    berth_control::scheduler::due_deletions(&app.ctx).await.unwrap();
    assert_eq!(are("deleteLevel").await, [1, 1]);
    assert_eq!(app.delete(&format!("{all}?delay=0")).await, (204, Value::Null));
    assert_eq!(are("id").await, [Value::Null, Value::Null]);
    assert_eq!(app.get(&path).await.1["data"]["used"]["servers"], 2, "until they are gone");
    assert_eq!(app.delete(&format!("{path}?disable=false")).await, (204, Value::Null));
    assert_eq!(app.get(&path).await, (404, json!({ "msg": "resource pack not found" })));
}

async fn an_hourly_pack_bounds_what_is_had_by_the_hour(database: Database) {
    let (app, company) = world(database).await;
    let small = package(&app, "S", 512, 5, "7.3").await;
    let jane = Customer::hourly(&app, &company, 7, &[small], false).await;
    let pack = json!({ "name": "One", "limits": { "total_memory": 600 } });
    let pack = made(&app, "/selfService/hourlyResourcePacks", pack).await;
    assert_eq!(app.put(&jane.path("hourlyResourcePack"), json!({ "packId": pack })).await, (204, Value::Null));
    jane.server(&app, &company, small).await;
    let order = Customer::order(&company, small, None);
    refused(&app, "POST", &jane.path("servers"), order.clone(), "88 of 600 MiB of memory left").await;
    let (_, answer) = app.remove(&format!("/selfService/hourlyResourcePacks/{pack}")).await;
    assert!(answer["errors"][0].is_string(), "{answer}");
    done(&app, "PUT", &jane.path("hourlyResourcePack"), json!({ "packId": 0 })).await;
    jane.server(&app, &company, small).await;
    assert_eq!(app.remove(&format!("/selfService/hourlyResourcePacks/{pack}")).await.0, 204);
}

async fn what_is_wrong_is_refused_and_changes_nothing(database: Database) {
    let (app, company) = world(database).await;
    let jane = Customer::new(&app, 7, false).await;
    let pack = pack_of(&app, &company, &jane, json!({})).await;
    let (of_pack, price) =
        (format!("/selfService/resourcePack/{pack}"), format!("/packages/{}/price", company.package));
    let before = app.get("/audit?results=1").await.1["total"].clone();
    let long = "x".repeat(1_001);
    let (credit, hourly) = (jane.path("credit"), jane.path("hourlyGroupProfile"));
    let (packs, access) = (jane.path("resourcePack"), jane.path("access"));
    let (settings, currencies) = ("/selfService/settings", "/selfService/currencies");
    let (profiles, sold) = ("/selfService/hourlyGroupProfiles", "/selfService/resourcePacks");
    for (method, path, field, wrong) in [
        ("POST", credit.as_str(), "tokens", json!([null, 0, "0.0000001", 1e10, "many", true, [], "NaN", "1e3"])),
        ("POST", &credit, "reference_1", json!([1.5, "x", "9".repeat(20), true])),
        ("POST", &credit, "reference_2", json!([true, {}, long, "a\nb"])),
        ("POST", &hourly, "profileId", json!([null, 0, -1, 999, "x", [1]])),
        ("POST", &packs, "packId", json!([null, 0, -1, 999, "x"])),
        ("POST", &packs, "enabled", json!(["perhaps", 7])),
        ("PUT", &jane.path("hourlyResourcePack"), "packId", json!([null, -1, 999, "x"])),
        ("PUT", &access, "syncToProfiles", json!([null, "perhaps", 7])),
        ("PUT", &access, "selfService", json!([-1, 4, "x"])),
        ("PUT", &access, "currency", json!(["USD", "x", true])),
        ("PUT", &of_pack, "enabled", json!([null, "perhaps"])),
        ("PUT", settings, "monthToHourRateType", json!([0, 3, "x"])),
        ("PUT", settings, "taxStatus", json!([0, 4])),
        ("PUT", settings, "taxPercent", json!([-1, 101, "1.234", "x"])),
        ("PUT", settings, "lowCredit", json!(["x", [0], [-1], ["x"], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]])),
        ("PUT", settings, "suspendAfterHours", json!([-1, 8_785, "x"])),
        ("PUT", settings, "deleteAfterHours", json!([-1, 8_785, 24, 1])),
        ("PUT", settings, "addons", json!(["x", { "ipv4": -1 }, { "gpu": 1 }, { "cpu": 1_000_000_001 }])),
        ("PUT", settings, "unknown", json!([1])),
        ("PUT", &price, "tokens", json!([null, -1, 1_000_000_001, "x", 0.000_000_1])),
        ("POST", currencies, "code", json!([null, "US", "DOLLAR", "U$D", 7])),
        ("POST", currencies, "value", json!([null, 0, -1, "x", 1_000_001, "0.00000000001"])),
        ("POST", currencies, "prefix", json!(["x".repeat(11), true])),
        ("POST", profiles, "name", json!([null, "", "x".repeat(101)])),
        ("POST", profiles, "maxServers", json!([-1, 10_001, "x"])),
        ("POST", profiles, "hypervisorGroups", json!([[999], 7, "x"])),
        ("POST", profiles, "packages", json!([[999], [company.package, -1]])),
        ("POST", profiles, "templates", json!([[999]])),
        ("POST", sold, "name", json!([null, "", "a\u{0}b"])),
        ("POST", sold, "limits", json!(["x", { "total_servers": -1 }, { "max_cpu": 1_000_000_001 }, { "gpu": 1 }])),
    ] {
        for value in wrong.as_array().unwrap() {
            let mut body = right(path, pack, &company);
            body[field] = value.clone();
            refused(&app, method, path, body, "").await;
        }
    }
    for (what, queries) in [
        ("usage", &["period=2025-02-30", "period[]=x", "range=y", "relStr=perhaps"][..]),
        ("hourlyStats", &["period[]=2025", "range=1m"]),
        ("report", &["period=-1", "period=25", "period=x", "currency=XXX"]),
        ("statement", &["month=2025", "month=2025-13", "month=x", "format=xls"]),
        ("ledger", &["results=0", "results=201", "page=0"]),
        ("notices", &["results=x"]),
    ] {
        for query in queries {
            let (status, answer) = app.get(&format!("{}?{query}", jane.path(what))).await;
            assert!(status == 422 && answer["errors"][0].is_string(), "{what} {query}: {status} {answer}");
        }
        let nobody = format!("/selfService/{what}/byUserExtRelationId/8");
        assert_eq!(app.get(&nobody).await, (404, json!({ "msg": "ext_relation_id not found" })), "{what}");
    }
    assert_eq!(app.get("/audit?results=1").await.1["total"], before, "nothing changed");
}

/// What each takes.
fn right(path: &str, pack: i64, company: &Company) -> Value {
    match path.split('/').nth(2).unwrap() {
        "credit" => json!({ "tokens": 1 }),
        "hourlyGroupProfile" => json!({ "profileId": 1 }),
        "resourcePack" => json!({ "packId": pack, "enabled": true }),
        "hourlyResourcePack" => json!({ "packId": 0 }),
        "access" => json!({ "syncToProfiles": false }),
        "currencies" => json!({ "code": "CHF", "value": "1.5" }),
        "hourlyGroupProfiles" => json!({ "name": "New", "hypervisorGroups": [company.group] }),
        "resourcePacks" => json!({ "name": "New" }),
        _ => json!({}),
    }
}
