//! The meter: months of servers that come, change and go at odd minutes, read off the audit log by another program; and
//! statements that were worked out by hand.

use std::{fs, process::Command, time::Duration};

use berth_control::{Context, scheduler, self_service::meter};
use berth_store::{audit, entity::ledger_entry, self_service::ledger, testing::Database};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use crate::{
    app::App,
    rows::{self, Company},
    self_serving::{Customer, done, made, package, pass_minutes, pass_to},
};

berth_store::on_both_databases!(
    every_started_hour_is_booked_once_whatever_happens_to_the_meter,
    statements_are_what_was_worked_out_by_hand,
    two_meters_at_once_book_once,
    servers_of_shops_are_not_metered,
);

/// Servers in all.
const SERVERS: usize = 20;
const FROM: &str = "2028-01-15T09:41:00Z";
const UNTIL: &str = "2028-04-15T22:22:00Z";

/// The same numbers in each run: Knuth's linear congruential generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }
}

struct World {
    app: App,
    company: Company,
    customers: Vec<Customer>,
    /// A resource pack of the last customer's.
    pack: i64,
    packages: Vec<i64>,
    /// Those that are there.
    servers: Vec<i64>,
    made: usize,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = App::start(database).await;
        let company = rows::company(&app, 1, 250).await;
        pass_to(&app, FROM);
        let mut packages = Vec::new();
        for (name, memory, disk, tokens) in [("S", 512, 5, "5"), ("M", 1024, 10, "9.99"), ("L", 2048, 10, "0.000731")] {
            packages.push(package(&app, name, memory, disk, tokens).await);
        }
        let mut customers = Vec::new();
        for relation in 1..=2 {
            customers.push(Customer::hourly(&app, &company, relation, &packages, relation == 2).await);
        }
        customers[1].credit(&app, json!(1_000_000)).await;
        // Whose clock changes within the months; the books' does not.
        done(&app, "PUT", "/users/1/byExtRelation", json!({ "timezone": "Europe/Prague" })).await;
        let third = Customer::new(&app, 3, false).await;
        let profile = json!({ "name": "Packs", "hypervisorGroups": [company.group], "packages": packages });
        let profile = made(&app, "/selfService/resourceGroupProfiles", profile).await;
        done(&app, "POST", &third.path("resourceGroupProfile"), json!({ "profileId": profile })).await;
        done(&app, "PUT", &third.path("access"), json!({ "syncToProfiles": true })).await;
        let pack = made(&app, "/selfService/resourcePacks", json!({ "name": "Large" })).await;
        let pack = made(&app, &third.path("resourcePack"), json!({ "packId": pack, "enabled": true })).await;
        customers.push(third);
        Self { app, company, customers, pack, packages, servers: Vec::new(), made: 0 }
    }

    async fn create(&mut self, dice: &mut Dice) {
        let n = usize::try_from(dice.below(6)).unwrap();
        let customer = self.customers[[0, 0, 0, 1, 1, 2][n]];
        let pack = (n == 5).then_some(self.pack);
        let order = Customer::order(&self.company, *dice.of(&self.packages), pack);
        let id = made(&self.app, &customer.path("servers"), order).await;
        self.servers.push(id);
        self.made += 1;
    }

    /// Something happens to one of the servers.
    async fn change(&mut self, dice: &mut Dice) {
        let Some(id) = (!self.servers.is_empty()).then(|| *dice.of(&self.servers)) else { return };
        let (app, server) = (&self.app, format!("/servers/{id}"));
        match dice.below(12) {
            0..=2 => {
                let package = dice.of(&self.packages);
                let all = dice.below(2) == 0;
                done(app, "PUT", &format!("{server}/package/{package}"), json!({ "memory": all, "cpu": all })).await;
            }
            3 => {
                let more = json!({ "interface": "primary", "quantity": 1 + dice.below(2) });
                done(app, "POST", &format!("{server}/ipv4Qty"), more).await;
            }
            4 => {
                let (_, whole) = app.get(&server).await;
                let addresses = whole["data"]["network"]["interfaces"][0]["ipv4"].as_array().unwrap().clone();
                if addresses.len() > 1 {
                    let gone = json!({ "ip": [addresses[1]["address"]] });
                    done(app, "DELETE", &format!("{server}/ipv4"), gone).await;
                }
            }
            5 => {
                done(app, "PUT", &format!("{server}/modify/memory"), json!({ "memory": 512 + 700 * dice.below(5) }))
                    .await
            }
            6 => done(app, "PUT", &format!("{server}/modify/cpuCores"), json!({ "cores": 1 + dice.below(4) })).await,
            7 => {
                let (_, whole) = app.get(&server).await;
                let size = whole["data"]["storage"][0]["capacity"].as_u64().unwrap() + dice.below(3);
                done(app, "PUT", &format!("{server}/modify/storage"), json!({ "drive": "a", "size": size })).await;
            }
            8 => done(app, "POST", &format!("{server}/suspend"), json!({})).await,
            9 => done(app, "POST", &format!("{server}/unsuspend"), json!({})).await,
            10 => {
                let owner = dice.of(&self.customers[..2]).id;
                // Refused where it is theirs already.
                app.call("PUT", &format!("{server}/owner/{owner}"), None).await;
            }
            _ if dice.below(3) == 0 => self.delete(dice, id).await,
            _ => {}
        }
    }

    async fn delete(&mut self, dice: &mut Dice, id: i64) {
        let delay = *dice.of(&[0, 1, 59, 60, 3_000]);
        assert_eq!(self.app.delete(&format!("/servers/{id}?delay={delay}")).await.0, 204);
        if delay == 0 {
            self.servers.retain(|known| *known != id);
        }
    }

    async fn prices(&self, dice: &mut Dice) {
        let (app, tokens) = (&self.app, format!("{}.{:06}", dice.below(12), dice.below(1_000_000)));
        match dice.below(8) {
            0..=2 => {
                let package = dice.of(&self.packages);
                done(app, "PUT", &format!("/packages/{package}/price"), json!({ "tokens": tokens })).await;
            }
            3 => {
                let of = 1 + dice.below(2);
                done(app, "PUT", "/selfService/settings", json!({ "monthToHourRateType": of })).await;
            }
            _ => {
                let item = *dice.of(&["ipv4", "storage", "memory", "cpu"]);
                done(app, "PUT", "/selfService/settings", json!({ "addons": { item: tokens } })).await;
            }
        }
    }

    /// Those whose delayed deletion was due are there no more.
    async fn due_deletions(&mut self) {
        scheduler::due_deletions(&self.app.ctx).await.unwrap();
        let mut left = Vec::new();
        for id in &self.servers {
            if berth_store::server::by_id(self.app.ctx.store.read(), *id).await.unwrap().is_some() {
                left.push(*id);
            }
        }
        self.servers = left;
    }
}

