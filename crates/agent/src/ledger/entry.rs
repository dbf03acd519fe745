//! One server in the ledger, and the rules by which it changes.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use berth_proto::{self as proto, ServerSpec};
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::domain_xml::Metadata;
use crate::storage::StorageRecord;

const FIRST: u32 = 1;
/// Volumes say where they are: an agent that does not know would look for them in its own folder.
const WITH_STORAGE: u32 = 2;

/// Outcomes of operations that are remembered; a repeat of an older one would be a bug of the caller's.
const OPS_KEPT: usize = 64;

/// Why the node does not take what it is told. The display form is a sentence's part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a later claim on this server was seen ({0})")]
    Fenced(String),
    #[error("a newer specification is known ({0})")]
    Old(String),
    #[error("this generation is known with another content ({0})")]
    Changed(String),
    #[error("the server was removed from this node ({0})")]
    Buried(String),
    #[error("this agent lacks the feature {0}")]
    Feature(String),
    #[error("{0}")]
    Invalid(String),
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OpState {
    Running,
    Done,
    Failed,
}

/// An operation that happens once.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct OpRecord {
    pub op_id: String,
    /// The request, so that it can be settled after a restart.
    pub request: String,
    pub state: OpState,
    pub detail: String,
    pub result: BTreeMap<String, String>,
    /// What settles the outcome by looking: libvirt's id of the guest that ran when it began.
    pub guest_before: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub version: u32,
    pub server_uuid: String,
    pub cluster_epoch: u64,
    pub generation: u64,
    /// The specification in protobuf's encoding, in base64.
    spec: Option<String>,
    spec_hash: String,
    pub applied_generation: u64,
    fence_token: u64,
    /// Whether it comes back after a reboot of the node.
    pub should_run: bool,
    /// The node's boot under which `should_run` was last known to hold.
    pub boot_id: String,
    /// Everything is gone, or is to go; nothing older than this comes back.
    pub tombstone: Option<(u64, u64)>,
    pub evicted: bool,
    /// Volumes that were made for this server, so that those of earlier builds are found.
    pub volumes: Vec<VolumeRecord>,
    pub ops: Vec<OpRecord>,
    /// None until it was defined, and for entries of earlier releases.
    pub defined: Option<Defined>,
}

/// The definition that libvirt was given, so that one that somebody else changed is known as such.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Defined {
    /// Hash of what was written.
    pub written: String,
    /// Hash of what libvirt made of it.
    pub stored: String,
    /// The version of that libvirt.
    pub libvirt: u32,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct VolumeRecord {
    pub volume_uuid: String,
    pub format: String,
    /// None: in the agent's own folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageRecord>,
}

impl Entry {
    /// The newest that this agent reads. One without disks on storage points is written as the release before reads it.
    pub const VERSION: u32 = WITH_STORAGE;

    pub fn new(server_uuid: &str) -> Self {
        Self {
            version: FIRST,
            server_uuid: server_uuid.to_owned(),
            cluster_epoch: 0,
            generation: 0,
            spec: None,
            spec_hash: String::new(),
            applied_generation: 0,
            fence_token: 0,
            should_run: false,
            boot_id: String::new(),
            tombstone: None,
            evicted: false,
            volumes: Vec::new(),
            ops: Vec::new(),
            defined: None,
        }
    }

    /// An entry made from what the host still has of the server, after the ledger was lost. It has no specification
    /// until the control server applies one again, which may not be older than what the domain was defined from.
    pub fn adopted(found: &Metadata, volumes: Vec<VolumeRecord>, runs: bool, boot_id: &str) -> Self {
        Self {
            cluster_epoch: found.cluster_epoch,
            generation: found.generation,
            should_run: runs,
            boot_id: boot_id.to_owned(),
            version: if volumes.iter().any(|volume| volume.storage.is_some()) { WITH_STORAGE } else { FIRST },
            volumes,
            ..Self::new(&found.server_uuid)
        }
    }

    pub fn spec(&self) -> Option<ServerSpec> {
        let bytes = BASE64.decode(self.spec.as_ref()?).ok()?;
        ServerSpec::decode(bytes.as_slice()).ok()
    }

    /// Remembers the newest claim and refuses those before it.
    pub fn check_fence(&mut self, token: u64) -> Result<(), Refusal> {
        if token < self.fence_token {
            return Err(Refusal::Fenced(format!("{token} came after {}", self.fence_token)));
        }
        self.fence_token = token;
        Ok(())
    }

    /// Takes a specification; `false` when it is the one that is there.
    pub fn take_spec(&mut self, spec: &ServerSpec) -> Result<bool, Refusal> {
        let (asked, known) = ((spec.cluster_epoch, spec.generation), (self.cluster_epoch, self.generation));
        if let Some(tombstone) = self.tombstone.filter(|tombstone| asked <= *tombstone) {
            return Err(Refusal::Buried(format!("at {}.{}", tombstone.0, tombstone.1)));
        }
        let hash = proto::spec_hash(spec);
        if asked < known {
            return Err(Refusal::Old(format!("{}.{}, told {}.{}", known.0, known.1, asked.0, asked.1)));
        }
        if asked == known && self.spec.is_some() {
            return if hash == self.spec_hash {
                Ok(false)
            } else {
                Err(Refusal::Changed(format!("{}.{}", asked.0, asked.1)))
            };
        }
        if asked.0 > known.0 || self.tombstone.is_some() {
            self.applied_generation = 0;
        }
        for disk in &spec.disks {
            if self.volumes.iter().all(|volume| volume.volume_uuid != disk.volume_uuid) {
                let storage = disk.storage.as_ref().map(StorageRecord::of);
                if storage.is_some() {
                    self.version = WITH_STORAGE;
                }
                let (volume_uuid, format) = (disk.volume_uuid.clone(), disk.format.clone());
                self.volumes.push(VolumeRecord { volume_uuid, format, storage });
            }
        }
        (self.cluster_epoch, self.generation) = asked;
        self.spec = Some(BASE64.encode(spec.encode_to_vec()));
        self.spec_hash = hash;
        self.tombstone = None;
        self.evicted = false;
        Ok(true)
    }

    /// The server is to go; what is as old as this does not come back.
    pub fn bury(&mut self, cluster_epoch: u64, generation: u64) -> Result<(), Refusal> {
        let asked = (cluster_epoch, generation);
        if asked < (self.cluster_epoch, self.generation) {
            return Err(Refusal::Old(format!("{}.{}", self.cluster_epoch, self.generation)));
        }
        if self.tombstone.is_none_or(|tombstone| tombstone < asked) {
            self.tombstone = Some(asked);
        }
        self.should_run = false;
        Ok(())
    }

    pub fn op(&self, op_id: &str) -> Option<&OpRecord> {
        self.ops.iter().find(|op| op.op_id == op_id)
    }

    pub fn begin_op(&mut self, record: OpRecord) {
        self.ops.push(record);
        let running = |op: &OpRecord| op.state == OpState::Running;
        while self.ops.len() > OPS_KEPT {
            let Some(oldest) = self.ops.iter().position(|op| !running(op)) else { break };
            self.ops.remove(oldest);
        }
    }

    pub fn end_op(&mut self, op_id: &str, state: OpState, detail: &str, result: BTreeMap<String, String>) {
        if let Some(op) = self.ops.iter_mut().find(|op| op.op_id == op_id) {
            op.state = state;
            detail.clone_into(&mut op.detail);
            op.result = result;
            // A password's hash has no business on disk once it is set.
            op.request.clear();
        }
    }
}
