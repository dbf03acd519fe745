//! What the guest says of itself, through QEMU's guest agent.
//!
//! Commands and answers: <https://www.qemu.org/docs/master/interop/qemu-ga-ref.html>.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use berth_proto as proto;
use serde_json::{Value, json};

use crate::libvirt::{HostError, Libvirt};

/// Entries of a guest's list that are taken; what it says is not trusted.
const LIST_LIMIT: usize = 32;
const TEXT_LIMIT_CHARS: usize = 200;

pub async fn answers(libvirt: &Libvirt, domain: &str) -> bool {
    libvirt.guest_agent(domain, &json!({ "execute": "guest-ping" })).await.is_ok()
}

/// Sets a password by its crypt(3) hash, so that the password itself never reaches the node.
pub async fn set_password(libvirt: &Libvirt, domain: &str, user: &str, hash: &str) -> Result<(), HostError> {
    let arguments = json!({ "username": user, "password": BASE64.encode(hash), "crypted": true });
    libvirt
        .guest_agent(domain, &json!({ "execute": "guest-set-user-password", "arguments": arguments }))
        .await
        .map(|_| ())
}

pub async fn os(libvirt: &Libvirt, domain: &str) -> Option<proto::GuestOs> {
    let said = libvirt.guest_agent(domain, &json!({ "execute": "guest-get-osinfo" })).await.ok()?;
    Some(proto::GuestOs {
        id: text(&said, "id"),
        pretty_name: text(&said, "pretty-name"),
        kernel_release: text(&said, "kernel-release"),
        version: text(&said, "version-id"),
    })
}

pub async fn filesystems(libvirt: &Libvirt, domain: &str) -> Vec<proto::GuestFilesystem> {
    let said = libvirt.guest_agent(domain, &json!({ "execute": "guest-get-fsinfo" })).await.unwrap_or_default();
    let list = said.as_array().map(Vec::as_slice).unwrap_or_default();
    let filesystem = |of: &Value| proto::GuestFilesystem {
        name: text(of, "name"),
        mountpoint: text(of, "mountpoint"),
        r#type: text(of, "type"),
        used_bytes: of["used-bytes"].as_u64().unwrap_or(0),
        total_bytes: of["total-bytes"].as_u64().unwrap_or(0),
    };
    list.iter().take(LIST_LIMIT).map(filesystem).collect()
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().chars().filter(|c| !c.is_control()).take(TEXT_LIMIT_CHARS).collect()
}
