//! Traffic of servers: counted once, by periods that leave no gap over two years, with blocks.

use berth_control::{
    actions::{server_traffic, traffic_limit},
    clock::{DAY, HOUR, MINUTE},
    events,
};
use berth_proto::{Event, InterfaceTraffic, TrafficCounted, event::What};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    rows,
};

berth_store::on_both_databases!(
    bytes_are_counted_once_however_often_they_are_told,
    months_turn_over_two_years_without_gap_or_overlap,
    rates_are_told_by_five_minutes_and_forgotten_after_two_days,
    days_are_forgotten_after_three_years_with_the_periods_that_they_make,
    blocks_are_added_to_periods_and_removed,
    a_server_that_passes_its_traffic_is_told_of_and_throttled_until_there_is_more,
    a_server_that_passes_its_traffic_is_suspended_until_there_is_more,
);

/// A node that tells totals of one interface.
struct Node {
    hypervisor: i64,
    tag: String,
    sequence: u64,
    rx: u64,
    tx: u64,
}

impl Node {
    async fn of(app: &App, hypervisor: i64, server: i64) -> Self {
        let (_, list) = app.get(&format!("/servers/{server}/interfaces")).await;
        Self { hypervisor, tag: format!("{:010}", list["data"][0]["tag"]), sequence: 0, rx: 0, tx: 0 }
    }

    fn event(&self, at_us: i64) -> Event {
        let interface = InterfaceTraffic { tag: self.tag.clone(), in_bytes: self.rx, out_bytes: self.tx };
        let strange = InterfaceTraffic { tag: "'; DROP TABLE servers".to_owned(), in_bytes: u64::MAX, out_bytes: 1 };
        let what = TrafficCounted { epoch: "one".to_owned(), interfaces: vec![strange, interface] };
        Event {
            incarnation: "outbox".to_owned(),
            sequence: self.sequence,
            at_us,
            server_uuid: String::new(),
            what: Some(What::Traffic(what)),
        }
    }

    /// So many more bytes have passed.
    async fn passed(&mut self, app: &App, rx: u64, tx: u64) {
        self.sequence += 1;
        (self.rx, self.tx) = (self.rx + rx, self.tx + tx);
        events::apply(&app.ctx, self.hypervisor, self.event(app.ctx.now())).await.unwrap();
    }
}

async fn monthly(app: &App, server: i64) -> Vec<Value> {
    let (status, body) = app.get(&format!("/servers/{server}/traffic")).await;
    assert_eq!(status, 200, "{body}");
    body["data"]["monthly"].as_array().unwrap().clone()
}

async fn bytes_are_counted_once_however_often_they_are_told(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 2, 10).await;
    let server = company.server(&app).await;
    let mut node = Node::of(&app, company.hypervisors[0], server).await;
    let month = json!({ "month": 1, "start": "2025-01-20 00:00:00", "end": "2025-02-19 23:59:59", "rx": 0, "tx": 0,
                        "total": 0, "limit": 1000, "blocks": [] });
    assert_eq!(monthly(&app, server).await, [month]);
    node.passed(&app, 1_000, 10).await;
    node.passed(&app, 500, 5).await;
    let again = node.event(app.ctx.now());
    events::apply(&app.ctx, node.hypervisor, again.clone()).await.unwrap();
    let told_anew = Event { sequence: node.sequence + 1, ..again.clone() };
    events::apply(&app.ctx, node.hypervisor, told_anew).await.unwrap();
    let other_node = Event { incarnation: "other".to_owned(), ..again };
    events::apply(&app.ctx, company.hypervisors[1], other_node).await.unwrap();
    let months = monthly(&app, server).await;
    assert_eq!((&months[0]["rx"], &months[0]["tx"], &months[0]["total"]), (&json!(1_500), &json!(15), &json!(1_515)));
    node.sequence += 1;
    app.pass(HOUR);
    node.passed(&app, 7, 0).await;
    let (_, hours) = app.get(&format!("/servers/{server}/traffic/history?hourly=1&days=1")).await;
    let hour = |start: &str, rx: i64, tx: i64| json!({ "start": start, "rx": rx, "tx": tx });
    assert_eq!(hours["data"], json!([hour("2025-01-20 14:00:00", 1_500, 15), hour("2025-01-20 15:00:00", 7, 0)]));
    let (_, days) = app.get(&format!("/servers/{server}/traffic/history")).await;
    assert_eq!(days["data"], json!([hour("2025-01-20 00:00:00", 1_507, 15)]));
    for query in ["days=0", "days=401", "days=x", "hourly=1&days=36"] {
        let (status, body) = app.get(&format!("/servers/{server}/traffic/history?{query}")).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{query}: {body}");
    }
    assert_eq!(app.get("/servers/999/traffic").await, (404, json!({ "msg": "server not found" })));
}

