//! Every operation of the document with a call that it accepts. An operation without one fails the tests that go
//! through all of them, so a new route can't be forgotten.

use berth_control::http::v1;
use serde_json::{Value, json};

use crate::{
    app::App,
    dns_calls, interface_calls,
    rows::{self, Company},
    self_service_calls,
};

/// A key of nobody's.
pub const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon";

/// One operation of the document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    pub path: String,
    pub method: String,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn changes(&self) -> bool {
        self.method != "GET"
    }
}

/// All of them, by path.
pub fn all() -> Vec<Operation> {
    let document = serde_json::to_value(v1::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.push(Operation { path: path.clone(), method: method.to_uppercase() });
        }
    }
    found.sort();
    found
}

/// What is sent for an operation.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// Below `/api/v1`, with its ids.
    pub path: String,
    pub body: Option<Body>,
}

#[derive(Clone, Debug)]
pub enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

impl Call {
    pub fn request(&self, app: &App, token: &str) -> reqwest::RequestBuilder {
        let request = app.request(token, &self.method, &self.path);
        match self.body.clone() {
            None => request,
            Some(Body::Json(body)) => request.header("content-type", "application/json").body(body.to_string()),
            Some(Body::Bytes(bytes)) => request.header("content-type", "application/octet-stream").body(bytes),
        }
    }

    pub async fn send(&self, app: &App, token: &str) -> (u16, Value) {
        App::answer(self.request(app, token)).await
    }
}

/// A call that succeeds once, with everything that it needs made before.
pub async fn example(app: &App, company: &Company, operation: &Operation) -> Call {
    if let Some(call) = dns_calls::example(app, company, operation).await {
        return call;
    }
    if let Some(call) = self_service_calls::example(app, company, operation).await {
        return call;
    }
    if let Some(call) = interface_calls::example(app, company, operation).await {
        return call;
    }
    if operation.path == "/servers/{serverId}/traffic/blocks/{blockId}" {
        let path = format!("/servers/{}/traffic/blocks", company.server(app).await);
        assert_eq!(app.post(&path, json!({ "month": 1, "amount": 5 })).await.0, 201);
        let (_, blocks) = app.get(&path).await;
        let path = format!("{path}/{}", blocks["data"]["assigned"][0]["id"]);
        return Call { method: operation.method.clone(), path, body: None };
    }
    if operation.path == "/users/{extRelationId}/serverAuthenticationTokens/{serverId}" {
        let (user, relation) = related_user(app).await;
        let server = company.server(app).await;
        assert_eq!(app.put(&format!("/servers/{server}/owner/{user}"), json!({})).await.0, 201);
        let path = format!("/users/{relation}/serverAuthenticationTokens/{server}");
        return Call { method: operation.method.clone(), path, body: Some(Body::Json(json!({}))) };
    }
    let reference = match operation.name().as_str() {
        "DELETE /servers/{serverId}/interfaces/{interface}" => "secondary",
        _ => "primary",
    };
    let mut path = operation.path.replace("{address}", "192.0.2.1").replace("{interface}", reference);
    let drive = if operation.method == "DELETE" { "b" } else { "a" };
    path = path.replace("{diskRef}", drive);
    if path.starts_with("/compute/hypervisors/{hypervisorId}/networks") {
        let node = rows::spare_hypervisor(app, company.group).await;
        path = path.replace("{hypervisorId}", &node.to_string());
        if path.contains("{networkId}") {
            let networks = format!("/compute/hypervisors/{node}/networks");
            let made = made(app, &networks, json!({ "name": "Customers", "bridge": "br1" })).await;
            path = path.replace("{networkId}", &made.to_string());
        }
    }
    if path.contains("ipblocks/{blockId}") && path.starts_with("/compute") {
        path = path.replace("{blockId}", &made(app, BLOCKS, ip_block(app, Some(company))).await.to_string());
    }
    if operation.path.ends_with("/storage/{pointId}") {
        let node = format!("/compute/hypervisors/{}/storage", company.hypervisors[0]);
        let id = made(app, &node, storage_point(app)).await;
        let body = (operation.method == "PUT").then(|| Body::Json(json!({ "alertPercent": 80 })));
        return Call { method: operation.method.clone(), path: format!("{node}/{id}"), body };
    }
    if path.contains('{') {
        let id = id_of(app, company, operation).await;
        let (before, rest) = path.split_once('{').unwrap();
        path = format!("{before}{id}{}", rest.split_once('}').unwrap().1);
    }
    if path.contains("{ruleId}") {
        let (_, rules) = app.get(path.split("/{ruleId}").next().unwrap()).await;
        path = path.replace("{ruleId}", &rules["data"][0]["id"].to_string());
    }
    let body = match operation.name().as_str() {
        "POST /compute/hypervisors/{hypervisorId}/ipblocks" => {
            Some(Body::Json(json!({ "blockId": made(app, BLOCKS, ip_block(app, None)).await })))
        }
        "DELETE /servers/{serverId}/ipv4" => {
            Some(Body::Json(json!({ "ip": [first_ipv4(app, &path).await["address"]] })))
        }
        "DELETE /servers/{serverId}/interfaces/{interface}/ipv6" => {
            let server = path.split("/interfaces").next().unwrap();
            let (_, whole) = app.get(server).await;
            let subnet = whole["data"]["network"]["interfaces"][0]["ipv6"][0]["subnet"].as_str().unwrap();
            Some(Body::Json(json!({ "subnet": format!("{subnet}/64") })))
        }
        _ => body(app, company, operation),
    };
    // Whom a server is given to.
    let mut path = path.replace("{newOwnerId}", "1").replace("{packageId}", &company.package.to_string());
    if path.contains("{planId}") {
        path = path.replace("{planId}", &made(app, PLANS, backup_plan(app)).await.to_string());
    }
    if operation.name() == "GET /compute/hypervisors/groups/{hypervisorGroupId}/fits" {
        path = format!("{path}?packageId={}", company.package);
    }
    Call { method: operation.method.clone(), path, body }
}

