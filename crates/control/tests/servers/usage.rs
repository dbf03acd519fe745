//! What customers used, shaped as the Global API's examples are.

use berth_control::self_service::meter;
use berth_store::testing::Database;
use serde_json::json;

use crate::{
    app::App,
    rows,
    self_serving::{Customer, done, made, package, pass_minutes},
};

berth_store::on_both_databases!(nothing_used_is_shaped_as_the_examples, usage_is_told_by_period_month_and_currency,);

async fn nothing_used_is_shaped_as_the_examples(database: Database) {
    let app = App::start(database).await;
    let jane = Customer::new(&app, 7, false).await;
    let (_, stats) = app.get(&format!("{}?period[]=2025-01-01&range=m", jane.path("hourlyStats"))).await;
    let currency = json!({ "code": "", "prefix": "", "suffix": "", "value": 0.0, "currentValue": 0.0 });
    let wanted = json!({ "periodId": 0, "period": "January 2025", "previousPeriod": "December 2024",
        "nextPeriod": "February 2025", "monthlyTotal": { "hours": 0, "value": "0.00", "tokens": false }, "servers": 0,
        "credit": { "value": 0 }, "currency": currency });
    assert_eq!(stats["data"], wanted);
    let (_, usage) = app.get(&format!("{}?period[]=2025-01-01", jane.path("usage"))).await;
    let none = json!({ "hours": 0, "token": 0, "tokenReal": 0 });
    let wanted = json!({ "period": "2025-01-01", "range": "month", "start": "2025-01-01T00:00:00+00:00",
        "end": "2025-01-31T23:59:59+00:00", "timezone": "UTC", "currentPeriod": true, "hoursInMonthPeriod": 744,
        "monthToHourRate": 730, "monthToHourRateType": 1, "days": 31, "hours": 744, "minutes": 44_640,
        "seconds": 2_678_400, "usageServers": none, "usageServersBillable": none, "usageAddons": none,
        "usageAddonsBillable": none, "servers": [] });
    assert_eq!(usage["data"]["periods"], json!([wanted]));
    let user = json!({ "id": jane.id, "relationalId": 7, "currency": null, "timezone": "UTC", "name": "Jane",
        "email": "jane7@doe.test" });
    assert_eq!((&usage["data"]["user"], &usage["data"]["usageServers"]), (&user, &none));
    let (_, report) = app.get(&format!("{}?period=0", jane.path("report"))).await;
    let total = json!({ "hours": false, "value": false, "tokens": false });
    let wanted = json!({ "servers": [], "serversTotal": total, "hourConversionRate": false, "monthlyTotal": total,
        "addonsTotal": { "hours": 0, "value": 0.0, "tokens": false }, "taxStatus": 3, "tax": null, "success": false,
        "history": "0", "breakdown": true, "term": "January 2025", "previousTerm": "December 2024",
        "nextTerm": "February 2025", "period": { "ymd": "2025-01-01", "start": "2025-01-01T00:00:00+00:00",
        "end": "2025-01-31T00:00:00+00:00" }, "showHourlyRate": false, "showMonthlyRate": false });
    assert_eq!(report["data"]["usage"], wanted);
    assert_eq!(report["data"]["limits"], json!({ "success": true, "packs": [] }));
    let wanted = json!({ "prefix": "", "suffix": "", "code": "", "currentValue": 0.0, "value": 0.0,
        "default": { "prefix": "", "suffix": "", "code": "" } });
    assert_eq!(report["data"]["currency"], wanted);
}