async fn months_turn_over_two_years_without_gap_or_overlap(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    // The 31st, which most months lack.
    app.pass(11 * DAY);
    let server = company.server(&app).await;
    let mut node = Node::of(&app, company.hypervisors[0], server).await;
    let mut days = 0;
    while days < 730 {
        node.passed(&app, 100, 1).await;
        app.pass(DAY);
        days += 1;
    }
    let months = monthly(&app, server).await;
    assert_eq!(months.len(), 25);
    let total: i64 = months.iter().map(|month| month["rx"].as_i64().unwrap()).sum();
    assert_eq!(total, 73_000, "every byte is in one period");
    let starts: Vec<&str> = months.iter().rev().take(4).map(|month| month["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2025-01-31 00:00:00", "2025-02-28 00:00:00", "2025-03-31 00:00:00", "2025-04-30 00:00:00"]);
    let days_of = |n: usize| months[months.len() - n]["rx"].as_i64().unwrap() / 100;
    assert_eq!([days_of(1), days_of(2), days_of(3), days_of(4)], [28, 31, 30, 31]);
    let numbers: Vec<i64> = months.iter().map(|month| month["month"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=25).rev().collect::<Vec<_>>(), "the newest first");
    for pair in months.windows(2) {
        let (newer, older) = (pair[0]["start"].as_str().unwrap(), pair[1]["end"].as_str().unwrap());
        let parse = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        assert_eq!((parse(newer) - parse(older)).num_seconds(), 1, "{older} {newer}");
    }
}

async fn rates_are_told_by_five_minutes_and_forgotten_after_two_days(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.server(&app).await;
    let mut node = Node::of(&app, company.hypervisors[0], server).await;
    let path = format!("/servers/{server}/traffic/rates");
    let told = async |query: &str| app.get(&format!("{path}{query}")).await.1["data"].clone();
    // It is 14:00:47.
    node.passed(&app, 3_000, 0).await;
    app.pass(MINUTE);
    node.passed(&app, 3_000, 899).await;
    assert_eq!(told("").await, json!([]), "the five minutes have not ended");
    app.pass(5 * MINUTE);
    node.passed(&app, 900, 0).await;
    let first = json!({ "start": "2025-01-20 14:00:00", "rx": 20, "tx": 2 });
    assert_eq!(told("").await, json!([first]));
    app.pass(5 * MINUTE);
    let second = json!({ "start": "2025-01-20 14:05:00", "rx": 3, "tx": 0 });
    assert_eq!(told("").await, json!([first, second]));
    assert_eq!(told("?minutes=5").await, json!([second]));
    for query in ["minutes=4", "minutes=2881", "minutes=x"] {
        let (status, body) = app.get(&format!("{path}?{query}")).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{query}: {body}");
    }
    assert_eq!(app.get("/servers/999/traffic/rates").await, (404, json!({ "msg": "server not found" })));

    app.pass(2 * DAY - 9 * MINUTE);
    server_traffic::trim(&app.ctx).await.unwrap();
    let kept = berth_store::traffic::rates(app.ctx.store.read(), server, 0).await.unwrap();
    assert_eq!(
        kept.iter().map(|sum| sum.rx_bytes).collect::<Vec<_>>(),
        [900],
        "the first ones are older than two days"
    );
    assert_eq!(told("?minutes=2880").await, json!([second]));
    assert_eq!(monthly(&app, server).await[0]["rx"], 6_900, "the period has all of it");
}

async fn days_are_forgotten_after_three_years_with_the_periods_that_they_make(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.server(&app).await;
    let mut node = Node::of(&app, company.hypervisors[0], server).await;
    node.passed(&app, 100, 0).await;
    // To 2027-12-31, in the 36th period.
    app.pass(1_075 * DAY);
    node.passed(&app, 20, 0).await;
    server_traffic::trim(&app.ctx).await.unwrap();
    let months = monthly(&app, server).await;
    assert_eq!((months.len(), &months[35]["month"], &months[35]["rx"]), (36, &json!(1), &json!(100)));
    // To 2028-02-09, in the 37th.
    app.pass(40 * DAY);
    server_traffic::trim(&app.ctx).await.unwrap();
    let months = monthly(&app, server).await;
    assert_eq!((months.len(), &months[0]["month"], &months[35]["month"]), (36, &json!(37), &json!(2)));
    assert_eq!(
        (&months[1]["rx"], &months[35]["rx"]),
        (&json!(20), &json!(0)),
        "the days of those that are shown are there"
    );
    let days = berth_store::traffic::days(app.ctx.store.read(), server, 0).await.unwrap();
    assert_eq!(days.iter().map(|day| day.rx_bytes).collect::<Vec<_>>(), [20]);
}

