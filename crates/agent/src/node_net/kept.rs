//! What is remembered of the node's networks on disk, and what a change may be.

use std::{io, path::Path};

use berth_proto::{SetNetworksRequest, networks_reply::State};
use serde::{Deserialize, Serialize};

use crate::ledger::file::replace;

const FILE: &str = "networks.json";
/// Bridges that one node is asked for.
const MOST: usize = 64;
const MTU: std::ops::RangeInclusive<u32> = 1280..=9216;
/// Linux' IFNAMSIZ without its closing zero byte.
const NAME_LIMIT_CHARS: usize = 15;

/// A bridge as the control server wants it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Bridge {
    pub name: String,
    pub mtu: u32,
}

/// All bridges that are wanted from then on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub id: String,
    pub cluster_epoch: u64,
    pub generation: u64,
    pub bridges: Vec<Bridge>,
}

/// A change that is in force and not confirmed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Pending {
    pub change: Change,
    /// Microseconds since 1970 in UTC.
    pub until_us: i64,
    pub boot_id: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub(super) struct Kept {
    pub confirmed: Change,
    pub pending: Option<Pending>,
    /// The id of the newest change that was undone.
    pub undone: String,
}

impl Kept {
    /// Nothing where there is no file.
    pub fn read(dir: &Path) -> io::Result<Kept> {
        match std::fs::read(dir.join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(error),
        }
    }

    pub fn write(&self, dir: &Path) -> io::Result<()> {
        replace(dir, FILE, &serde_json::to_vec(self)?)
    }

    pub fn in_force(&self) -> &[Bridge] {
        &self.pending.as_ref().map_or(&self.confirmed, |pending| &pending.change).bridges
    }

    /// Of a change that was heard of.
    pub fn state_of(&self, change_id: &str) -> Option<State> {
        if self.pending.as_ref().is_some_and(|pending| pending.change.id == change_id) {
            return Some(State::Pending);
        }
        if self.confirmed.id == change_id {
            return Some(State::Confirmed);
        }
        (self.undone == change_id).then_some(State::Undone)
    }

    /// What a change must not be older than.
    pub fn newest(&self) -> (u64, u64) {
        let of = |change: &Change| (change.cluster_epoch, change.generation);
        self.pending.as_ref().map_or(of(&self.confirmed), |pending| of(&pending.change).max(of(&self.confirmed)))
    }
}

impl Change {
    /// What the node's owner lets the control server ask for, or a sentence.
    pub fn of(request: &SetNetworksRequest, prefix: &str) -> Result<Change, String> {
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if request.change_id.is_empty() || request.bridges.len() > MOST {
            return Err(format!("a change has an id, and a node at most {MOST} bridges of the control server's"));
        }
        let mut bridges: Vec<Bridge> = Vec::new();
        for bridge in &request.bridges {
            let name = &bridge.bridge;
            if prefix.is_empty() || !name.starts_with(prefix) || name.len() > NAME_LIMIT_CHARS || !plain(name) {
                return Err(format!("the node's owner does not let the control server make a bridge {name:?}"));
            }
            if !MTU.contains(&bridge.mtu) {
                return Err(format!("a bridge's MTU is {} to {}, not {}", MTU.start(), MTU.end(), bridge.mtu));
            }
            if bridges.iter().any(|known| known.name == *name) {
                return Err(format!("the bridge {name} is named twice"));
            }
            bridges.push(Bridge { name: name.clone(), mtu: bridge.mtu });
        }
        let SetNetworksRequest { change_id, cluster_epoch, generation, bridges: _ } = request;
        Ok(Change { id: change_id.clone(), cluster_epoch: *cluster_epoch, generation: *generation, bridges })
    }
}

#[cfg(test)]
mod tests {
    use berth_proto::BridgeSettings;

    use super::*;

    fn request(bridges: &[(&str, u32)]) -> SetNetworksRequest {
        let bridges = bridges.iter().map(|(bridge, mtu)| BridgeSettings { bridge: (*bridge).into(), mtu: *mtu });
        SetNetworksRequest { change_id: "a".into(), cluster_epoch: 1, generation: 1, bridges: bridges.collect() }
    }

    #[test]
    fn only_bridges_of_the_owners_prefix_are_made() {
        assert_eq!(Change::of(&request(&[("vmbr1", 1500)]), "vmbr").unwrap().bridges[0].mtu, 1500);
        for (wrong, prefix) in [
            (request(&[("vmbr1", 1500)]), ""),
            (request(&[("eth0", 1500)]), "vmbr"),
            (request(&[("vmbr1/../x", 1500)]), "vmbr"),
            (request(&[("vmbr1 name", 1500)]), "vmbr"),
            (request(&[("vmbr-is-too-long", 1500)]), "vmbr"),
            (request(&[("vmbr1", 1000)]), "vmbr"),
            (request(&[("vmbr1", 1500), ("vmbr1", 1400)]), "vmbr"),
            (SetNetworksRequest { change_id: String::new(), ..request(&[]) }, "vmbr"),
        ] {
            assert!(Change::of(&wrong, prefix).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_pending_is_in_force_and_survives_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Kept::read(dir.path()).unwrap(), Kept::default());
        let change = Change::of(&request(&[("vmbr1", 1500)]), "vmbr").unwrap();
        let pending = Pending { change: change.clone(), until_us: 7, boot_id: "b".into() };
        let kept = Kept { pending: Some(pending), undone: "z".into(), ..Kept::default() };
        kept.write(dir.path()).unwrap();
        let read = Kept::read(dir.path()).unwrap();
        assert_eq!((&read, read.in_force()), (&kept, &change.bridges[..]));
        let states = ["a", "z", "b"].map(|id| read.state_of(id));
        assert_eq!(states, [Some(State::Pending), Some(State::Undone), None]);
        assert_eq!(read.newest(), (1, 1));
    }
}