/// A meter that is killed after so long, wherever it is then.
async fn killed(ctx: &Context, after: Duration) {
    let _ = tokio::time::timeout(after, meter::run(ctx)).await;
}

async fn every_started_hour_is_booked_once_whatever_happens_to_the_meter(database: Database) {
    let (mut world, mut dice) = (World::new(database).await, Dice(20_280_229));
    let until = chrono::DateTime::parse_from_rfc3339(UNTIL).unwrap().timestamp_micros();
    while world.app.ctx.now() < until {
        pass_minutes(&world.app, i64::try_from(1 + dice.below(1_100)).unwrap());
        world.due_deletions().await;
        if world.made < SERVERS && dice.below(6) == 0 {
            world.create(&mut dice).await;
        }
        for _ in 0..dice.below(3) {
            world.change(&mut dice).await;
        }
        if dice.below(12) == 0 {
            world.prices(&mut dice).await;
        }
        match dice.below(12) {
            0..=2 => killed(&world.app.ctx, Duration::from_micros(dice.below(20_000))).await,
            3 => {
                let (one, other) = tokio::join!(meter::run(&world.app.ctx), meter::run(&world.app.ctx));
                // Of two that meet on one database one may be sent away; the next run does its work.
                assert!(one.is_ok() || other.is_ok());
            }
            4 => meter::run(&world.app.ctx).await.unwrap(),
            // The control server is down, sometimes for days.
            _ => {}
        }
    }
    assert_eq!(world.made, SERVERS);
    for id in world.servers.split_off(world.servers.len() / 2) {
        assert_eq!(world.app.delete(&format!("/servers/{id}")).await.0, 204);
    }
    pass_minutes(&world.app, 61);
    meter::run(&world.app.ctx).await.unwrap();
    agrees(&world).await;
    periods_are_of_utc(&world).await;
}