async fn blocks_are_added_to_periods_and_removed(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let server = company.server(&app).await;
    let path = format!("/servers/{server}/traffic/blocks");
    assert_eq!(app.post(&path, json!({ "month": "2", "amount": 100, "id": {} })).await, (201, Value::Null));
    assert_eq!(app.post(&path, json!({ "month": 1, "amount": 50 })).await.0, 201);
    let (_, blocks) = app.get(&path).await;
    let first = json!({ "id": blocks["data"]["assigned"][0]["id"], "current": false, "month": 2, "traffic": 100,
                        "start": "2025-02-20 00:00:00", "end": "2025-03-19 23:59:59",
                        "added": "2025-01-20T14:00:47.000000Z" });
    assert_eq!(blocks["data"]["assigned"][0], first);
    assert_eq!(blocks["data"]["assigned"][1]["current"], true);
    let available = &blocks["data"]["available"];
    assert_eq!((&available["total"], &available["current"]["month"]), (&json!(25), &json!(1)));
    let last = json!({ "month": 25, "start": "2027-01-20 00:00:00", "end": "2027-02-19 23:59:59" });
    assert_eq!((available["months"].as_object().unwrap().len(), &available["months"]["25"]), (25, &last));
    let current = &monthly(&app, server).await[0]["blocks"];
    assert_eq!((current[0]["traffic"].clone(), current.as_array().unwrap().len()), (json!(50), 1));
    app.pass(40 * DAY);
    let (_, blocks) = app.get(&path).await;
    assert_eq!(blocks["data"]["assigned"][0]["current"], true, "the month has turned");
    for (body, field) in [
        (json!({}), "month"),
        (json!({ "month": 1, "amount": 5 }), "month"),
        (json!({ "month": 27, "amount": 5 }), "month"),
        (json!({ "month": 2, "amount": 0 }), "amount"),
        (json!({ "month": 2, "amount": 10_000_001 }), "amount"),
        (json!({ "month": 2, "amount": "much" }), "amount"),
        (json!({ "month": [2], "amount": 5 }), "month"),
    ] {
        let (status, answer) = app.post(&path, body.clone()).await;
        assert!(status == 422 && answer["errors"].to_string().contains(field), "{body}: {status} {answer}");
    }
    let one = format!("{path}/{}", first["id"]);
    assert_eq!(app.delete(&one).await, (204, Value::Null));
    assert_eq!(app.delete(&one).await, (404, json!({ "msg": "traffic block not found" })));
    let other = company.server(&app).await;
    let strange = format!("/servers/{other}/traffic/blocks/{}", blocks["data"]["assigned"][1]["id"]);
    assert_eq!(app.delete(&strange).await.0, 404, "another server's block");
}

async fn a_server_that_passes_its_traffic_is_told_of_and_throttled_until_there_is_more(database: Database) {
    let app = App::start_with(database, with_mail).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    (order["traffic"], order["networkSpeedInbound"]) = (json!(10), json!(5_000));
    let (_, made) = app.post("/servers", order).await;
    let server = made["data"]["id"].as_i64().unwrap();
    let free = company.server(&app).await;
    let policy = format!("/packages/{}/trafficPolicy", company.package);
    assert_eq!(app.get(&policy).await.1["data"], json!({ "policy": "nothing", "throttle": null }));
    for wrong in [
        json!({}),
        json!({ "policy": "explode" }),
        json!({ "policy": "throttle" }),
        json!({ "policy": "throttle", "throttle": 0 }),
        json!({ "policy": "nothing", "more": 1 }),
    ] {
        let (status, body) = app.call("PUT", &policy, Some(wrong.to_string())).await;
        assert!(status == 422 && body["errors"][0].is_string(), "{wrong}: {body}");
    }
    let throttle = json!({ "policy": "throttle", "throttle": 125 });
    assert_eq!(app.call("PUT", &policy, Some(throttle.to_string())).await.0, 204);
    assert_eq!(app.get(&policy).await.1["data"], throttle);

    let mut node = Node::of(&app, company.hypervisors[0], server).await;
    let throttle = async |server: i64| {
        let (_, list) = app.get(&format!("/servers/{server}/interfaces")).await;
        (list["data"][0]["trafficThrottle"].as_i64().unwrap(), list["data"][0]["inAverage"].as_i64().unwrap())
    };
    let notices = async || app.get("/audit?action=traffic_notice").await.1["total"].as_i64().unwrap();
    let look = async || traffic_limit::look_at_all(&app.ctx).await.unwrap();
    node.passed(&app, 7_900_000_000, 0).await;
    look().await;
    assert_eq!((notices().await, throttle(server).await), (0, (0, 5_000)));
    node.passed(&app, 100_000_000, 0).await;
    look().await;
    look().await;
    assert_eq!((notices().await, throttle(server).await), (1, (0, 5_000)), "at 80 percent, once");
    node.passed(&app, 0, 2_000_000_000).await;
    look().await;
    assert_eq!((notices().await, throttle(server).await, throttle(free).await), (2, (125, 5_000), (0, 0)));
    assert_eq!(app.mailed().await, ["traffic"; 2], "its owner was written both times");
    assert_eq!(told_speeds(&app, server).await, (125, 125));

    // The customer's own speed is changed meanwhile, and the throttle itself.
    let path = format!("/servers/{server}/interfaces/primary");
    assert_eq!(app.call("PUT", &path, Some(json!({ "inAverage": 100, "outAverage": 900 }).to_string())).await.0, 200);
    assert_eq!(told_speeds(&app, server).await, (100, 125), "the slower of the two");
    let slower = json!({ "policy": "throttle", "throttle": 50 });
    assert_eq!(app.call("PUT", &policy, Some(slower.to_string())).await.0, 204);
    look().await;
    assert_eq!((throttle(server).await, told_speeds(&app, server).await), ((50, 100), (50, 50)));

    let blocks = format!("/servers/{server}/traffic/blocks");
    assert_eq!(app.post(&blocks, json!({ "month": 1, "amount": 5 })).await.0, 201);
    look().await;
    assert_eq!((throttle(server).await, told_speeds(&app, server).await), ((0, 100), (100, 900)), "there is more");
    node.passed(&app, 6_000_000_000, 0).await;
    look().await;
    assert_eq!((notices().await, throttle(server).await), (2, (50, 100)), "again, and each notice was given");
    app.pass(31 * DAY);
    look().await;
    assert_eq!(throttle(server).await, (0, 100), "the month has turned");
}

