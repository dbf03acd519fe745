//! What the guest says of itself, through QEMU's guest agent.
//!
//! Commands and answers: <https://www.qemu.org/docs/master/interop/qemu-ga-ref.html>.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use berth_proto as proto;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::libvirt::{HostError, Libvirt};

/// Entries of a guest's list that are taken; what it says is not trusted.
const LIST_LIMIT: usize = 32;
const TEXT_LIMIT_CHARS: usize = 200;
/// Processors of a guest that are looked at.
const PROCESSORS_MAX: usize = 1024;
/// How long a guest may take to notice a processor and to switch it on; other work on the server waits meanwhile.
const PROCESSORS_LIMIT: Duration = Duration::from_secs(10);
const PROCESSORS_POLL: Duration = Duration::from_millis(200);

pub async fn answers(libvirt: &Libvirt, domain: &str) -> bool {
    libvirt.guest_agent(domain, &json!({ "execute": "guest-ping" })).await.is_ok()
}

/// Sets a password by its crypt(3) hash, so that the password itself never reaches the node.
/// Windows takes no hash, so there it is the password.
pub async fn set_password(
    libvirt: &Libvirt,
    domain: &str,
    user: &str,
    text: &str,
    is_hash: bool,
) -> Result<(), HostError> {
    let arguments = json!({ "username": user, "password": BASE64.encode(text), "crypted": is_hash });
    libvirt
        .guest_agent(domain, &json!({ "execute": "guest-set-user-password", "arguments": arguments }))
        .await
        .map(|_| ())
}

/// Switches on all processors that the guest has and that are off, until `wanted` are on; whether that was in time. One that
/// was just added is not known to a busy guest yet.
pub async fn switch_processors_on(libvirt: &Libvirt, domain: &str, wanted: u32) -> bool {
    let end = Instant::now() + PROCESSORS_LIMIT;
    loop {
        let Some(Processors { on, off }) = processors(libvirt, domain).await else { return false };
        if off.is_empty() && on >= wanted as usize {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        if off.is_empty() {
            tokio::time::sleep(PROCESSORS_POLL).await;
            continue;
        }
        let vcpus: Vec<Value> = off.iter().map(|id| json!({ "logical-id": id, "online": true })).collect();
        let command = json!({ "execute": "guest-set-vcpus", "arguments": { "vcpus": vcpus } });
        if libvirt.guest_agent(domain, &command).await.is_err() {
            return false;
        }
    }
}

struct Processors {
    on: usize,
    /// Their numbers.
    off: Vec<u64>,
}

/// None where the agent does not answer.
async fn processors(libvirt: &Libvirt, domain: &str) -> Option<Processors> {
    let said = libvirt.guest_agent(domain, &json!({ "execute": "guest-get-vcpus" })).await.ok()?;
    let listed = said.as_array()?.iter().take(PROCESSORS_MAX);
    let (on, off): (Vec<&Value>, Vec<&Value>) = listed.partition(|of| of["online"] != false);
    Some(Processors { on: on.len(), off: off.iter().filter_map(|of| of["logical-id"].as_u64()).collect() })
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