/// Also for who lives elsewhere: March had 743 hours in Prague, began and ended at another hour there, and has 744 in the
/// books.
async fn periods_are_of_utc(world: &World) {
    let customer = world.customers[0];
    let (status, usage) = world.app.get(&format!("{}?period=2028-03-01&range=m", customer.path("usage"))).await;
    assert_eq!((status, &usage["data"]["user"]["timezone"]), (200, &json!("Europe/Prague")), "{usage}");
    let march = &usage["data"]["periods"][0];
    assert_eq!((&march["timezone"], &march["hours"]), (&json!("UTC"), &json!(744)));
    let bounds = (&json!("2028-03-01T00:00:00+00:00"), &json!("2028-03-31T23:59:59+00:00"));
    assert_eq!((&march["start"], &march["end"]), bounds);
    let at = |time: &str| chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros();
    let rows = ledger_entry::Entity::find()
        .filter(ledger_entry::Column::Kind.eq(ledger::USAGE))
        .filter(ledger_entry::Column::UserId.eq(customer.id))
        .filter(ledger_entry::Column::Item.eq("server"))
        .filter(ledger_entry::Column::HourAt.gte(at("2028-03-01T00:00:00Z")))
        .filter(ledger_entry::Column::HourAt.lt(at("2028-04-01T00:00:00Z")))
        .all(world.app.ctx.store.read())
        .await
        .unwrap();
    assert!(!rows.is_empty());
    assert_eq!(march["usageServers"]["hours"], rows.len());
}

/// Another program reads the audit log and works the ledger out anew.
async fn agrees(world: &World) {
    let db = world.app.ctx.store.read();
    let (mut log, mut offset) = (Vec::new(), 0);
    loop {
        let (some, _) = audit::page(db, &audit::Filter::default(), offset, 500).await.unwrap();
        if some.is_empty() {
            break;
        }
        offset += 500;
        log.extend(some.into_iter().map(|entry| {
            json!({ "id": entry.id, "at": entry.at, "action": entry.action, "kind": entry.subject_kind,
                    "subject": entry.subject_id, "before": entry.before, "after": entry.after })
        }));
    }
    let rows = ledger_entry::Entity::find()
        .filter(ledger_entry::Column::Kind.eq(ledger::USAGE))
        .order_by_asc(ledger_entry::Column::Id)
        .all(db)
        .await
        .unwrap();
    assert!(rows.len() > 5_000, "a ledger of months: {}", rows.len());
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| {
            json!([
                row.server_id,
                row.item,
                row.hour_at,
                row.user_id,
                row.package_id,
                row.quantity,
                row.price_micro,
                row.hour_of_month,
                row.rated_micro,
                row.amount_micro
            ])
        })
        .collect();
    let mut balances = Vec::new();
    for customer in &world.customers {
        balances.push(json!([customer.id, ledger::balance(db, customer.id).await.unwrap()]));
    }
    let export = json!({ "now": world.app.ctx.now(), "log": log, "ledger": rows, "balances": balances });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("export.json");
    fs::write(&file, export.to_string()).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/recompute.py");
    let output = Command::new("python3").arg(program).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

async fn two_meters_at_once_book_once(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let small = package(&app, "S", 512, 5, "7.3").await;
    let customer = Customer::hourly(&app, &company, 1, &[small], false).await;
    for _ in 0..3 {
        customer.server(&app, &company, small).await;
    }
    pass_minutes(&app, 6_000);
    let runs = (0..4).map(|_| meter::run(&app.ctx));
    let ended = futures::future::join_all(runs).await;
    assert!(ended.iter().any(Result::is_ok), "{ended:?}");
    meter::run(&app.ctx).await.unwrap();
    // From 14:00 until 18:00 four days later: 100 hours of 0.01.
    assert_eq!(customer.balance(&app).await, json!(-3));
}

