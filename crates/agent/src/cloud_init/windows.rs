//! What cloudbase-init, cloud-init's counterpart in Windows, reads of the same three files.
//!
//! Its NoCloud service takes the host name, the instance and the administrator's keys from the metadata and the network
//! of version 2; its cloud-config knows `users`, `set_timezone`, `runcmd`, `write_files` and little else
//! (<https://cloudbase-init.readthedocs.io/en/latest/userdata.html#cloud-config>). A password is in the clear there:
//! Windows takes no hash.

use berth_proto::GuestSeed;
use serde_json::{Map, Value, json};

/// The account that every Windows has; its password is the server's.
const ADMINISTRATOR: &str = "Administrator";

pub(super) fn own_config(seed: &GuestSeed) -> Map<String, Value> {
    let mut config = Map::new();
    let mut administrator = json!({ "name": ADMINISTRATOR });
    if !seed.administrator_password.is_empty() {
        administrator["passwd"] = json!(seed.administrator_password);
    }
    config.insert("users".into(), json!([administrator]));
    if !seed.timezone.is_empty() {
        config.insert("set_timezone".into(), json!(seed.timezone));
    }
    config
}

pub(super) fn add_keys(meta_data: &mut Value, seed: &GuestSeed) {
    if !seed.ssh_keys.is_empty() {
        meta_data["public-keys"] = json!(seed.ssh_keys);
    }
}

/// It reads the resolvers of each interface, also of one that has none.
pub(super) fn complete(network_config: &mut Value) {
    let ethernets = network_config["ethernets"].as_object_mut();
    for ethernet in ethernets.into_iter().flat_map(|ethernets| ethernets.values_mut()) {
        if ethernet.get("nameservers").is_none() {
            ethernet["nameservers"] = json!({ "addresses": [] });
        }
    }
}