async fn first_ipv4(app: &App, path: &str) -> Value {
    let (_, whole) = app.get(path.trim_end_matches("/ipv4")).await;
    whole["data"]["network"]["interfaces"][0]["ipv4"][0].clone()
}

const BLOCKS: &str = "/connectivity/ipblocks";
const PLANS: &str = "/backups/plans";

/// The id in the path, of something that was made for it.
async fn id_of(app: &App, company: &Company, operation: &Operation) -> i64 {
    let name = operation.name();
    match name.as_str() {
        "DELETE /servers/{serverId}/pendingDelete" => {
            let id = company.server(app).await;
            assert_eq!(app.delete(&format!("/servers/{id}?delay=60")).await.0, 204);
            id
        }
        "POST /servers/{serverId}/unsuspend" => {
            let id = company.built_server(app).await;
            assert_eq!(app.post(&format!("/servers/{id}/suspend"), json!({})).await.0, 204);
            id
        }
        "POST /servers/{serverId}/forwards" => translated_server(app, company).await,
        "DELETE /servers/{serverId}/interfaces/{interface}" => {
            let id = company.server(app).await;
            made(app, &format!("/servers/{id}/interfaces"), json!({ "hypervisorNetworkId": 1 })).await;
            id
        }
        "DELETE /servers/{serverId}/disks/{diskRef}" => {
            let id = company.server(app).await;
            made(app, &format!("/servers/{id}/disks"), json!({ "sizeGb": 1 })).await;
            id
        }
        "DELETE /servers/{serverId}/networkWhitelist" => {
            let id = company.server(app).await;
            let passed = json!({ "ip": "10.0.0.10", "cidr": 32 });
            let listed = app.post(&format!("/servers/{id}/networkWhitelist"), passed).await;
            assert_eq!(listed.0, 201, "{}", listed.1);
            id
        }
        "DELETE /servers/{serverId}" | "POST /servers/{serverId}/build" => company.server(app).await,
        "DELETE /connectivity/ipblocks/{blockId}" | "PUT /connectivity/ipblocks/{blockId}" => {
            made(app, BLOCKS, ip_block(app, None)).await
        }
        "DELETE /connectivity/ipblocks/{blockId}/ipv4" => {
            let id = made(app, BLOCKS, ip_block(app, None)).await;
            let one = json!({ "start": "198.51.100.77", "end": "198.51.100.77" });
            assert_eq!(app.post(&format!("{BLOCKS}/{id}/ipv4"), one).await.0, 204);
            id
        }
        "DELETE /firewall/rulesets/{rulesetId}" => {
            let name = app.ctx.rng.letters_and_digits(8);
            made(app, "/firewall/rulesets", json!({ "name": name })).await
        }
        _ if operation.path.contains("{rulesetId}") => 1,
        "DELETE /ssh_keys/{keyId}" => made(app, "/ssh_keys", ssh_key(company)).await,
        "DELETE /tokens/{tokenId}" => {
            let (user, _) = related_user(app).await;
            assert_eq!(app.put(&format!("/users/{user}/role"), json!({ "role": "read-only" })).await.0, 200);
            made(app, "/tokens", json!({ "name": "to be revoked", "userId": user })).await
        }
        "DELETE /users/{userId}" | "PUT /users/{userId}/role" => related_user(app).await.0,
        "PUT /media/iso/{isoId}/file" => made(app, "/media/iso", json!({ "name": "to be uploaded" })).await,
        "DELETE /servers/{serverId}/media/iso" => {
            let id = company.built_server(app).await;
            assert_eq!(app.post(&format!("/servers/{id}/media/iso"), iso_url()).await.0, 200);
            id
        }
        _ if operation.path.contains("{isoId}") => {
            made(app, "/media/iso", json!({ "name": "Rescue", "url": iso_url()["url"] })).await
        }
        "DELETE /compute/hypervisors/{hypervisorId}" => rows::spare_hypervisor(app, company.group).await,
        "DELETE /compute/hypervisors/groups/{hypervisorGroupId}" => {
            made(app, "/compute/hypervisors/groups", json!({ "name": random_name(app) })).await
        }
        "DELETE /packages/{packageId}" => made(app, "/packages", package(&random_name(app))).await,
        _ if operation.path.starts_with("/backups/plans/") => made(app, PLANS, backup_plan(app)).await,
        "DELETE /media/icons/{iconId}" => uploaded(app, "/media/icons", icon(app)).await,
        _ if operation.path.contains("{templateId}") => made(app, "/media/templates", template(app)).await,
        _ if operation.path.contains("{categoryId}") => {
            made(app, "/media/templates/categories", json!({ "name": random_name(app) })).await
        }
        _ if operation.path.contains("{extRelationId}") => related_user(app).await.1,
        _ if operation.path.contains("{serverId}") => company.built_server(app).await,
        _ if operation.path.contains("{keyId}") => company.key,
        _ if operation.path.contains("{userId}") => company.user,
        _ if operation.path.contains("ackageId}") => company.package,
        _ if operation.path.contains("{hypervisorId}") => company.hypervisors[0],
        _ if operation.path.contains("{hypervisorGroupId}") => company.group,
        _ if operation.path.contains("{blockId}") => 1,
        "POST /queue/{queueId}/cancel" => queued_build(app, company).await,
        "POST /queue/{queueId}/retry" => {
            let id = queued_build(app, company).await;
            assert_eq!(app.post(&format!("/queue/{id}/cancel"), json!({})).await.0, 200);
            id
        }
        _ if operation.path.contains("{queueId}") => {
            let id = company.server(app).await;
            assert_eq!(app.delete(&format!("/servers/{id}")).await.0, 204);
            app.get("/queue").await.1["data"][0]["id"].as_i64().unwrap()
        }
        _ => panic!("{name}: say here which id it takes"),
    }
}

