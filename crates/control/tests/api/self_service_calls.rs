//! Calls of the operations of self service that succeed, with what they need made before.

use serde_json::{Value, json};

use crate::{
    app::App,
    operations::{Body, Call, Operation, made, related_user},
    rows::Company,
};

/// `None` for every other operation.
pub async fn example(app: &App, company: &Company, operation: &Operation) -> Option<Call> {
    let is_ours = operation.path.starts_with("/selfService/") || operation.path == "/packages/{packageId}/price";
    if !is_ours {
        return None;
    }
    let (path, body) = match operation.path.as_str() {
        "/packages/{packageId}/price" => (format!("/packages/{}/price", company.package), Some(json!({ "tokens": 5 }))),
        path if path.contains("{extRelationId}") => of_user(app, company, operation).await,
        path if path.contains("{packId}") && path.contains("/resourcePack") && !path.contains("Packs/") => {
            of_user_pack(app, operation).await
        }
        _ => of_collection(app, company, operation).await,
    };
    let wants_body = operation.changes() && (operation.method != "DELETE" || takes_confirm(&operation.path));
    Some(Call { method: operation.method.clone(), path, body: body.filter(|_| wants_body).map(Body::Json) })
}

/// What is managed is removed by a word; what the Global API's own operations remove is not.
fn takes_confirm(path: &str) -> bool {
    ["/currencies/", "Profiles/", "Packs/"].iter().any(|part| path.contains(part))
}

/// Settings, currencies, profiles and packs.
async fn of_collection(app: &App, company: &Company, operation: &Operation) -> (String, Option<Value>) {
    let path = operation.path.as_str();
    let collection = path.split("/{").next().unwrap();
    let new = match collection {
        "/selfService/settings" => return (path.to_owned(), Some(json!({ "showHourlyRate": true }))),
        "/selfService/credit" => {
            let (_, relation) = related_user(app).await;
            let add = format!("/selfService/credit/byUserExtRelationId/{relation}");
            return (format!("/selfService/credit/{}", made(app, &add, json!({ "tokens": 7 })).await), None);
        }
        "/selfService/currencies" => currency(app),
        _ if collection.ends_with("Profiles") => profile(app, company),
        _ if collection.ends_with("Packs") => pack(app),
        _ => panic!("{path}: say here what it takes"),
    };
    if !path.contains('{') {
        return (path.to_owned(), Some(new));
    }
    if collection.ends_with("currencies") && app.get(collection).await.1["data"].as_array().unwrap().is_empty() {
        // The first one is the default, and stays.
        made(app, collection, currency(app)).await;
    }
    let id = made(app, collection, new).await;
    let body = if operation.method == "PUT" { json!({ "enabled": false }) } else { json!({ "confirm": true }) };
    (format!("{collection}/{id}"), Some(body))
}

/// One letter each of what is free: there are enough for a test.
fn currency(app: &App) -> Value {
    let code: String = app.ctx.rng.bytes::<3>().iter().map(|byte| char::from(b'A' + byte % 26)).collect();
    json!({ "code": code, "value": "0.01" })
}

pub fn profile(app: &App, company: &Company) -> Value {
    let name = app.ctx.rng.letters_and_digits(8);
    json!({ "name": name, "hypervisorGroups": [company.group], "packages": [company.package] })
}

pub fn pack(app: &App) -> Value {
    json!({ "name": app.ctx.rng.letters_and_digits(8), "limits": { "total_servers": 2, "max_memory": 4096 } })
}

async fn of_user(app: &App, company: &Company, operation: &Operation) -> (String, Option<Value>) {
    let (_, relation) = related_user(app).await;
    let by = format!("byUserExtRelationId/{relation}");
    let mut path = operation.path.replace("byUserExtRelationId/{extRelationId}", &by);
    let noun = operation.path.split('/').nth(2).unwrap();
    let body = match noun {
        "credit" => json!({ "tokens": 100, "reference_1": 400, "reference_2": "invoice" }),
        "hourlyGroupProfile" | "resourceGroupProfile" => {
            let id = made(app, &format!("/selfService/{noun}s"), profile(app, company)).await;
            let named = json!({ "profileId": id });
            if operation.method == "DELETE" {
                assert_eq!(app.post(&format!("/selfService/{noun}/{by}"), named.clone()).await.0, 204);
            }
            path = path.replace("{profileId}", &id.to_string());
            named
        }
        "resourcePack" => json!({ "packId": made(app, "/selfService/resourcePacks", pack(app)).await }),
        "hourlyResourcePack" => json!({ "packId": made(app, "/selfService/hourlyResourcePacks", pack(app)).await }),
        "access" => json!({ "syncToProfiles": true }),
        "servers" => {
            entitle(app, company, relation).await;
            json!({ "packageId": company.package, "hypervisorId": company.group })
        }
        _ => Value::Null,
    };
    (path, Some(body))
}

/// May create servers by the hour, of the company's package in its group.
async fn entitle(app: &App, company: &Company, relation: i64) {
    let by = format!("byUserExtRelationId/{relation}");
    let profile = made(app, "/selfService/hourlyGroupProfiles", profile(app, company)).await;
    let named = json!({ "profileId": profile });
    assert_eq!(app.post(&format!("/selfService/hourlyGroupProfile/{by}"), named).await.0, 204);
    assert_eq!(app.put(&format!("/selfService/access/{by}"), json!({ "syncToProfiles": true })).await.0, 204);
    assert_eq!(app.put(&format!("/packages/{}/price", company.package), json!({ "tokens": 5 })).await.0, 204);
}

async fn of_user_pack(app: &App, operation: &Operation) -> (String, Option<Value>) {
    let (_, relation) = related_user(app).await;
    let id = made(app, "/selfService/resourcePacks", pack(app)).await;
    let give = format!("/selfService/resourcePack/byUserExtRelationId/{relation}");
    let of_user = made(app, &give, json!({ "packId": id })).await;
    let path = operation.path.replace("{packId}", &of_user.to_string());
    let body = if operation.method == "PUT" { json!({ "enabled": false }) } else { json!({}) };
    (path, Some(body))
}
