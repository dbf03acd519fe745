//! What a running guest waits for, from the node's words: pure.
//!
//! A node says what the newest specification has and the guest that runs does not have before its next start. Each word
//! becomes a pending action that people read; a word that is no longer said was applied.

use berth_store::{
    entity::{pending_action, server_disk},
    pending_action::NewPending,
    server_details::ServerDetails,
    server_disk::{STATUS_LEAVING, STATUS_PLANNED},
};
use serde_json::{Value, json};

use crate::ipam;

/// What applies a change that waits: a start does, and a guest that is off has nothing to wait for.
pub const POWER_ACTIONS: [&str; 4] = ["boot", "restart", "shutdown", "poweroff"];

/// What is written of changes that wait, at one look at the node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// The specification that the node had carried out then.
    pub generation: i64,
    /// What the guest still waits for.
    pub waiting: Vec<NewPending>,
    /// Disks that were planned and are there now.
    pub made_disks: Vec<i64>,
    /// Disks that were to go and are gone.
    pub gone_disks: Vec<i64>,
    /// What it waited for and has now, as people read it.
    pub applied: Vec<String>,
}

/// From what the rows say and what the node said of the server: `words` of the specification `generation`.
pub fn settle(details: &ServerDetails, generation: i64, words: &[String]) -> Settled {
    let waiting = words.iter().map(|word| describe(details, generation, word)).collect();
    let waits = |word: &str| words.iter().any(|said| said == word);
    let is_made = |disk: &&server_disk::Model| {
        disk.status == STATUS_PLANNED && !waits(&disk_word(disk.position)) && generation >= details.server.generation
    };
    let made_disks = details.disks.iter().filter(is_made).map(|disk| disk.id).collect();
    let applied = details.pending.iter().filter(|row| is_settled(row, generation) && !waits(&row.waits_for));
    let applied = applied.map(|row| row.action.clone()).collect();
    Settled { generation, waiting, made_disks, gone_disks: Vec::new(), applied }
}

/// Whether what a node said of this generation tells anything of this row: a later change is not in it.
pub fn is_settled(row: &pending_action::Model, generation: i64) -> bool {
    !row.waits_for.is_empty() && row.generation <= generation
}

/// How the node's words for disks begin.
pub const DISK_WORD: &str = "disk:";

/// The node's word for a disk, by the name that virtio gives it, whatever its bus.
pub fn disk_word(position: i32) -> String {
    format!("{DISK_WORD}vd{}", letter(position))
}

/// `a` for the first.
pub fn letter(position: i32) -> char {
    char::from(b'a' + u8::try_from(position - 1).unwrap_or(0).min(25))
}

/// A disk that is to be made.
pub fn new_disk(disk: &server_disk::Model, generation: i64) -> NewPending {
    NewPending {
        action: format!("Create HDD (sd{})", letter(disk.position)),
        waits_for: disk_word(disk.position),
        generation,
        payload: json!({ "disk": { "id": disk.id, "disk_storage_id": null } }),
    }
}

fn describe(details: &ServerDetails, generation: i64, word: &str) -> NewPending {
    let server = &details.server;
    let (action, payload) = match word {
        "memory" => ("Change memory", json!({ "memory": server.memory_mib })),
        "cpu" => ("Change CPU cores", json!({ "cpuCores": server.cpu_cores })),
        "throttle" => ("Change CPU throttle", json!({ "percent": server.cpu_throttle })),
        "network" => ("Change network", network(details)),
        "addresses" => ("Change addresses", addresses(details)),
        _ => match details.disks.iter().find(|disk| disk_word(disk.position) == word) {
            Some(disk) => return of_disk(disk, generation),
            None => ("Change definition", json!({ "change": word })),
        },
    };
    NewPending { action: action.to_owned(), waits_for: word.to_owned(), generation, payload }
}

/// What is to become of a disk.
pub fn of_disk(disk: &server_disk::Model, generation: i64) -> NewPending {
    let action = match disk.status {
        STATUS_PLANNED => return new_disk(disk, generation),
        STATUS_LEAVING => "Remove",
        _ => "Change",
    };
    NewPending {
        action: format!("{action} HDD (sd{})", letter(disk.position)),
        waits_for: disk_word(disk.position),
        generation,
        payload: json!({ "disk": { "id": disk.id, "capacity": disk.capacity_gib } }),
    }
}

fn network(details: &ServerDetails) -> Value {
    let interfaces = details.interfaces.iter().map(|details| &details.interface);
    let interfaces = interfaces
        .map(|row| json!({ "id": row.id, "inAverage": row.in_average_kbs, "outAverage": row.out_average_kbs }));
    json!({ "interfaces": interfaces.collect::<Vec<_>>() })
}

/// What the guest configures at its next start; what it may use its node lets through already.
fn addresses(details: &ServerDetails) -> Value {
    let interfaces = details.interfaces.iter().map(|of| {
        let ipv4: Vec<String> = of.ipv4.iter().map(|(row, _)| ipam::ipv4(row.address).to_string()).collect();
        let ipv6: Vec<String> = of.ipv6.iter().map(|(row, _)| format!("{}/{}", row.subnet, row.prefix_len)).collect();
        json!({ "id": of.interface.id, "ipv4": ipv4, "ipv6": ipv6 })
    });
    json!({ "interfaces": interfaces.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_named_as_nodes_name_them() {
        assert_eq!((disk_word(1).as_str(), disk_word(3).as_str()), ("disk:vda", "disk:vdc"));
        assert_eq!((letter(0), letter(26), letter(99)), ('a', 'z', 'z'));
    }
}
