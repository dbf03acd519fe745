//! Self service in the panel: what a customer may create, creates, resizes and deletes, and what is told of it.

use berth_control::{Error, self_service::meter};
use berth_store::{
    self_service::profile,
    testing::Database,
    user::{self, Change},
};
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{Browser, give_password, logged_in},
    rows::{self, Company},
    self_serving::{Customer, done, made, package, pass_minutes, pass_to},
};

berth_store::on_both_databases!(
    a_customer_creates_by_the_hour_within_credit_and_profile,
    a_server_is_resized_and_deleted_by_who_created_it,
    a_pack_bounds_what_its_owner_creates,
    billing_tells_what_was_used_and_booked,
    months_are_listed_where_something_was_booked,
);

/// Lets the company's customer create servers of its package by the hour.
pub async fn self_serving(app: &App, company: &Company) {
    done(app, "PUT", &format!("/packages/{}/price", company.package), json!({ "tokens": 730 })).await;
    let profile = json!({ "name": "Any", "hypervisorGroups": [company.group], "packages": [company.package] });
    let profile = made(app, "/selfService/hourlyGroupProfiles", profile).await;
    let (user, now) = (company.user, app.ctx.now());
    let given = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            profile::give(tx, user, profile, now).await?;
            let row = user::by_id(tx, user).await?.unwrap();
            let change = Change { self_service: Some(1), ..Change::default() };
            Ok(user::change(tx, row, change, now).await?)
        })
    });
    given.await.unwrap();
}

pub fn order(company: &Company, size: i64) -> Value {
    json!({ "name": "web", "hostname": "web.example.test", "locationId": company.group, "sizeId": size,
        "templateId": company.template, "sshKeys": [] })
}

async fn refused(browser: &mut Browser, method: &str, path: &str, body: Value, names: &str) {
    let answer = browser.call(method, path, Some(body)).await;
    let sentence = answer.body["errors"][0].as_str().unwrap_or_default();
    assert!(answer.status == 422 && sentence.contains(names), "{names}: {} {}", answer.status, answer.body);
}

/// Jane, who pays in advance for a small and a large size of 1 and 2 tokens an hour, and her browser.
async fn jane(app: &App, company: &Company) -> (Customer, Browser, [i64; 2]) {
    made(app, "/selfService/currencies", json!({ "code": "USD", "value": "0.5", "prefix": "$" })).await;
    let sizes = [package(app, "S", 512, 5, "730").await, package(app, "L", 1024, 8, "1460").await];
    let jane = Customer::hourly(app, company, 7, &sizes, true).await;
    give_password(app, jane.id).await;
    (jane, logged_in(app, "jane7@doe.test").await, sizes)
}

async fn a_customer_creates_by_the_hour_within_credit_and_profile(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (jane, mut browser, [small, large]) = jane(&app, &company).await;
    let shop = browser.get("/shop").await.body["data"].clone();
    let offer = &shop["offers"][0];
    assert_eq!((&offer["kind"], &offer["serversLeft"]), (&json!("hourly"), &json!(null)));
    assert_eq!(offer["locations"][0]["id"], company.group);
    let size = &offer["sizes"][0];
    assert_eq!((&size["id"], &size["memoryMb"], &size["diskGb"]), (&json!(small), &json!(512), &json!(5)));
    assert_eq!(size["hour"], json!({ "tokens": 1, "value": "0.5000" }));
    assert_eq!(offer["sizes"][1]["month"], json!({ "tokens": 1460, "value": "730.00" }));
    assert_eq!((&shop["credit"], &shop["prepaid"]), (&json!({ "tokens": 0, "value": "0.00" }), &json!(true)));
    assert_eq!(shop["currency"], json!({ "code": "USD", "prefix": "$", "suffix": "" }));
    let of = |location: i64| format!("/shop/templates?locationId={location}&sizeId={small}");
    let families = browser.get(&of(company.group)).await.body["data"].clone();
    assert_eq!(families[0]["templates"][0]["id"], company.template);
    assert_eq!(browser.get(&of(company.group + 1)).await.body["data"], json!([]), "where no profile allows it");

    let good = order(&company, small);
    refused(&mut browser, "POST", "/shop/servers", good.clone(), "credit of 0.000000 tokens").await;
    jane.credit(&app, json!(10)).await;
    for (field, wrong, names) in [
        ("name", json!(""), "name"),
        ("name", json!("x".repeat(64)), "name"),
        ("hostname", json!("no host"), "hostname"),
        ("templateId", json!(999), "templateId"),
        ("sshKeys", json!([company.key]), "SSH key"),
        ("locationId", json!(999), "profile"),
        ("sizeId", json!(company.package), "profile"),
        ("packId", json!(1), "packs"),
    ] {
        let mut bad = good.clone();
        bad[field] = wrong;
        refused(&mut browser, "POST", "/shop/servers", bad, names).await;
    }
    let (mut strange, mut short) = (good.clone(), good.clone());
    strange["memory"] = json!(1 << 20);
    short.as_object_mut().unwrap().remove("templateId");
    for bad in [strange, short] {
        assert_eq!(browser.call("POST", "/shop/servers", Some(bad)).await.status, 422);
    }
    assert_eq!(browser.get("/servers").await.body["data"], json!([]), "what is refused leaves nothing");

    let created = browser.call("POST", "/shop/servers", Some(good)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["data"]["password"].as_str().unwrap().len(), 20);
    let path = format!("/servers/{}", created.body["data"]["uuid"].as_str().unwrap());
    let page = browser.get(&path).await.body["data"].clone();
    assert_eq!((&page["name"], &page["hostname"]), (&json!("web"), &json!("web.example.test")));
    assert_eq!((&page["selfService"], &page["jobs"][0]["action"]), (&json!(true), &json!("build_server")));
    let audited = app.get("/audit?action=create_server").await.1;
    assert_eq!((&audited["data"][0]["actor"]["userId"], &audited["total"]), (&json!(jane.id), &json!(1)));
    let full = json!({ "maxServers": 1 });
    done(&app, "PUT", "/selfService/hourlyGroupProfiles/1", full).await;
    assert_eq!(browser.get("/shop").await.body["data"]["offers"][0]["serversLeft"], 0);
    refused(&mut browser, "POST", "/shop/servers", order(&company, large), "allows 1 servers").await;
}

