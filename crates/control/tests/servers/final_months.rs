//! Statements over the end of a month: provisional until the meter is through it, and from then on the same for ever.

use std::time::Duration;

use berth_control::{Error, self_service::meter};
use berth_store::{
    Micros,
    entity::ledger_entry,
    self_service::{
        credit::{self, NewCredit},
        meter::{self as metered, Held, Included, NewMetered},
    },
    testing::Database,
};
use chrono::DateTime;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use crate::{
    app::App,
    rows,
    self_serving::{Customer, done, package, pass_to},
};

berth_store::on_both_databases!(
    a_month_is_final_when_the_meter_is_through_it_and_stays_as_it_is,
    what_is_written_late_is_booked_after_what_is_final,
);

const FEBRUARY: &str = "2025-02-01T00:00:00Z";
/// From ten o'clock of the 30th until the end of January.
const HOURS: usize = 38;

struct World {
    app: App,
    customer: Customer,
    package: i64,
    /// 0.01 tokens an hour each, since January's 30th.
    servers: [i64; 2],
    /// Of January.
    credit: i64,
}

/// A month as it is told, and its rows.
#[derive(Debug, PartialEq)]
struct Told {
    status: String,
    text: String,
    rows: Vec<ledger_entry::Model>,
}

fn at(time: &str) -> Micros {
    DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros()
}

impl World {
    async fn new(database: Database) -> Self {
        let app = App::start(database).await;
        let company = rows::company(&app, 1, 10).await;
        let package = package(&app, "S", 512, 5, "7.3").await;
        let customer = Customer::hourly(&app, &company, 1, &[package], false).await;
        pass_to(&app, "2025-01-30T10:00:00Z");
        let credit = customer.credit(&app, json!(100)).await;
        let servers = [customer.server(&app, &company, package).await, customer.server(&app, &company, package).await];
        Self { app, customer, package, servers, credit }
    }

