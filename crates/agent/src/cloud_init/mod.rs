//! Makes the three files of a NoCloud seed from a server's specification: pure, for golden files and for a property
//! test that no text of a customer breaks out of its place.
//!
//! Customer text is data in a tree and never a template; the tree is written as YAML by [`yaml`]. The words used are
//! those that cloud-init of the last five years and small shell readers of NoCloud share.

mod merge;
mod network;
mod windows;
mod yaml;

use berth_proto::{GuestSeed, InterfaceSpec, ServerSpec};
use serde_json::{Map, Value, json};

use crate::domain_xml::{self, WINDOWS};

/// The files of a NoCloud seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedFiles {
    pub meta_data: String,
    pub user_data: String,
    pub network_config: String,
}

/// Why no seed can be made, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SeedError(pub String);

/// Where the guest's swap lies, if it has any.
const SWAP_FILE: &str = "/swapfile";
/// sshd takes the first value that it reads, so this name comes before those of distributions and of cloud-init.
const SSHD_DROP_IN: &str = "/etc/ssh/sshd_config.d/01-root-password.conf";
/// Constant, no text of anybody gets in. Older sshd configurations include no folder; they are edited. Systems differ
/// in what runs sshd.
const SSHD_TAKES_PASSWORDS: &str = "\
grep -qs '^Include .*sshd_config.d' /etc/ssh/sshd_config || \
sed -i -e 's/^#*PermitRootLogin.*/PermitRootLogin yes/' -e 's/^PasswordAuthentication no/PasswordAuthentication yes/' \
/etc/ssh/sshd_config 2>/dev/null; \
systemctl try-reload-or-restart ssh.service 2>/dev/null; systemctl try-reload-or-restart sshd.service 2>/dev/null; \
rc-service sshd restart 2>/dev/null; true";

/// The seed of the server. A specification without one gets a seed that names only the server.
pub fn seed_files(spec: &ServerSpec) -> Result<SeedFiles, SeedError> {
    let seed = spec.seed.clone().unwrap_or_default();
    let instance_id = if seed.instance_id.is_empty() { &spec.server_uuid } else { &seed.instance_id };
    let mut meta_data = json!({ "instance-id": instance_id, "local-hostname": seed.hostname });
    let is_windows = spec.os_type == WINDOWS;
    let own = if is_windows { windows::own_config(&seed) } else { own_config(&seed) };
    if is_windows {
        windows::add_keys(&mut meta_data, &seed);
    }
    let merged = match seed.user_data.trim() {
        "" => own,
        theirs => merge::under(own, theirs)?,
    };
    let mut network_config = network::network_config(spec)?;
    if is_windows {
        windows::complete(&mut network_config);
    }
    Ok(SeedFiles {
        meta_data: yaml::to_yaml(&meta_data),
        user_data: format!("#cloud-config\n{}", yaml::to_yaml(&Value::Object(merged))),
        network_config: yaml::to_yaml(&network_config),
    })
}

/// By which the network that a guest read at its start is told from the one that its seed has now: a hash of addresses,
/// routes and resolvers. Empty where no guest reads it at each start: without a seed, and of Windows, which reads it once
/// after each build.
pub fn network_hash(spec: &ServerSpec) -> String {
    if spec.seed.is_none() || spec.os_type == WINDOWS {
        return String::new();
    }
    // How large frames may be waits as a matter of the interface itself.
    let interfaces = spec.interfaces.iter().map(|one| InterfaceSpec { mtu: 0, ..one.clone() }).collect();
    let network = network::network_config(&ServerSpec { interfaces, ..Default::default() });
    network.map(|network| domain_xml::text_hash(&yaml::to_yaml(&network))).unwrap_or_default()
}

fn own_config(seed: &GuestSeed) -> Map<String, Value> {
    let mut config = Map::new();
    let mut set = |key: &str, value: Value| drop(config.insert(key.into(), value));
    set("hostname", json!(seed.hostname));
    set("fqdn", json!(if seed.fqdn.is_empty() { &seed.hostname } else { &seed.fqdn }));
    set("preserve_hostname", json!(false));
    set("manage_etc_hosts", json!(true));
    set("disable_root", json!(false));
    // Addresses come and go between builds: the guest reads its network at each boot.
    set("updates", json!({ "network": { "when": ["boot-new-instance", "boot"] } }));
    set("ssh_pwauth", json!(seed.ssh_password_login));
    if !seed.ssh_keys.is_empty() {
        set("ssh_authorized_keys", json!(seed.ssh_keys));
    }
    // Root is the only user: the images' own default users would get the keys too.
    let mut root = json!({ "name": "root", "lock_passwd": seed.root_password_hash.is_empty() });
    if !seed.root_password_hash.is_empty() {
        root["hashed_passwd"] = json!(seed.root_password_hash);
        set(
            "chpasswd",
            json!({
                "expire": false,
                "users": [{ "name": "root", "password": seed.root_password_hash, "type": "hash" }],
            }),
        );
    }
    set("users", json!([root]));
    if !seed.timezone.is_empty() {
        set("timezone", json!(seed.timezone));
    }
    if seed.swap_mib != 0 {
        let size = format!("{}M", seed.swap_mib);
        set("swap", json!({ "filename": SWAP_FILE, "size": size, "maxsize": size }));
    }
    if seed.ssh_password_login {
        let content = "PermitRootLogin yes\nPasswordAuthentication yes\n";
        set("write_files", json!([{ "path": SSHD_DROP_IN, "permissions": "0644", "content": content }]));
        set("runcmd", json!([["sh", "-c", SSHD_TAKES_PASSWORDS]]));
    }
    config
}

#[cfg(test)]
mod tests;