async fn a_server_is_resized_and_deleted_by_who_created_it(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (jane, mut browser, [small, large]) = jane(&app, &company).await;
    jane.credit(&app, json!(10)).await;
    let created = browser.call("POST", "/shop/servers", Some(order(&company, small))).await;
    let uuid = created.body["data"]["uuid"].as_str().unwrap().to_owned();
    let (path, size) = (format!("/servers/{uuid}"), format!("/servers/{uuid}/size"));
    let sizes = browser.get(&size).await.body["data"]["sizes"].clone();
    let told = |n: usize| (sizes[n]["id"].clone(), sizes[n]["current"].clone(), sizes[n]["tooSmall"].clone());
    assert_eq!(told(0), (json!(small), json!(true), json!(false)));
    assert_eq!(told(1), (json!(large), json!(false), json!(false)));
    refused(&mut browser, "PUT", &size, json!({ "sizeId": company.package }), "profile").await;
    refused(&mut browser, "PUT", &size, json!({ "sizeId": 999 }), "package").await;
    assert_eq!(browser.call("PUT", &size, Some(json!({ "sizeId": large }))).await.status, 204);
    let page = browser.get(&path).await.body["data"].clone();
    assert_eq!((&page["memoryMb"], &page["diskGb"]), (&json!(1024), &json!(8)));
    assert_eq!(browser.get(&size).await.body["data"]["sizes"][0]["tooSmall"], true);
    refused(&mut browser, "PUT", &size, json!({ "sizeId": small }), "can't shrink").await;
    jane.credit(&app, json!(-9)).await;
    refused(&mut browser, "PUT", &size, json!({ "sizeId": large }), "first hour").await;

    // What the shop sold is the shop's to change.
    let sold = json!({ "packageId": company.package, "userId": jane.id, "hypervisorId": company.group });
    let sold = made(&app, "/servers", sold).await;
    let sold_uuid = app.get(&format!("/servers/{sold}")).await.1["data"]["uuid"].as_str().unwrap().to_owned();
    let sold_path = format!("/servers/{sold_uuid}");
    assert_eq!(browser.get(&format!("{sold_path}/size")).await.body["data"]["sizes"], json!([]));
    let resized = browser.call("PUT", &format!("{sold_path}/size"), Some(json!({ "sizeId": large }))).await;
    assert_eq!((resized.status, browser.call("DELETE", &sold_path, None).await.status), (403, 403));
    assert_eq!(browser.get(&sold_path).await.status, 200);

    let id = id_of(&app, &uuid).await;
    rows::end_jobs(&app, id).await;
    done(&app, "POST", &format!("/servers/{id}/suspend"), json!({})).await;
    assert_eq!(browser.call("DELETE", &path, None).await.status, 423, "somebody suspended it");
    done(&app, "POST", &format!("/servers/{id}/unsuspend"), json!({})).await;
    done(&app, "PUT", &format!("/servers/{id}/modify/protected"), json!({ "protected": true })).await;
    assert_eq!(browser.call("DELETE", &path, None).await.status, 423, "it is protected");
    done(&app, "PUT", &format!("/servers/{id}/modify/protected"), json!({ "protected": false })).await;
    assert_eq!(browser.call("DELETE", &path, None).await.status, 204);
    let left = browser.get("/servers").await.body["data"].clone();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["uuid"]), (1, &json!(sold_uuid)));
}