/// A server whose node translates its addresses.
pub async fn translated_server(app: &App, company: &Company) -> i64 {
    let network = format!("/compute/hypervisors/{}/networks/1", company.hypervisors[0]);
    let changed = app.call("PUT", &network, Some(json!({ "type": "lvNatv1" }).to_string())).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    company.server(app).await
}

/// A new user's id and relation.
pub async fn related_user(app: &App) -> (i64, i64) {
    let relation = i64::from(u16::from_le_bytes(app.ctx.rng.bytes())) + 1_000_000;
    let mut user = user(app);
    user["extRelationId"] = json!(relation);
    (made(app, "/users", user).await, relation)
}

fn body(app: &App, company: &Company, operation: &Operation) -> Option<Body> {
    let random = app.ctx.rng.letters_and_digits(8).to_lowercase();
    let name = operation.name();
    let body = match name.as_str() {
        "POST /users" => user(app),
        "PUT /users/{userId}/role" => json!({ "role": "support" }),
        "POST /ssh_keys" => ssh_key(company),
        "POST /packages" => package(&random),
        "POST /backups/plans" => backup_plan(app),
        "PUT /backups/plans/{planId}" => json!({ "time": "04:30", "keep": 3 }),
        "POST /compute/hypervisors/enrolmentTokens" => json!({ "name": random, "groupId": company.group }),
        "POST /compute/hypervisors/groups" => json!({ "name": random }),
        "POST /compute/hypervisors/{hypervisorId}/storage" => storage_point(app),
        "POST /connectivity/ipblocks" => ip_block(app, Some(company)),
        "PUT /connectivity/ipblocks/{blockId}" => json!({ "enabled": false }),
        "DELETE /connectivity/ipblocks/{blockId}" => json!({ "confirm": true }),
        "POST /connectivity/ipblocks/{blockId}/ipv4" => json!({ "network": "198.51.100.64", "prefix": 30 }),
        "PUT /connectivity/ipblocks/{blockId}/ipv4" => json!({ "addresses": ["192.0.2.9"], "reserved": true }),
        "DELETE /connectivity/ipblocks/{blockId}/ipv4" => {
            json!({ "addresses": ["198.51.100.77"], "confirm": true })
        }
        "PUT /compute/hypervisors/{hypervisorId}/ipblocks/order" => json!({ "blocks": [2, 1] }),
        "PUT /compute/hypervisors/{hypervisorId}/ipblocks/{blockId}" => json!({ "networkId": 1 }),
        "PUT /compute/hypervisors/{hypervisorId}" => json!({ "name": random, "maxServers": 900 }),
        "PUT /compute/hypervisors/groups/{hypervisorGroupId}" => json!({ "label": random }),
        "PUT /packages/{packageId}" => json!({ "description": random }),
        "PUT /media/templates/{templateId}" => json!({ "name": random, "eolDate": "2030-01-31" }),
        "POST /media/templates/categories" => json!({ "name": random }),
        "PUT /media/templates/categories/{categoryId}" => json!({ "position": 7 }),
        "POST /media/icons" => return Some(Body::Bytes(icon(app))),
        "DELETE /compute/hypervisors/{hypervisorId}"
        | "DELETE /compute/hypervisors/groups/{hypervisorGroupId}"
        | "DELETE /packages/{packageId}"
        | "DELETE /media/templates/{templateId}"
        | "DELETE /media/templates/categories/{categoryId}"
        | "DELETE /media/icons/{iconId}"
        | "DELETE /backups/plans/{planId}" => json!({ "confirm": true }),
        "POST /media/templates" => template(app),
        "PUT /media/templates/{templateId}/image" => return Some(Body::Bytes(image())),
        "POST /media/iso" => json!({ "name": "Rescue", "url": iso_url()["url"], "users": [company.user] }),
        "PUT /media/iso/{isoId}" => json!({ "enabled": false }),
        "PUT /media/iso/{isoId}/file" => return Some(Body::Bytes(disc())),
        "POST /servers/{serverId}/media/iso" => iso_url(),
        "PUT /servers/{serverId}/hardware" => json!({ "bootOrder": ["cdrom", "hd"] }),
        // Text is tried by a node.
        "POST /servers/{serverId}/customXML" => json!({ "osEnabled": true }),
        "POST /tokens" => json!({ "name": random, "allowedAddresses": ["192.0.2.0/24"], "expiresInDays": 7 }),
        "POST /servers" => company.order(),
        "POST /servers/{serverId}/ipv4Qty" => json!({ "interface": "primary", "quantity": 1 }),
        "POST /servers/{serverId}/ipv4" => json!({ "interface": "primary", "ip": ["192.0.2.199"] }),
        "POST /servers/{serverId}/networkWhitelist" => json!({ "ip": "10.0.0.10", "cidr": 32 }),
        "DELETE /servers/{serverId}/networkWhitelist" => json!({ "interface": "primary", "ip": "10.0.0.10" }),
        "PUT /servers/{serverId}/interfaces/{interface}" => json!({ "inAverage": 1000 }),
        "POST /servers/{serverId}/interfaces" => json!({ "hypervisorNetworkId": 1 }),
        "POST /servers/{serverId}/disks" => json!({ "sizeGb": 1, "filesystem": "ext4", "qos": { "readIops": 500 } }),
        "PUT /servers/{serverId}/disks/{diskRef}" => json!({ "sizeGb": 6, "apply": true }),
        "DELETE /servers/{serverId}/disks/{diskRef}" => json!({ "confirm": true }),
        "POST /servers/{serverId}/forwards" => json!({ "protocol": "tcp", "port": 22 }),
        "DELETE /servers/{serverId}/interfaces/{interface}" => json!({ "confirm": true }),
        "POST /compute/hypervisors/{hypervisorId}/networks" => json!({ "name": random, "bridge": "nat0" }),
        "PUT /compute/hypervisors/{hypervisorId}/networks/{networkId}" => json!({ "name": random }),
        "DELETE /compute/hypervisors/{hypervisorId}/networks/{networkId}" => json!({ "confirm": true }),
        "POST /servers/{serverId}/interfaces/{interface}/ipv4" => json!({ "quantity": 1 }),
        "DELETE /servers/{serverId}/interfaces/{interface}/ipv4" => json!({ "quantity": 1 }),
        "POST /servers/{serverId}/interfaces/{interface}/ipv6" => json!({}),
        "POST /servers/{serverId}/firewall/{interface}/rules" => json!({ "rulesets": [1] }),
        "PUT /servers/{serverId}/firewall/{interface}/rules/{ruleId}" => json!({ "priority": 7 }),
        "POST /servers/{serverId}/firewall/{interface}/rulesets" => json!({ "rulesetId": 1 }),
        "POST /firewall/rulesets" => json!({ "name": random }),
        "PUT /firewall/rulesets/{rulesetId}" => json!({ "description": "Changed." }),
        "DELETE /firewall/rulesets/{rulesetId}" => json!({ "confirm": true }),
        "PUT /packages/{packageId}/trafficPolicy" => json!({ "policy": "throttle", "throttle": 125 }),
        "PUT /packages/{packageId}/cpuFairness" => {
            json!({ "share": 80, "minutes": 60, "throttle": 50, "throttleMinutes": 30 })
        }
        "PUT /packages/{packageId}/firewallRulesets" => json!({ "rulesets": [1] }),
        _ if operation.changes() && operation.path.contains("/firewall/{interface}/") => json!({}),
        "POST /servers/{serverId}/quarantine" => json!({}),
        "POST /servers/{serverId}/traffic/blocks" => json!({ "month": 2, "amount": 100 }),
        "POST /servers/{serverId}/build" => json!({ "operatingSystemId": company.template, "hostname": "a.example" }),
        "POST /servers/{serverId}/vnc" => json!({ "vnc": true }),
        "PUT /users/{extRelationId}/byExtRelation" => json!({ "name": "Jon Doe", "enabled": true }),
        "POST /servers/{serverId}/resetPassword" => json!({ "user": "root" }),
        "POST /users/{extRelationId}/byExtRelation/resetPassword"
        | "POST /users/{extRelationId}/authenticationTokens" => json!({}),
        "POST /servers/{serverId}/console" => json!({}),
        "POST /servers/{serverId}/suspend" | "POST /servers/{serverId}/unsuspend" => json!({}),
        "PUT /servers/{serverId}/package/{packageId}" => json!({ "memory": false }),
        _ if operation.path.contains("/modify/") => modification(&name, &random),
        "PUT /servers/{serverId}/owner/{newOwnerId}" => json!({}),
        "PUT /servers/{serverId}/backupManager/access" => json!({ "type": "full" }),
        "PUT /servers/{serverId}/backups/plan/{planId}" => json!({}),
        _ if matches!(operation.method.as_str(), "GET" | "DELETE") => return None,
        "POST /compute/hypervisors/{hypervisorId}/selftest" => json!({}),
        "POST /compute/hypervisors/{hypervisorId}/networkFilters/regenerate" => json!({}),
        _ if operation.path.contains("/power/") || operation.path.starts_with("/queue/") => json!({}),
        _ => panic!("{name}: say here which body it takes"),
    };
    Some(Body::Json(body))
}

