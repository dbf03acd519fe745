//! Customers of self service, with what they need to create servers by themselves.

use berth_control::clock::MINUTE;
use chrono::DateTime;
use serde_json::{Value, json};

use crate::{app::App, rows::Company};

/// A user with a relation of the shop's.
#[derive(Clone, Copy, Debug)]
pub struct Customer {
    pub id: i64,
    pub relation: i64,
}

pub async fn made(app: &App, path: &str, body: Value) -> i64 {
    let (status, answer) = app.post(path, body).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer["data"]["id"].as_i64().unwrap()
}

pub async fn done(app: &App, method: &str, path: &str, body: Value) {
    let (status, answer) = app.call(method, path, Some(body.to_string())).await;
    assert!((200..300).contains(&status), "{method} {path} {body}: {status} {answer}");
}

impl Customer {
    /// Without any right yet.
    pub async fn new(app: &App, relation: i64, prepaid: bool) -> Self {
        let user = json!({
            "name": "Jane", "email": format!("jane{relation}@doe.test"), "extRelationId": relation,
            "selfServiceHourlyCredit": prepaid,
        });
        Self { id: made(app, "/users", user).await, relation }
    }

    /// By the hour, of these packages in the company's group.
    pub async fn hourly(app: &App, company: &Company, relation: i64, packages: &[i64], prepaid: bool) -> Self {
        let customer = Self::new(app, relation, prepaid).await;
        let profile = json!({
            "name": format!("Profile {relation}"), "hypervisorGroups": [company.group], "packages": packages,
        });
        let id = made(app, "/selfService/hourlyGroupProfiles", profile).await;
        done(app, "POST", &customer.path("hourlyGroupProfile"), json!({ "profileId": id })).await;
        done(app, "PUT", &customer.path("access"), json!({ "syncToProfiles": true })).await;
        customer
    }

    /// `/selfService/<what>/byUserExtRelationId/<relation>`
    pub fn path(&self, what: &str) -> String {
        format!("/selfService/{what}/byUserExtRelationId/{}", self.relation)
    }

    pub fn order(company: &Company, package: i64, pack: Option<i64>) -> Value {
        let mut order = json!({ "packageId": package, "hypervisorId": company.group });
        if let Some(id) = pack {
            order["packId"] = json!(id);
        }
        order
    }

    pub async fn server(&self, app: &App, company: &Company, package: i64) -> i64 {
        made(app, &self.path("servers"), Self::order(company, package, None)).await
    }

    pub async fn credit(&self, app: &App, tokens: Value) -> i64 {
        made(app, &self.path("credit"), json!({ "tokens": tokens })).await
    }

    /// As the API shows it.
    pub async fn balance(&self, app: &App) -> Value {
        app.get(&self.path("credit")).await.1["data"]["tokens"].clone()
    }
}

/// A package with so many tokens a month.
pub async fn package(app: &App, name: &str, memory: i64, disk: i64, tokens: &str) -> i64 {
    let package = json!({ "name": name, "memory": memory, "primaryStorage": disk, "cpuCores": 1, "traffic": 100, "enabled": true });
    let id = made(app, "/packages", package).await;
    done(app, "PUT", &format!("/packages/{id}/price"), json!({ "tokens": tokens })).await;
    id
}

/// Turns the clock to a time.
pub fn pass_to(app: &App, time: &str) {
    let to = DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros();
    app.pass(to - app.ctx.now());
}

pub fn pass_minutes(app: &App, minutes: i64) {
    app.pass(minutes * MINUTE);
}