async fn servers_of_shops_are_not_metered(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let id = company.server(&app).await;
    assert_eq!(app.get(&format!("/servers/{id}")).await.1["data"]["selfService"], 0);
    pass_minutes(&app, 6_000);
    meter::run(&app.ctx).await.unwrap();
    assert_eq!(ledger::balance(app.ctx.store.read(), company.user).await.unwrap(), 0);
    assert_eq!(berth_store::self_service::meter::by_id(app.ctx.store.read(), id).await.unwrap(), None);
}

async fn statements_are_what_was_worked_out_by_hand(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    pass_to(&app, "2028-01-31T23:00:00Z");
    // 0.01 and 0.02 an hour.
    let (small, large) = (package(&app, "S", 512, 5, "7.3").await, package(&app, "L", 1024, 5, "14.6").await);
    done(&app, "PUT", "/selfService/settings", json!({ "addons": { "ipv4": 0.73 } })).await;
    let customer = Customer::hourly(&app, &company, 1, &[small, large], true).await;
    let first = customer.credit(&app, json!(100)).await;
    pass_to(&app, "2028-01-31T23:10:00Z");
    let id = customer.server(&app, &company, small).await;
    done(&app, "PUT", &format!("/servers/{id}/modify/name"), json!({ "name": "web, \"one\"" })).await;

    pass_to(&app, "2028-03-15T10:00:00Z");
    let second = customer.credit(&app, json!("10")).await;
    pass_to(&app, "2028-03-16T10:00:00Z");
    assert_eq!(app.delete(&format!("/selfService/credit/{second}")).await.0, 204);
    pass_to(&app, "2028-04-02T00:00:00Z");
    let third = customer.credit(&app, json!(-5)).await;
    pass_to(&app, "2028-04-10T12:34:56Z");
    done(&app, "PUT", &format!("/servers/{id}/package/{large}"), json!({})).await;
    pass_to(&app, "2028-04-15T10:20:00Z");
    done(&app, "POST", &format!("/servers/{id}/ipv4Qty"), json!({ "quantity": 1 })).await;
    pass_to(&app, "2028-04-20T05:00:00Z");
    assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
    pass_to(&app, "2028-05-03T00:00:00Z");
    meter::run(&app.ctx).await.unwrap();

    let head = "type,date,server,name,item,package,quantity,hours,billable_hours,monthly_price,tokens";
    let name = "\"web, \"\"one\"\"\"";
    // January: its last hour was begun.
    // February of a leap year: 696 hours of 0.01.
    let february = format!(
        "{head}\nopening,2028-02-01,,,,,,,,,99.990000\nusage,2028-02,{id},{name},server,{small},1,696,696,7.300000,-6.960000\n\
         closing,2028-02-29,,,,,,,,,93.030000\n"
    );
    // March: 744 hours, of which the last 14 are free.
    let march = format!(
        "{head}\nopening,2028-03-01,,,,,,,,,93.030000\ncredit,2028-03-15T10:00:00+00:00,,credit {second},,,,,,,10.000000\n\
         cancellation,2028-03-16T10:00:00+00:00,,credit {second},,,,,,,-10.000000\n\
         usage,2028-03,{id},{name},server,{small},1,744,730,7.300000,-7.300000\nclosing,2028-03-31,,,,,,,,,85.730000\n"
    );
    // April: nine days and twelve hours of 0.01; the hour in which it was resized and nine days and sixteen more of 0.02;
    // an address for four days and nineteen hours of 0.001.
    let april = format!(
        "{head}\nopening,2028-04-01,,,,,,,,,85.730000\ncredit,2028-04-02T00:00:00+00:00,,credit {third},,,,,,,-5.000000\n\
         usage,2028-04,{id},{name},server,{small},1,228,228,7.300000,-2.280000\n\
         usage,2028-04,{id},{name},server,{large},1,233,233,14.600000,-4.660000\n\
         usage,2028-04,{id},{name},ipv4,{large},1,115,115,0.730000,-0.115000\nclosing,2028-04-30,,,,,,,,,73.675000\n"
    );
    for (month, wanted) in [("2028-02", february), ("2028-03", march), ("2028-04", april)] {
        let (status, text) = app.get(&format!("{}?month={month}", customer.path("statement"))).await;
        assert_eq!((status, text.as_str().unwrap().replace("\r\n", "\n")), (200, wanted), "{month}");
    }
    assert_eq!(customer.balance(&app).await, json!(73.675));
    assert!(first < second);
}