fn modification(name: &str, random: &str) -> Value {
    match name {
        "PUT /servers/{serverId}/modify/name" => json!({ "name": random }),
        "PUT /servers/{serverId}/modify/memory" => json!({ "memory": 1024 }),
        "PUT /servers/{serverId}/modify/cpuCores" => json!({ "cores": 2 }),
        "PUT /servers/{serverId}/modify/cpuThrottle" => json!({ "percent": 50 }),
        "PUT /servers/{serverId}/modify/storage" => json!({ "drive": "a", "size": 6 }),
        "PUT /servers/{serverId}/modify/traffic" => json!({ "traffic": 100 }),
        "PUT /servers/{serverId}/modify/protected" => json!({ "protected": true }),
        _ => panic!("{name}: say here which body it takes"),
    }
}

async fn queued_build(app: &App, company: &Company) -> i64 {
    let id = company.server(app).await;
    let order = json!({ "operatingSystemId": company.template });
    assert_eq!(app.post(&format!("/servers/{id}/build"), order).await.0, 200);
    app.get(&format!("/queue?serverId={id}")).await.1["data"][0]["id"].as_i64().unwrap()
}

pub async fn made(app: &App, path: &str, body: Value) -> i64 {
    let (status, answer) = app.post(path, body).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer["data"]["id"].as_i64().unwrap()
}