/// The id by which the Global API knows a server.
async fn id_of(app: &App, uuid: &str) -> i64 {
    let (_, list) = app.get("/servers?results=200").await;
    let row = list["data"].as_array().unwrap().iter().find(|row| row["uuid"] == uuid).cloned();
    row.unwrap()["id"].as_i64().unwrap()
}

async fn a_pack_bounds_what_its_owner_creates(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let sizes = [package(&app, "S", 512, 5, "730").await, package(&app, "L", 1024, 8, "1460").await];
    let jane = Customer::new(&app, 7, false).await;
    give_password(&app, jane.id).await;
    let profile = json!({ "name": "Packs", "hypervisorGroups": [company.group], "packages": sizes });
    let profile = made(&app, "/selfService/resourceGroupProfiles", profile).await;
    done(&app, "POST", &jane.path("resourceGroupProfile"), json!({ "profileId": profile })).await;
    done(&app, "PUT", &jane.path("access"), json!({ "syncToProfiles": true })).await;
    let limits = json!({ "total_servers": 2, "total_memory": 1024, "max_storage": 10 });
    let sold = made(&app, "/selfService/resourcePacks", json!({ "name": "Two", "limits": limits })).await;
    let pack = made(&app, &jane.path("resourcePack"), json!({ "packId": sold })).await;
    let mut browser = logged_in(&app, "jane7@doe.test").await;
    let offer = browser.get("/shop").await.body["data"]["offers"][0].clone();
    assert_eq!((&offer["kind"], &offer["sizes"][0]["hour"]), (&json!("pack"), &json!(null)));
    let in_pack = |size: i64| {
        let mut order = order(&company, size);
        order["packId"] = json!(pack);
        order
    };
    refused(&mut browser, "POST", "/shop/servers", order(&company, sizes[0]), "by the hour").await;
    let first = browser.call("POST", "/shop/servers", Some(in_pack(sizes[0]))).await;
    assert_eq!(first.status, 201, "{}", first.body);
    refused(&mut browser, "POST", "/shop/servers", in_pack(sizes[1]), "512 of 1024 MiB of memory left").await;
    let told = browser.get("/billing").await.body["data"]["packs"][0].clone();
    assert_eq!((&told["name"], &told["servers"]), (&json!("Two"), &json!({ "used": 1, "total": 2, "most": 0 })));
    assert_eq!(told["memoryMb"], json!({ "used": 512, "total": 1024, "most": 0 }));
    // What the server has itself is not in its own way.
    let size = format!("/servers/{}/size", first.body["data"]["uuid"].as_str().unwrap());
    assert_eq!(browser.call("PUT", &size, Some(json!({ "sizeId": sizes[1] }))).await.status, 204);
    refused(&mut browser, "POST", "/shop/servers", in_pack(sizes[0]), "0 of 1024 MiB of memory left").await;
}