/// What its node is told.
async fn told_speeds(app: &App, server: i64) -> (u32, u32) {
    let details = berth_store::server_details::by_id(app.ctx.store.read(), server).await.unwrap().unwrap();
    let spec = berth_control::spec::trial_spec(&app.ctx, &details).unwrap();
    (spec.interfaces[0].in_average_kbs, spec.interfaces[0].out_average_kbs)
}

async fn a_server_that_passes_its_traffic_is_suspended_until_there_is_more(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let mut order = company.order();
    order["traffic"] = json!(10);
    let (_, made) = app.post("/servers", order).await;
    let server = made["data"]["id"].as_i64().unwrap();
    let policy = format!("/packages/{}/trafficPolicy", company.package);
    let suspend = json!({ "policy": "suspend", "throttle": null });
    assert_eq!(app.call("PUT", &policy, Some(suspend.to_string())).await.0, 204);
    assert_eq!(app.get(&policy).await.1["data"], suspend);
    let mut node = Node::of(&app, company.hypervisors[0], server).await;
    let look = async || {
        traffic_limit::look_at_all(&app.ctx).await.unwrap();
        app.get(&format!("/servers/{server}")).await.1["data"]["suspended"].as_bool().unwrap()
    };
    let entries = async |action: &str| app.get(&format!("/audit?action={action}")).await.1["total"].as_i64().unwrap();
    let (blocks, mut month) = (format!("/servers/{server}/traffic/blocks"), 1);
    let post = async |path: &str| assert_eq!(app.post(path, json!({})).await.0, 204);
    node.passed(&app, 9_900_000_000, 0).await;
    assert!(!look().await);
    node.passed(&app, 100_000_000, 0).await;
    assert!(look().await && look().await);
    assert_eq!((entries("suspend_for_traffic").await, entries("traffic_notice").await), (1, 2));
    assert_eq!(app.post(&blocks, json!({ "month": month, "amount": 5 })).await.0, 201);
    assert!(!look().await, "there is more");
    assert_eq!(entries("unsuspend_after_traffic").await, 1);

    node.passed(&app, 5_000_000_000, 0).await;
    assert!(look().await, "again");
    post(&format!("/servers/{server}/unsuspend")).await;
    assert!(!look().await && !look().await, "whoever ends it by hand has it run");
    app.pass(31 * DAY);
    month += 1;
    assert!(!look().await, "the month has turned");

    node.passed(&app, 10_000_000_000, 0).await;
    assert!(look().await);
    post(&format!("/servers/{server}/suspend")).await;
    assert_eq!(app.post(&blocks, json!({ "month": month, "amount": 50 })).await.0, 201);
    assert!(look().await, "somebody wants it suspended, whatever its traffic");
    post(&format!("/servers/{server}/unsuspend")).await;
    assert!(!look().await);
    let policy_gone = json!({ "policy": "nothing" });
    assert_eq!(app.call("PUT", &policy, Some(policy_gone.to_string())).await.0, 204);
    assert!(!look().await);
}
