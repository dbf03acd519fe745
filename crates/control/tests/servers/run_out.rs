//! Credit that runs out, and comes back.

use berth_control::{
    clock::HOUR,
    self_service::{meter, run_out},
};
use berth_store::testing::Database;
use serde_json::{Value, json};

use crate::{
    app::{App, with_mail},
    rows,
    self_serving::{Customer, done, package, pass_minutes},
};

berth_store::on_both_databases!(
    servers_are_suspended_after_the_grace_and_run_again_when_there_is_credit,
    what_somebody_decides_by_hand_stays,
    servers_are_deleted_after_the_longer_grace,
);

struct World {
    app: App,
    jane: Customer,
    servers: Vec<i64>,
}

impl World {
    /// Two servers of one token an hour each, and credit for five hours.
    async fn new(database: Database) -> Self {
        let app = App::start_with(database, with_mail).await;
        let company = rows::company(&app, 1, 10).await;
        let rules = json!({ "lowCredit": [4, 2], "suspendAfterHours": 3, "deleteAfterHours": 10 });
        done(&app, "PUT", "/selfService/settings", rules).await;
        let small = package(&app, "S", 512, 5, "730").await;
        let jane = Customer::hourly(&app, &company, 7, &[small], true).await;
        jane.credit(&app, json!(10)).await;
        let servers = vec![jane.server(&app, &company, small).await, jane.server(&app, &company, small).await];
        Self { app, jane, servers }
    }

    /// So many hours later, metered and looked at in each.
    async fn hours(&self, hours: i64) {
        for _ in 0..hours {
            self.app.pass(HOUR);
            meter::run(&self.app.ctx).await.unwrap();
            run_out::look_at_all(&self.app.ctx).await.unwrap();
        }
    }

    async fn notices(&self) -> Vec<Value> {
        let (_, page) = self.app.get(&self.jane.path("notices")).await;
        page["data"].as_array().unwrap().iter().rev().map(|notice| notice["kind"].clone()).collect()
    }

    async fn suspended(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for id in &self.servers {
            all.push(self.app.get(&format!("/servers/{id}")).await.1["data"]["suspended"].clone());
        }
        all
    }

    async fn entries(&self, action: &str) -> Value {
        self.app.get(&format!("/audit?action={action}")).await.1["total"].clone()
    }
}

async fn servers_are_suspended_after_the_grace_and_run_again_when_there_is_credit(database: Database) {
    let world = World::new(database).await;
    world.hours(2).await;
    assert_eq!(world.notices().await, [] as [Value; 0]);
    world.hours(1).await;
    assert_eq!((world.jane.balance(&world.app).await, world.notices().await), (json!(4), vec![json!("low_credit")]));
    world.hours(2).await;
    assert_eq!(world.notices().await, ["low_credit", "low_credit", "out_of_credit"]);
    world.hours(2).await;
    assert_eq!(world.suspended().await, [false, false], "within the grace");
    world.hours(1).await;
    assert_eq!(world.suspended().await, [true, true]);
    world.hours(1).await;
    assert_eq!((world.entries("suspend_for_credit").await, world.notices().await.len()), (json!(2), 4), "once");
    let (_, credit) = world.app.get(&world.jane.path("credit")).await;
    assert_eq!(credit["data"]["outSince"], "2025-01-20T19:00:47+00:00");
    assert_eq!(credit["data"]["suspended"], "2025-01-20T22:00:47+00:00");
    assert_eq!(world.jane.balance(&world.app).await, -8, "what is kept for them is paid");
    world.jane.credit(&world.app, json!(8)).await;
    assert_eq!(world.suspended().await, [true, true], "nothing is still nothing");
    world.jane.credit(&world.app, json!(10)).await;
    assert_eq!(world.suspended().await, [false, false], "at once");
    assert_eq!(world.entries("unsuspend_after_credit").await, 2);
    assert_eq!(world.notices().await.last(), Some(&json!("resumed")));
    assert_eq!(world.app.mailed().await, ["credit"; 5], "a letter for each");
    world.hours(5).await;
    assert_eq!(world.notices().await[5..], ["low_credit", "low_credit", "out_of_credit"], "and so anew");
}

async fn what_somebody_decides_by_hand_stays(database: Database) {
    let world = World::new(database).await;
    let post = async |n: usize, what: &str| {
        let path = format!("/servers/{}/{what}", world.servers[n]);
        assert_eq!(world.app.post(&path, json!({})).await.0, 204);
    };
    post(0, "suspend").await;
    world.hours(8).await;
    assert_eq!(world.suspended().await, [true, true]);
    post(1, "unsuspend").await;
    world.hours(1).await;
    assert_eq!(world.suspended().await, [true, false], "somebody has it run all the same");
    world.jane.credit(&world.app, json!(100)).await;
    assert_eq!(world.suspended().await, [true, false], "and the other was never suspended for this");
    // Who no longer pays in advance is never out.
    world.hours(52).await;
    assert_eq!(world.suspended().await, [true, true]);
    done(&world.app, "PUT", "/users/7/byExtRelation", json!({ "selfServiceHourlyCredit": false })).await;
    world.hours(1).await;
    assert_eq!(world.suspended().await, [true, false]);
}

async fn servers_are_deleted_after_the_longer_grace(database: Database) {
    let world = World::new(database).await;
    let protected = format!("/servers/{}/modify/protected", world.servers[0]);
    done(&world.app, "PUT", &protected, json!({ "protected": true })).await;
    world.hours(14).await;
    assert_eq!(world.suspended().await, [true, true]);
    world.hours(1).await;
    assert_eq!(world.suspended().await, [json!(true), Value::Null], "what is protected stays");
    assert_eq!(
        (world.entries("delete_for_credit").await, world.notices().await.last().cloned()),
        (json!(1), Some(json!("deleted")))
    );
    pass_minutes(&world.app, 120);
    meter::run(&world.app.ctx).await.unwrap();
    // Until the hour in which it was deleted, and one hour more for the other.
    assert_eq!(world.jane.balance(&world.app).await, 10 - 16 - 17);
}