async fn billing_tells_what_was_used_and_booked(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (jane, mut browser, [small, _]) = jane(&app, &company).await;
    done(&app, "PUT", "/selfService/settings", json!({ "lowCredit": [95], "taxStatus": 1, "taxPercent": 25 })).await;
    jane.credit(&app, json!(100)).await;
    let created = browser.call("POST", "/shop/servers", Some(order(&company, small))).await;
    let uuid = created.body["data"]["uuid"].clone();
    let before = browser.get("/billing").await.body["data"].clone();
    let january = json!([{ "month": "2025-01", "provisional": true }]);
    assert_eq!((&before["low"], &before["months"]), (&json!(false), &january));
    pass_minutes(&app, 600);
    meter::run(&app.ctx).await.unwrap();
    let now = browser.get("/billing").await.body["data"].clone();
    assert_eq!((&now["credit"], &now["low"]), (&json!({ "tokens": 90, "value": "45.00" }), &json!(true)));
    let bill = browser.get("/billing/usage").await.body["data"].clone();
    let used = json!({ "tokens": 10, "value": "5.00" });
    let server = json!({ "uuid": uuid, "name": "web", "hours": 10, "amount": used });
    assert_eq!((&bill["month"], &bill["total"], &bill["servers"]), (&json!("2025-01"), &used, &json!([server])));
    let tax = json!({ "percent": 25.0, "included": true, "amount": { "tokens": 2, "value": "1.00" } });
    assert_eq!(bill["tax"], tax);
    let page = browser.get("/billing/ledger?results=4&page=3").await.body;
    assert_eq!((&page["total"], page["data"].as_array().unwrap().len()), (&json!(11), 3));
    let (usage, credit) = (&page["data"][0], &page["data"][1]);
    assert!(page["data"].as_array().unwrap().iter().any(|line| line["kind"] == "credit"), "{usage} {credit}");
    let newest = browser.get("/billing/ledger?results=1").await.body["data"][0].clone();
    assert_eq!((&newest["server"], &newest["item"]), (&json!("web"), &json!("server")));
    assert_eq!(newest["amount"], json!({ "tokens": -1, "value": "-0.50" }));
    assert_eq!(browser.get("/billing/ledger?month=2024-12").await.body["total"], 0);
    for path in ["/billing/usage", "/billing/ledger", "/billing/statement"] {
        assert_eq!(browser.get(&format!("{path}?month=2025-13")).await.status, 422, "{path}");
    }
    let request = browser.request(reqwest::Method::GET, "/panel/api/billing/statement?month=2025-01");
    let statement = request.send().await.unwrap();
    assert_eq!(statement.headers()["content-disposition"], "attachment; filename=\"statement-2025-01.csv\"");
    assert_eq!(statement.headers()["statement-status"], "provisional");
    let (text, same) = (statement.text().await.unwrap(), app.get(&jane.path("statement")).await.1);
    assert_eq!(json!(text), same, "as the shop gets it");
    let request = browser.request(reqwest::Method::GET, "/panel/api/billing/statement?format=pdf");
    let pdf = request.send().await.unwrap();
    assert_eq!(pdf.headers()["content-type"], "application/pdf");
    let pdf = pdf.bytes().await.unwrap();
    let has = |text: &str| pdf.windows(text.len()).any(|part| part == text.as_bytes());
    for text in
        ["%PDF-", "(jane7@doe.test) Tj", "(-10.000000) Tj", "(5.00 USD) Tj", "(of which 25% tax) Tj", "(2.000000) Tj"]
    {
        assert!(has(text), "{text}");
    }
    assert_eq!(browser.get("/billing/statement?format=xls").await.status, 422);
    assert!(text.lines().last().unwrap().starts_with("closing,") && text.contains("90.000000"), "{text}");
}

/// As they are listed for somebody who logs in now.
async fn listed(app: &App) -> Vec<(String, bool)> {
    let billing = logged_in(app, "jane7@doe.test").await.get("/billing").await.body["data"].clone();
    let of = |one: &Value| (one["month"].as_str().unwrap().to_owned(), one["provisional"].as_bool().unwrap());
    billing["months"].as_array().unwrap().iter().map(of).collect()
}

async fn months_are_listed_where_something_was_booked(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (jane, ..) = jane(&app, &company).await;
    let month = |month: &str, provisional| (month.to_owned(), provisional);
    assert_eq!(listed(&app).await, [month("2025-01", true)], "this one always");
    jane.credit(&app, json!(100)).await;
    pass_to(&app, "2025-03-05T10:00:00Z");
    assert_eq!(listed(&app).await, [month("2025-03", true), month("2025-01", true)], "the meter did not run yet");
    meter::run(&app.ctx).await.unwrap();
    assert_eq!(listed(&app).await, [month("2025-03", true), month("2025-01", false)]);
    let mut browser = logged_in(&app, "jane7@doe.test").await;
    for (month, provisional) in [("2025-01", false), ("2025-02", false), ("2025-03", true), ("2025-04", true)] {
        let bill = browser.get(&format!("/billing/usage?month={month}")).await.body["data"].clone();
        assert_eq!(bill["provisional"], json!(provisional), "{month}");
    }
    let request = browser.request(reqwest::Method::GET, "/panel/api/billing/statement?month=2025-01&format=pdf");
    assert_eq!(request.send().await.unwrap().headers()["statement-status"], "final");
    // As far back as reports go.
    pass_to(&app, "2027-01-31T10:00:00Z");
    assert_eq!(listed(&app).await, [month("2027-01", true), month("2025-01", false)]);
    pass_to(&app, "2027-02-01T10:00:00Z");
    assert_eq!(listed(&app).await, [month("2027-02", true)]);
}
