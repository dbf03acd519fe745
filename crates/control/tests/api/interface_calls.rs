//! Calls of the operations on what interfaces have: port forwards, MAC addresses, VLANs; and on groups of the blocks that
//! their addresses are of.

use serde_json::json;

use crate::{
    app::App,
    operations::{Body, Call, Operation, made, translated_server},
    rows::Company,
};

const GROUPS: &str = "/connectivity/ipblockgroups";

/// A call that succeeds once; none where the operation is another one.
pub async fn example(app: &App, company: &Company, operation: &Operation) -> Option<Call> {
    if operation.path == "/servers/{serverId}/forwards/{forwardId}" {
        let path = format!("/servers/{}/forwards", translated_server(app, company).await);
        let id = made(app, &path, json!({ "protocol": "tcp", "port": 22 })).await;
        return Some(Call { method: operation.method.clone(), path: format!("{path}/{id}"), body: None });
    }
    if operation.path.ends_with("/{ipId}/mac") || operation.path.ends_with("/{subnetId}/mac") {
        let interface = format!("/servers/{}/interfaces/primary", company.server(app).await);
        let (_, shown) = app.get(&interface).await;
        let family = if operation.path.contains("{ipId}") { "ipv4" } else { "ipv6" };
        let path = format!("{interface}/{family}/{}/mac", shown["data"][family][0]["id"]);
        let [a, b]: [u8; 2] = app.ctx.rng.bytes();
        let body = Some(Body::Json(json!({ "mac": format!("02:00:5e:00:{a:02x}:{b:02x}") })));
        return Some(Call { method: operation.method.clone(), path, body });
    }
    if operation.path.contains("/{interface}/vlans") {
        return Some(vlan_call(app, company, operation).await);
    }
    if operation.path.starts_with(GROUPS) {
        return Some(group_call(app, operation).await);
    }
    None
}

async fn group_call(app: &App, operation: &Operation) -> Call {
    let name = app.ctx.rng.letters_and_digits(8);
    let (mut path, mut body) = (GROUPS.to_owned(), json!({ "name": name, "blocks": [2, 1] }));
    if operation.path != GROUPS {
        path = format!("{GROUPS}/{}", made(app, GROUPS, body).await);
        body = json!({ "blocks": [1] });
    }
    if operation.method == "DELETE" {
        body = json!({ "confirm": true });
    }
    Call { method: operation.method.clone(), path, body: (operation.method != "GET").then_some(Body::Json(body)) }
}

/// On an interface at a bridge that keeps VLANs apart.
async fn vlan_call(app: &App, company: &Company, operation: &Operation) -> Call {
    let networks = format!("/compute/hypervisors/{}/networks", company.hypervisors[0]);
    let (_, there) = app.get(&networks).await;
    let network = match there["data"].as_array().unwrap().iter().find(|network| network["bridge"] == "br1") {
        Some(network) => network["id"].as_i64().unwrap(),
        None => made(app, &networks, json!({ "name": "Customers", "bridge": "br1" })).await,
    };
    let interfaces = format!("/servers/{}/interfaces", company.server(app).await);
    made(app, &interfaces, json!({ "hypervisorNetworkId": network })).await;
    let mut path = format!("{interfaces}/secondary/vlans");
    if operation.path.ends_with("/{vlanId}") {
        let id = made(app, &path, json!({ "vlan": 7 })).await;
        path = format!("{path}/{id}");
    }
    let body = match operation.method.as_str() {
        "POST" => Some(Body::Json(json!({ "vlan": 7 }))),
        "PUT" => Some(Body::Json(json!({ "vlan": 8 }))),
        _ => None,
    };
    Call { method: operation.method.clone(), path, body }
}