    /// `month` as in `2025-01`; `time` is from its beginning until its end.
    async fn told(&self, month: &str, (from, until): (&str, &str)) -> Told {
        let path = format!("{}?month={month}", self.customer.path("statement"));
        let response = self.app.request(&self.app.token, "GET", &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let status = response.headers()["statement-status"].to_str().unwrap().to_owned();
        let text = response.text().await.unwrap();
        assert_eq!(text.contains(",provisional,"), status == "provisional", "{text}");
        let rows = ledger_entry::Entity::find()
            .filter(ledger_entry::Column::UserId.eq(self.customer.id))
            .filter(ledger_entry::Column::At.gte(at(from)))
            .filter(ledger_entry::Column::At.lt(at(until)))
            .order_by_asc(ledger_entry::Column::Id)
            .all(self.app.ctx.store.read())
            .await
            .unwrap();
        Told { status, text, rows }
    }

    async fn january(&self) -> Told {
        self.told("2025-01", ("2025-01-01T00:00:00Z", FEBRUARY)).await
    }

    async fn february(&self) -> Told {
        self.told("2025-02", (FEBRUARY, "2025-03-01T00:00:00Z")).await
    }

    /// A meter that is killed after so long, wherever it is then.
    async fn killed(&self, micros: u64) {
        let _ = tokio::time::timeout(Duration::from_micros(micros), meter::run(&self.app.ctx)).await;
    }

    async fn metered(&self) {
        meter::run(&self.app.ctx).await.unwrap();
    }
}

async fn a_month_is_final_when_the_meter_is_through_it_and_stays_as_it_is(database: Database) {
    let world = World::new(database).await;
    let app = &world.app;
    pass_to(app, "2025-01-31T23:59:59Z");
    world.metered().await;
    let early = world.january().await;
    // Its last hour has not ended.
    assert_eq!((early.status.as_str(), early.rows.len()), ("provisional", 1 + 2 * (HOURS - 1)));

    // The control server is away over the month's end.
    pass_to(app, "2025-02-03T05:00:00Z");
    let over = world.january().await;
    assert_eq!(over, early, "it is over, and its last hour is not booked");
    let all = 1 + 2 * HOURS;
    for micros in [0, 300, 1_000, 3_000, 10_000] {
        world.killed(micros).await;
        let told = world.january().await;
        assert!(told.status == "provisional" || told.rows.len() == all, "{} rows are not all", told.rows.len());
    }
    world.metered().await;
    let kept = world.january().await;
    assert_eq!((kept.status.as_str(), kept.rows.len()), ("final", all));
    assert_eq!(world.february().await.status, "provisional");

    world.customer.credit(app, json!(7)).await;
    assert_eq!(app.delete(&format!("/selfService/credit/{}", world.credit)).await.0, 204);
    assert_eq!(world.january().await, kept, "credit comes and goes when it is written down");
    assert_eq!(app.delete(&format!("/servers/{}", world.servers[0])).await.0, 204);
    done(app, "PUT", &format!("/packages/{}/price", world.package), json!({ "tokens": "73" })).await;
    assert_eq!(world.january().await, kept, "a server is deleted, and a price changes");

    pass_to(app, "2025-03-02T12:00:00Z");
    assert_eq!(world.february().await.status, "provisional", "the next outage");
    for micros in [0, 300, 1_000, 3_000, 10_000] {
        world.killed(micros).await;
        assert_eq!(world.january().await, kept, "a meter is killed");
    }
    let (one, other) = tokio::join!(meter::run(&app.ctx), meter::run(&app.ctx));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    world.metered().await;
    assert_eq!(world.january().await, kept);
    let february = world.february().await;
    // Both servers until the third's sixth hour began, one of them until the end; credit, and what was cancelled.
    assert_eq!((february.status.as_str(), february.rows.len()), ("final", 2 + (2 * 24 + 5) + 28 * 24));
    pass_to(app, "2025-04-02T12:00:00Z");
    world.metered().await;
    assert_eq!((world.january().await, world.february().await), (kept, february));
}

/// Who took their time before the month's end and writes after the meter.
async fn what_is_written_late_is_booked_after_what_is_final(database: Database) {
    const SERVER: i64 = 99_999;
    let world = World::new(database).await;
    let (app, user_id, package_id) = (&world.app, world.customer.id, world.package);
    pass_to(app, "2025-02-01T00:00:00Z");
    world.metered().await;
    let kept = world.january().await;
    assert_eq!((kept.status.as_str(), kept.rows.len()), ("final", 1 + 2 * HOURS));

    let late = at(FEBRUARY) - 1;
    let written = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let of = NewCredit { user_id, amount_micro: 5, reference_1: None, reference_2: None, now: late };
            credit::insert(tx, of).await?;
            let order = NewMetered {
                server_id: SERVER,
                server_uuid: Uuid::from_u128(99_999),
                self_service: 1,
                profile_id: None,
                pack_id: None,
                included: Included::default(),
                next_hour_at: at("2025-01-31T23:00:00Z"),
                now: late,
            };
            metered::insert(tx, order).await?;
            let held = [Held { item: "server".to_owned(), user_id, package_id, quantity: 1 }];
            Ok(metered::set_held(tx, SERVER, &held, late).await?)
        })
    });
    written.await.unwrap();
    assert_eq!(world.january().await, kept);
    pass_to(app, "2025-02-01T03:30:00Z");
    world.metered().await;
    assert_eq!(world.january().await, kept);
    let february = world.february().await;
    let credited = february.rows.iter().find(|row| row.credit_id.is_some()).unwrap();
    assert_eq!((credited.at, credited.created_at), (at(FEBRUARY), late));
    let hours: Vec<Micros> =
        february.rows.iter().filter(|row| row.server_id == Some(SERVER)).map(|row| row.at).collect();
    let begun = ["2025-02-01T00:00:00Z", "2025-02-01T01:00:00Z", "2025-02-01T02:00:00Z"].map(at);
    assert_eq!(hours, begun);
}