async fn usage_is_told_by_period_month_and_currency(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 50).await;
    made(&app, "/selfService/currencies", json!({ "code": "USD", "value": "0.5", "prefix": "$" })).await;
    made(&app, "/selfService/currencies", json!({ "code": "EUR", "value": "0.25", "suffix": " €" })).await;
    let settings = json!({ "addons": { "memory": 73 }, "taxStatus": 2, "taxPercent": 20, "showHourlyRate": true });
    done(&app, "PUT", "/selfService/settings", settings).await;
    // 1 and 2 an hour.
    let (small, large) = (package(&app, "S", 512, 5, "730").await, package(&app, "L", 1024, 5, "1460").await);
    let jane = Customer::hourly(&app, &company, 7, &[small, large], false).await;
    let first = jane.server(&app, &company, small).await;
    jane.server(&app, &company, large).await;
    done(&app, "PUT", &format!("/servers/{first}/modify/memory"), json!({ "memory": 2_000 })).await;
    pass_minutes(&app, 600);
    meter::run(&app.ctx).await.unwrap();
    let path = jane.path("usage");
    let (_, usage) = app.get(&format!("{path}?period=2025-01-20&range=d")).await;
    let sum = |hours: i64, tokens: i64| json!({ "hours": hours, "token": tokens, "tokenReal": tokens });
    let day = &usage["data"]["periods"][0];
    assert_eq!((&day["range"], &day["hours"], &day["currentPeriod"]), (&json!("day"), &json!(24), &json!(false)));
    assert_eq!((&day["usageServers"], &day["usageAddons"]), (&sum(20, 30), &sum(10, 2)), "two begun GiB of 0.1");
    assert_eq!((&day["servers"][0]["id"], &day["servers"][0]["usageServersBillable"]), (&json!(first), &sum(10, 10)));
    let periods = "period[]=2025-01-06&period[]=2025-01-20&range=w";
    let (_, usage) = app.get(&format!("{path}?{periods}")).await;
    assert_eq!(usage["data"]["periods"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&usage["data"]["periods"][0]["usageServers"], &usage["data"]["usageServers"]),
        (&sum(0, 0), &sum(20, 30))
    );
    for (range, days) in [("2w", 14), ("3w", 21), ("m", 31)] {
        let (_, usage) = app.get(&format!("{path}?period[]=2025-01-20&range={range}")).await;
        assert_eq!(usage["data"]["periods"][0]["days"], days, "{range}");
    }

    let (_, stats) = app.get(&jane.path("hourlyStats")).await;
    let total = json!({ "hours": 20, "value": "16.00", "tokens": 32 });
    assert_eq!((&stats["data"]["monthlyTotal"], &stats["data"]["servers"]), (&total, &json!(2)));
    assert_eq!((&stats["data"]["credit"]["value"], &stats["data"]["currency"]["code"]), (&json!(-32), &json!("USD")));
    let (_, report) = app.get(&format!("{}?currency=eur", jane.path("report"))).await;
    let usage = &report["data"]["usage"];
    assert_eq!(usage["monthlyTotal"], json!({ "hours": 20, "value": "8.00", "tokens": 32 }));
    assert_eq!(usage["serversTotal"], json!({ "hours": 20, "value": "7.50", "tokens": 30 }));
    assert_eq!(usage["addonsTotal"], json!({ "hours": 10, "value": 0.5, "tokens": 2 }));
    assert_eq!(usage["tax"], json!({ "percent": 20.0, "value": "1.60", "tokens": 6.4 }));
    assert_eq!((&usage["success"], &usage["hourConversionRate"]), (&json!(true), &json!(730)));
    let line = json!({ "item": "memory", "packageId": small, "quantity": 2, "hours": 10, "billableHours": 10,
        "hourlyRate": 0.2, "value": "0.50", "tokens": 2 });
    assert_eq!(usage["servers"][0]["lines"][1], line);
    assert_eq!(report["data"]["currency"]["suffix"], " €");
    // What was keeps the value that it had.
    pass_minutes(&app, 30 * 24 * 60);
    done(&app, "PUT", "/selfService/currencies/1", json!({ "value": 9 })).await;
    let (_, report) = app.get(&format!("{}?period=1", jane.path("report"))).await;
    assert_eq!(
        (&report["data"]["usage"]["term"], &report["data"]["currency"]["value"]),
        (&json!("January 2025"), &json!(0.5))
    );
    assert_eq!(report["data"]["currency"]["currentValue"], 9.0);
    assert_eq!(report["data"]["usage"]["monthlyTotal"]["value"], "16.00");
}