async fn uploaded(app: &App, path: &str, bytes: Vec<u8>) -> i64 {
    let (status, answer) = App::answer(app.request(&app.token, "POST", path).body(bytes)).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer["data"]["id"].as_i64().unwrap()
}

fn random_name(app: &App) -> String {
    app.ctx.rng.letters_and_digits(8)
}

/// Begins as a PNG does; another one each time.
pub fn icon(app: &App) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".to_vec(), random_name(app).into_bytes()].concat()
}

pub fn user(app: &App) -> Value {
    let random = app.ctx.rng.letters_and_digits(8).to_lowercase();
    json!({ "name": "Jane", "email": format!("{random}@example.test") })
}

pub fn ssh_key(company: &Company) -> Value {
    json!({ "userId": company.user, "name": "laptop", "publicKey": PUBLIC_KEY })
}

pub fn package(name: &str) -> Value {
    json!({ "name": name, "memory": 512, "primaryStorage": 5, "cpuCores": 1 })
}

fn backup_plan(app: &App) -> Value {
    json!({ "name": random_name(app), "days": [1, 4] })
}

/// A mount point of its own.
fn storage_point(app: &App) -> Value {
    let name = random_name(app);
    json!({ "name": name, "type": "mountpoint", "path": format!("/mnt/{name}"), "capacity": 500 })
}

/// A block of ten addresses of its own; without a company it serves nobody.
pub fn ip_block(app: &App, company: Option<&Company>) -> Value {
    let [a, b, c]: [u8; 3] = app.ctx.rng.bytes();
    let first = c % 20 * 10 + 2;
    let nodes: Vec<i64> = company.iter().map(|company| company.hypervisors[0]).collect();
    json!({
        "name": format!("Block 10.{a}.{b}.{first}"), "type": 4, "gateway": format!("10.{a}.{b}.1"), "prefixLen": 24,
        "first": format!("10.{a}.{b}.{first}"), "last": format!("10.{a}.{b}.{}", first + 9), "hypervisorIds": nodes,
    })
}

pub fn template(app: &App) -> Value {
    let slug = app.ctx.rng.letters_and_digits(8).to_lowercase();
    json!({ "slug": slug, "name": "Micro", "version": "1" })
}

/// The least that is a qcow2 image: a header of version 3 with a disk of 1 GiB.
pub fn image() -> Vec<u8> {
    let mut bytes = vec![0; 1 << 10];
    bytes[..4].copy_from_slice(b"QFI\xfb");
    bytes[7] = 3;
    bytes[24..32].copy_from_slice(&(1_u64 << 30).to_be_bytes());
    bytes
}

/// The least that is an ISO image: the mark of ISO 9660 in sector 16.
pub fn disc() -> Vec<u8> {
    let mut bytes = vec![0; 20 * 2048];
    bytes[16 * 2048 + 1..16 * 2048 + 6].copy_from_slice(b"CD001");
    bytes
}

fn iso_url() -> Value {
    json!({ "url": "https://images.test/rescue.iso" })
}

/// A company with enough addresses for every operation.
pub async fn company(app: &App) -> Company {
    rows::company(app, 1, 200).await
}
